# SPDX-License-Identifier: Apache-2.0
"""A tracked run against a real server on loopback that is down, dies in the middle and comes back; and SQLite."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Events

from monai_boundary.handlers import LossTerms, TrackedRun, lower_is_better
from monai_boundary.handlers.pictures.cases import mlflow_runs
from monai_boundary.handlers.tracking.sender import sent_records
from tests.handlers.engines import WeightedLoss, make_evaluator, make_trainer, validation
from tests.handlers.tracking.mlflow_server import MlflowServer, free_port

mlflow = pytest.importorskip("mlflow")
# MLflow's use of SQLAlchemy
pytestmark = pytest.mark.filterwarnings("ignore:The ..noload.. loader strategy is deprecated")
SCORES = [0.5, 0.4, 0.3, 0.2]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    served = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    yield served
    served.stop()


@pytest.fixture(autouse=True)
def _loopback_without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def train(
    folder: Path, uri: str | None, epochs: int = 3, at: Any = None, event: Any = Events.EPOCH_STARTED, **options: Any
) -> Any:
    """Train for a few steps; ``at`` is called when an epoch starts (or at another event), with its number."""
    network, loss = torch.nn.Conv2d(1, 1, 1), WeightedLoss()
    evaluator = make_evaluator(network, SCORES, lower_is_better)
    options = {"run_name": "first", "settings": {"seed": 7, "loss": {"w": 9}}, "files": ["model.pt"], **options}
    tracked = TrackedRun(folder, evaluator, uri, "tests", configuration={"lr": "$1 / 100"}, **options)
    trainer = make_trainer(loss, [LossTerms(loss), validation(evaluator), tracked], epochs, network=network)
    if at is not None:
        trainer.add_event_handler(event, lambda: at(trainer.state.epoch, trainer))

    def draw() -> None:
        (folder / "case.png").write_bytes(b"picture")
        for log_artifact in mlflow_runs(evaluator):
            log_artifact(str(folder / "case.png"), "pictures")

    evaluator.add_event_handler(Events.EPOCH_COMPLETED, draw)
    trainer.run()
    (folder / "model.pt").write_bytes(b"weights")
    tracked.close()
    return trainer


def found(uri: str, folder: Path) -> Any:
    """The runs of a folder's records in MLflow."""
    client = mlflow.MlflowClient(tracking_uri=uri)
    ids = next(iter(sent_records(folder).values()))["runs"].values()
    return client, [client.get_run(run) for run in ids]


def test_a_run_in_sqlite_holds_what_it_was(tmp_path: Path) -> None:
    trainer = train(tmp_path, None, tags={"stage": "train"})
    uri = f"sqlite:///{tmp_path.as_posix()}/mlruns.db"
    client, (run,) = found(uri, tmp_path)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "first")
    assert run.data.params == {"seed": "7", "loss.w": "9", "epochs": "3", "epoch_length": "3"}
    assert run.data.tags["stage"] == "train"
    assert "version.torch" in run.data.tags
    losses = client.get_metric_history(run.info.run_id, "train_loss")
    assert [m.step for m in losses] == list(range(1, 10))
    for name, value in trainer.state.metrics.items():
        last = client.get_metric_history(run.info.run_id, name)[-1]
        assert (last.step, last.value) == (3, pytest.approx(value)), name
    assert {"loss/base", "loss/boundary", "loss/total"} <= trainer.state.metrics.keys()
    assert [m.value for m in client.get_metric_history(run.info.run_id, "score")] == SCORES[:3]
    assert [m.value for m in client.get_metric_history(run.info.run_id, "lr")] == [0.01] * 3
    (config,) = tmp_path.glob("config_*.json")
    assert json.loads(config.read_text()) == {"lr": "$1 / 100"}
    files = {path.relative_to(tmp_path / "mlruns").parts[2:] for path in (tmp_path / "mlruns").rglob("*.*")}
    assert files == {("model.pt",), ("pictures", "case.png"), (config.name,)}


