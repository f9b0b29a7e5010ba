# SPDX-License-Identifier: Apache-2.0
"""A study in MLflow: against a real server on loopback, with SQLite behind it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monai_boundary.study import StudyError, read_study, run_study
from monai_boundary.study.run import CASE_FILES, FILES
from monai_boundary.study.tracking import StudyTracking
from tests.handlers.tracking.mlflow_server import MlflowServer
from tests.study.pretend_bundle import study

mlflow = pytest.importorskip("mlflow")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of its own, with its database and its artifacts in a temporary folder."""
    served = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    served.start()
    yield served.address
    served.stop()


@pytest.fixture(autouse=True)
def _loopback_without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9/the/argument/counts")


def runs(address: str, experiment: str) -> tuple[list[Any], list[Any]]:
    client = mlflow.MlflowClient(tracking_uri=address)
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    children = [run for run in found if "mlflow.parentRunId" in run.data.tags]
    return [run for run in found if run not in children], children


def files(address: str, run: Any) -> set[str]:
    client = mlflow.MlflowClient(tracking_uri=address)
    top = client.list_artifacts(run.info.run_id)
    inside = [item for folder in top if folder.is_dir for item in client.list_artifacts(run.info.run_id, folder.path)]
    return {item.path for item in [*top, *inside]}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_parent_with_a_child_for_each_run(bundle: Path, tmp_path: Path, server: str) -> None:
    plan = read_study(study(bundle, seeds=[0], common={"epochs": 2}))
    run_study(plan, tmp_path / "first", workers=2, tracking_uri=server, experiment="losses")
    (parent,), children = runs(server, "losses")
    assert parent.info.run_name == "first"
    assert parent.info.status == "FINISHED"
    assert files(server, parent) == {*FILES, *CASE_FILES}
    assert parent.data.params["base"] == "plain"
    assert parent.data.params["common.epochs"] == "2"
    difference = parent.data.metrics["dice_difference/good loss"]
    assert difference == pytest.approx(0.2, abs=0.05)
    assert {run.info.run_name for run in children} == {"plain_seed0", "good_loss_seed0", "same_seed0"}
    (child,) = [run for run in children if run.info.run_name == "good_loss_seed0"]
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert child.info.status == "FINISHED"
    assert (child.data.params["arm"], child.data.params["effect"]) == ("good loss", "0.2")
    assert child.data.metrics["study/dice"] - difference == pytest.approx(parent.data.metrics["dice/plain"])
    history = mlflow.MlflowClient(tracking_uri=server).get_metric_history(child.info.run_id, "loss/region")
    assert [(point.step, point.value) for point in history] == [(1, 1.0), (2, 0.5)], "the terms, epoch by epoch"
    assert {"pictures/case.png", "log.txt", "overrides.yaml", "metrics.json"} <= files(server, child)

    # the study grows: the same parent goes on, with the new children only
    run_study(read_study(study(bundle, seeds=[0, 1], common={"epochs": 2})), tmp_path / "first", 2, server, "losses")
    (again,), children = runs(server, "losses")
    assert again.info.run_id == parent.info.run_id
    assert len(children) == 6

    # and its networks are scored in another way: the same children have that score too
    ways = {"area": {"better": "lower", "from": "evaluation/evaluation.json::mean::area"}}
    more = study(bundle, seeds=[0, 1], common={"epochs": 2}, evaluate="evaluate.yaml", metrics=ways)
    run_study(read_study(more), tmp_path / "first", 2, server, "losses")
    _, children = runs(server, "losses")
    assert sorted(child.data.metrics["study/area"] for child in children) == [0.5] * 3 + [1.5] * 3
    assert all("study/dice" in child.data.metrics for child in children)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_study_that_fails_shows_as_failed(bundle: Path, tmp_path: Path, server: str) -> None:
    plan = read_study(study(bundle, seeds=[0], arms={"plain": {}, "broken": {"fail": True}}))
    with pytest.raises(StudyError):
        run_study(plan, tmp_path / "bad", tracking_uri=server, experiment="failures")
    (parent,), children = runs(server, "failures")
    assert parent.info.status == "FAILED"
    assert [run.info.run_name for run in children] == ["plain_seed0"]
    unknown = read_study(study(bundle, seeds=[0], arms={"plain": {}}, metrics={"dise": "higher"}))
    with pytest.raises(ValueError, match="dise"):
        run_study(unknown, tmp_path / "stopped", tracking_uri=server, experiment="stopped")
    (parent,), _ = runs(server, "stopped")
    assert parent.info.status == "KILLED"


def test_without_mlflow(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow.tracking", None)
    with pytest.raises(ImportError, match="`tracking_uri` needs MLflow: pip install"):
        StudyTracking("sqlite:///x.db", read_study(study(bundle)), tmp_path)
