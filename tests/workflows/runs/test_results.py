# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
import os
import shlex
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from monai_boundary._tables import read_table
from monai_boundary.handlers import LossTerms, ResumeTraining, SeedEveryEpoch, lower_is_better
from monai_boundary.handlers.training import resume
from monai_boundary.workflows.runs.results import (
    MetricsFiles,
    log_next_inference,
    log_training_summary,
    next_commands,
)
from tests.handlers.engines import WeightedLoss, make_evaluator, make_trainer, validation


def engine(**state: Any) -> Any:
    return SimpleNamespace(
        state=SimpleNamespace(**{"rank": 0, "metrics": {}, **state}), has_event_handler=lambda *_: True
    )


def validated(epoch: int, best: int, **metrics: float) -> Any:
    return engine(epoch=epoch, best_metric_epoch=best, key_metric_name="cremi_score", metrics=metrics)


def test_files_of_a_training_that_is_resumed(tmp_path: Path) -> None:
    for epoch, score, best in [(1, 0.5, 1), (2, 0.3, 2), (3, 0.9, 2)]:
        evaluator = validated(epoch, best, cremi_score=score, ari=0.1)
        MetricsFiles(tmp_path, evaluator, {"alpha": 0.1})(engine(epoch=epoch, metrics={"loss/bce": epoch / 10}))
    # killed in epoch 3, resumed after 2: the third epoch is written anew
    MetricsFiles(tmp_path, validated(3, 3, cremi_score=0.2), {"alpha": 0.1})(engine(epoch=3))
    rows = read_table(tmp_path / "metrics.csv")
    assert [(row["epoch"], row["cremi_score"]) for row in rows] == [(1, 0.5), (2, 0.3), (3, 0.2)]
    summary = json.loads((tmp_path / "metrics.json").read_text())
    assert summary["best"] == {"epoch": 3, "cremi_score": 0.2}
    assert summary["settings"] == {"alpha": 0.1}


def test_settings_lie_beside_the_best_network(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"alpha": 9}')
    evaluator = validated(epoch=-1, best=-1)
    files = MetricsFiles(tmp_path, evaluator, {"alpha": 0.1, "dataset_dir": None})
    files.start(engine(epoch=0))
    assert not (tmp_path / "settings.json").exists(), "of the training that this one replaces"
    files(engine(epoch=1, metrics={}))
    assert not (tmp_path / "settings.json").exists(), "not validated yet"
    evaluator.state.epoch = evaluator.state.best_metric_epoch = 2
    files(engine(epoch=2, metrics={}))
    assert not (tmp_path / "settings.json").exists(), "its network comes with the checkpoint, after the row"
    files.write_settings(engine(epoch=2))
    assert json.loads((tmp_path / "settings.json").read_text()) == {"alpha": 0.1, "dataset_dir": None}
    (tmp_path / "settings.json").unlink()
    files.start(engine(epoch=2))
    assert (tmp_path / "settings.json").is_file(), "resumed"


def test_an_epoch_without_validation_has_no_stale_scores(tmp_path: Path) -> None:
    MetricsFiles(tmp_path, validated(2, 2, cremi_score=0.3))(engine(epoch=3, metrics={"loss/bce": 0.1, "x": [1]}))
    assert read_table(tmp_path / "metrics.csv") == [{"epoch": 3, "loss/bce": 0.1}]


def train(folder: Path, epochs: int = 3) -> None:
    """A training as the bundles have it: the checkpoint's handler stands before the one of the rows."""
    torch.manual_seed(0)
    network, loss = torch.nn.Conv2d(1, 1, 1), WeightedLoss()
    evaluator = make_evaluator(network, [0.5, 0.4, 0.3], lower_is_better)
    files = MetricsFiles(folder, evaluator, {"seed": 7, "dataset_dir": None})
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    state = {"network": network, "optimizer": optimizer}
    checkpoint = ResumeTraining(folder / "checkpoint.pt", state, evaluator, folder / "model.pt")
    handlers = [LossTerms(loss), validation(evaluator), checkpoint, files]
    trainer = make_trainer(loss, handlers, epochs, network=network, optimizer=optimizer)
    SeedEveryEpoch(7, trainer.data_loader.dataset).attach(trainer)
    trainer.run()