def test_a_run_is_joined_by_its_own_folder_alone(tmp_path: Path) -> None:
    """Another's open run of the same name is left alone; the same training goes on in its own; others hang below it."""
    uri = f"sqlite:///{tmp_path.as_posix()}/all.db"
    client = mlflow.MlflowClient(tracking_uri=uri)
    stranger = client.create_run(client.create_experiment("tests"), run_name="first")
    ours, evaluation = tmp_path / "ours", tmp_path / "ours" / "evaluation"
    train(ours, uri, epochs=1, resume=True)
    train(ours, uri, epochs=2, resume=True)  # a parameter that changed is no error: MLflow keeps the first
    train(evaluation, uri, epochs=1, run_name="evaluation", training_dir=ours)
    train(ours, uri, epochs=1, resume=False, artifacts=False)
    _, runs = found(uri, ours)
    assert len(runs) == 2, "the one that went on, and the one that began anew"
    assert runs[0].data.params["epochs"] == "1"
    sent = [{artifact.path for artifact in client.list_artifacts(run.info.run_id)} for run in runs]
    assert {"model.pt", "pictures"} <= sent[0]
    assert sent[1] == set(), "no artifacts were wanted"
    assert runs[1].data.metrics["score"] == SCORES[0]
    history = client.get_metric_history(runs[0].info.run_id, "loss/total")
    assert [m.step for m in history] == [1, 1, 2], "the second training had no checkpoint here, so it began at 1"
    _, (child,) = found(uri, evaluation)
    assert child.data.tags["mlflow.parentRunId"] == runs[0].info.run_id
    assert child.data.tags["training"] == "first"
    assert client.get_run(stranger.info.run_id).data.metrics == {}
    assert client.get_run(stranger.info.run_id).info.status == "RUNNING"


def test_an_error_closes_the_run_and_goes_on_its_way(tmp_path: Path) -> None:
    def fail(epoch: int, trainer: Any) -> None:
        if epoch == 2:
            raise ZeroDivisionError("no luck")

    with pytest.raises(ZeroDivisionError, match="no luck"):
        train(tmp_path, None, at=fail, event=Events.ITERATION_COMPLETED(once=5))
    client, (run,) = found(f"sqlite:///{tmp_path.as_posix()}/mlruns.db", tmp_path)
    losses = client.get_metric_history(run.info.run_id, "train_loss")
    assert [m.step for m in losses] == [1, 2, 3, 4, 5], "those of the epoch that did not end too"
    assert run.info.status == "FAILED"
    assert run.data.tags["error"] == "ZeroDivisionError: no luck"
    assert run.data.metrics["score"] == SCORES[0]


def test_without_mlflow_and_with_a_path_the_error_says_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"`tracking_uri` needs http://HOST:PORT or sqlite:///FILE, got '/data/runs'"):
        TrackedRun(tmp_path, tracking_uri="/data/runs")
    for module in ("mlflow", "mlflow.tracking"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r'tracking needs mlflow: pip install "monai-boundary\[mlflow\]"'):
        TrackedRun(tmp_path)


def test_the_command_line_counts_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert TrackedRun(tmp_path, tracking_uri="http://127.0.0.1:8").sender.uri == "http://127.0.0.1:8"
    assert TrackedRun(tmp_path).sender.uri == "http://127.0.0.1:9"
    assert TrackedRun(tmp_path, tracking_uri="http://me:secret@host:8").sender.shown == "http://host:8"


def test_a_server_that_never_answers_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    began = time.monotonic()
    with caplog.at_level(logging.INFO):
        train(tmp_path, f"http://127.0.0.1:{free_port()}")
    assert time.monotonic() - began < 10
    (line,) = [r.getMessage() for r in caplog.records if "MLflow" in r.getMessage()]
    assert "does not take records (connection refused): the run goes on" in line
    assert str(tmp_path / "tracking.jsonl") in line


@pytest.mark.slow
def test_a_server_that_is_down_at_first_dies_in_the_middle_and_comes_back_has_everything(
    tmp_path: Path, server: MlflowServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Down at the start, up from the second epoch, killed in the third, up again for a run that is resumed."""

    def weather(epoch: int, trainer: Any) -> None:
        if epoch == 2:
            server.start()
            trainer.handler._next_try = 0.0  # as after a minute
        if epoch == 3:
            server.stop()

    def at(epoch: int, trainer: Any) -> None:
        trainer.handler = next(
            h.__self__.sender
            for h, *_ in trainer._event_handlers[Events.STARTED]
            if isinstance(getattr(h, "__self__", None), TrackedRun)
        )
        weather(epoch, trainer)

    with caplog.at_level(logging.INFO):
        train(tmp_path, server.address, epochs=4, at=at, resume=True)
    said = [(r.levelname, r.getMessage()) for r in caplog.records if "MLflow at" in r.getMessage()]
    assert [level for level, _ in said] == ["WARNING", "INFO", "WARNING"], said
    assert "answers again" in said[1][1]
    server.start()
    client, (run,) = found(server.address, tmp_path)
    assert [m.value for m in client.get_metric_history(run.info.run_id, "score")] == SCORES[:2], "what got through"
    train(tmp_path, server.address, epochs=1, resume=True)
    client, (run,) = found(server.address, tmp_path)
    assert run.info.status == "FINISHED"
    scores = {m.step: m.value for m in client.get_metric_history(run.info.run_id, "score")}
    assert scores == dict(enumerate(SCORES, start=1)), "those of the hours without a server too"
    artifacts = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"model.pt", "pictures"} < artifacts
