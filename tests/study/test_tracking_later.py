# SPDX-License-Identifier: Apache-2.0
"""What MLflow is told of evaluations that a study was given later, without a server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from monai_boundary.study import StudyPlan, read_study, run_study
from tests.study.pretend_bundle import study


class Client:
    """Keeps what it is told, by run."""

    numbers: Iterator[int] = count()

    def __init__(self, **_: Any) -> None:
        self.metrics: dict[str, list[str]] = {}
        self.folders: dict[str, list[str]] = {}

    def get_experiment_by_name(self, name: str) -> Any:
        return SimpleNamespace(experiment_id=name)

    def create_run(self, experiment: str, run_name: str, **_: Any) -> Any:
        return SimpleNamespace(info=SimpleNamespace(run_id=f"{run_name} {next(self.numbers)}"))

    def log_batch(self, run: str, metrics: Any = (), params: Any = ()) -> None:
        self.metrics.setdefault(run, []).extend(metric[0] for metric in metrics)

    def log_artifacts(self, run: str, path: str, name: str) -> None:
        self.folders.setdefault(run, []).append(name)

    def log_artifact(self, run: str, path: str) -> None: ...

    def set_terminated(self, run: str, status: str = "FINISHED") -> None: ...

    def update_run(self, run: str, status: str) -> None: ...


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    told = Client()
    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "mlflow.tracking", SimpleNamespace(MlflowClient=lambda **_: told))
    entity = SimpleNamespace(Metric=lambda *entry: entry, Param=lambda *entry: entry)
    monkeypatch.setitem(sys.modules, "mlflow.entities", entity)
    return told


def test_a_run_is_told_of_once_and_of_each_evaluation_once(bundle: Path, tmp_path: Path, client: Client) -> None:
    def planned(*ways: str) -> StudyPlan:
        entries = {way: {"better": "lower", "from": f"{way}/evaluation.json::mean::area"} for way in ways}
        chosen = {way: {"offset": float(k)} for k, way in enumerate(ways)}
        return read_study(study(bundle, evaluate=chosen, metrics=entries, seeds=[3], arms={"plain": {"epochs": 1}}))

    run_study(planned("first", "second"), tmp_path / "out", tracking_uri="here")
    (child,) = client.folders
    assert child.startswith("plain_seed3 ")
    assert set(client.folders[child]) == {"pictures", "first", "second"}, "each in a folder of its own"

    for _ in range(2):
        run_study(planned("first", "second", "other"), tmp_path / "out", tracking_uri="here")
        assert list(client.folders) == [child], "the same run"
        assert sorted(client.folders[child]) == ["first", "other", "pictures", "second"]
        assert client.metrics[child].count("study/other") == 1