@pytest.mark.parametrize(("written", "done"), [(False, 1), (True, 2)])
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_killed_at_a_checkpoint_no_row_is_lost_or_there_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: bool, done: int
) -> None:
    """SIGKILL in the second epoch right before or after its checkpoint gets its name."""
    train(tmp_path / "whole")
    killed, save = tmp_path / "killed", resume.save_atomically

    def save_and_die(content: Any, path: Path) -> None:
        second = path.name == "checkpoint.pt" and content["training"]["epoch"] == 2
        if written or not second:
            save(content, path)
        if second:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        monkeypatch.setattr(resume, "save_atomically", save_and_die)
        train(killed)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert torch.load(killed / "checkpoint.pt", weights_only=True)["training"]["epoch"] == done
    assert [row["epoch"] for row in read_table(killed / "metrics.csv")] == [1, 2], "the row is there first"
    train(killed, epochs=done)  # has all of its epochs: what is said of it is what the checkpoint has
    assert [row["epoch"] for row in read_table(killed / "metrics.csv")] == list(range(1, done + 1))
    summary = json.loads((killed / "metrics.json").read_text())
    assert summary["last"]["epoch"] == summary["best"]["epoch"] == done
    train(killed)
    rows = [read_table(folder / "metrics.csv") for folder in (killed, tmp_path / "whole")]
    assert [row["epoch"] for row in rows[0]] == [1, 2, 3]
    assert rows[0] == rows[1]
    assert (killed / "settings.json").is_file()


def test_the_settings_come_after_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    save = resume.save_atomically

    def look_and_save(content: Any, path: Path) -> None:
        seen.append((tmp_path / "settings.json").exists())
        save(content, path)

    monkeypatch.setattr(resume, "save_atomically", look_and_save)
    train(tmp_path, epochs=1)
    assert seen == [False, False], "checkpoint and network"
    assert (tmp_path / "settings.json").is_file()


def test_only_the_first_process_writes(tmp_path: Path) -> None:
    MetricsFiles(tmp_path, validated(1, 1))(engine(epoch=1, rank=1))
    assert not list(tmp_path.iterdir())


def test_summary_shows_the_best_epoch_and_what_exists(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for epoch, score in [(1, 0.5), (2, 0.7)]:
        evaluator = validated(epoch, 1, liver_dice=0.25, cremi_score=score, voi_split=1.25, voi_merge=2.5, ari=0.75)
        MetricsFiles(tmp_path, evaluator)(engine(epoch=epoch))
    (tmp_path / "model.pt").touch()
    log_training_summary(tmp_path, tmp_path / "the bundle")
    assert "Best epoch 1 of 2 by cremi_score" in caplog.text
    for part in (
        "VOI split (bits)    1.2500",
        "VOI merge (bits)    2.5000",
        "Adapted Rand index  0.7500",
        "liver Dice          0.2500",
        "0.5000",
        "model.pt",
        "evaluate.yaml",
    ):
        assert part in caplog.text
    assert "checkpoint" not in caplog.text, "what does not exist is not listed"


def test_the_next_commands_are_whole_for_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any folder: whole paths, quoted where they have to be."""
    monkeypatch.chdir(tmp_path)
    evaluate, segment = next_commands("bundle", "an output", {"dataset_dir": "data"})
    here = str(tmp_path)
    options = ["--output_dir", f"{here}/an output", "--dataset_dir"]
    start = ["python", "-m", "monai.bundle", "run", "--config_file"]
    assert shlex.split(evaluate) == [*start, f"{here}/bundle/configs/evaluate.yaml", *options, f"{here}/data"]
    assert shlex.split(segment)[:-1] == [*start, f"{here}/bundle/configs/inference.yaml", *options]
    assert "--dataset_dir" not in next_commands("bundle", "out", {"dataset_dir": None})[0], "the phantom again"


def test_an_evaluation_says_how_to_segment(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log_next_inference(tmp_path, "out")
    (message,) = caplog.messages
    assert message.endswith(next_commands(tmp_path, "out")[1])
    assert "inference.yaml" in message
