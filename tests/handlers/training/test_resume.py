# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
import math
import os
import signal
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ignite.engine import Events
from monai.handlers import LrScheduleHandler

from monai_boundary.handlers import LossTerms
from monai_boundary.handlers.training.checkpoint_file import save_atomically
from monai_boundary.handlers.training.resume import (
    ResumeTraining,
    SeedEveryEpoch,
    StopWithoutImprovement,
    higher_is_better,
    lower_is_better,
)
from monai_boundary.handlers.training.termination import StoppedTraining
from tests.handlers.engines import WeightedLoss, make_evaluator, make_trainer, validation


class KilledError(Exception):
    pass


def run(
    folder: Path,
    epochs: int,
    scores: list[float] | None = None,
    kill_at: int | None = None,
    number: int = 6,
    patience: int | None = None,
    terminate_at: int | None = None,
    **arguments: Any,
) -> tuple[Any, Any]:
    """Run (or go on with) a training with everything attached; return trainer and evaluator."""
    torch.manual_seed(0)
    network = torch.nn.Conv2d(1, 1, 1)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    evaluator = make_evaluator(network, scores or [1.0 / (i + 1) for i in range(20)], lower_is_better)
    handlers = [
        LrScheduleHandler(schedule, print_lr=False),
        validation(evaluator),
        ResumeTraining(
            folder / "checkpoint.pt",
            {"network": network, "optimizer": optimizer, "schedule": schedule},
            evaluator,
            folder / "model.pt",
            **arguments,
        ),
        StopWithoutImprovement(evaluator, patience),
    ]
    trainer = make_trainer(WeightedLoss(), handlers, epochs, number, network=network, optimizer=optimizer)
    SeedEveryEpoch(7, trainer.data_loader.dataset).attach(trainer)
    if terminate_at is not None:

        def terminate() -> None:
            if trainer.state.iteration == terminate_at:
                os.kill(os.getpid(), signal.SIGTERM)

        trainer.add_event_handler(Events.ITERATION_STARTED, terminate)
        with pytest.raises(StoppedTraining) as stopped:
            trainer.run()
        assert stopped.value.code == 143
    elif kill_at is not None:

        def kill() -> None:
            if trainer.state.iteration == kill_at:
                raise KilledError

        trainer.add_event_handler(Events.ITERATION_COMPLETED, kill)
        with pytest.raises(KilledError):
            trainer.run()
    else:
        trainer.run()
    return trainer, evaluator


def test_resumed_equals_uninterrupted_to_the_bit(tmp_path: Path) -> None:
    whole, _ = run(tmp_path / "whole", epochs=5)
    run(tmp_path / "cut", epochs=5, kill_at=8)  # in the middle of the third epoch
    resumed, evaluator = run(tmp_path / "cut", epochs=5)
    assert resumed.state.epoch == 5
    assert resumed.state.iteration == whole.state.iteration == 15
    assert evaluator.state.best_metric_epoch == 5
    torch.testing.assert_close(resumed.network.state_dict(), whole.network.state_dict(), rtol=0, atol=0)
    rates = [t.optimizer.param_groups[0]["lr"] for t in (whole, resumed)]
    assert rates[0] == rates[1]


@pytest.mark.parametrize("at", [1, 8, 9])
def test_sigterm_saves_within_the_epoch_and_the_rest_is_the_same_to_the_bit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, at: int
) -> None:
    """In the first step of all, in the middle of the third epoch, and in its last step, which is validated first."""
    before = signal.getsignal(signal.SIGTERM)
    whole, _ = run(tmp_path / "whole", epochs=5)
    with caplog.at_level(logging.WARNING):
        run(tmp_path / "cut", epochs=5, terminate_at=at)
    assert signal.getsignal(signal.SIGTERM) == before
    where = {1: "epoch 1 as far as step 1 of 3", 8: "epoch 3 as far as step 2 of 3", 9: "epoch 3."}[at]
    assert f"Ended by SIGTERM: {tmp_path / 'cut' / 'checkpoint.pt'} has {where}" in caplog.text
    resumed, evaluator = run(tmp_path / "cut", epochs=5)
    assert resumed.state.iteration == whole.state.iteration == 15
    assert evaluator.state.best_metric_epoch == 5
    torch.testing.assert_close(resumed.network.state_dict(), whole.network.state_dict(), rtol=0, atol=0)
    torch.testing.assert_close(resumed.optimizer.state_dict(), whole.optimizer.state_dict(), rtol=0, atol=0)


def test_sigterm_keeps_the_sums_of_the_loss(tmp_path: Path) -> None:
    """The mean over an epoch is over all of its steps, those before the end of the process too."""
    rows = []
    for name, at in (("whole", None), ("cut", 2)):
        for attempt in range(2 if at else 1):
            torch.manual_seed(0)
            loss, network = WeightedLoss(), torch.nn.Conv2d(1, 1, 1)
            optimizer = torch.optim.Adam(network.parameters(), 0.01)
            state = {"network": network, "optimizer": optimizer}
            handlers = [LossTerms(loss), ResumeTraining(tmp_path / f"{name}.pt", state)]
            trainer = make_trainer(loss, handlers, epochs=1, network=network, optimizer=optimizer)
            SeedEveryEpoch(7, trainer.data_loader.dataset).attach(trainer)
            if at and attempt == 0:
                trainer.add_event_handler(
                    Events.ITERATION_STARTED(once=at), lambda: os.kill(os.getpid(), signal.SIGTERM)
                )
                with pytest.raises(StoppedTraining):
                    trainer.run()
            else:
                trainer.run()
        rows.append({k: v for k, v in trainer.state.metrics.items() if k.startswith("loss/")})
    assert rows[0] == rows[1]
    assert rows[0]["loss/total"] > 0


def test_outside_of_the_training_sigterm_does_what_it_did(tmp_path: Path) -> None:
    """A training that failed leaves its handler behind, which notes nothing then."""
    seen, others = [], set(threading.enumerate())  # those of other tests' pools may be left
    former = signal.signal(signal.SIGTERM, lambda *_: seen.append(1))
    try:
        run(tmp_path, epochs=3, kill_at=2)
        os.kill(os.getpid(), signal.SIGTERM)
        assert seen == [1]
        assert not [t for t in set(threading.enumerate()) - others if not t.daemon]
    finally:
        signal.signal(signal.SIGTERM, former)


@pytest.mark.parametrize("damage", ["flipped", "cut", "other"])
def test_a_damaged_checkpoint_is_named_in_one_line(tmp_path: Path, damage: str) -> None:
    run(tmp_path, epochs=1)
    path = tmp_path / "checkpoint.pt"
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    path.write_bytes(b"not at all" if damage == "other" else content[: -100 if damage == "cut" else None])
    with pytest.raises(
        ValueError, match=r"`checkpoint` needs the file that was written, .*checkpoint.pt \(\d+"
    ) as error:
        run(tmp_path, epochs=2)
    assert len(str(error.value).splitlines()) == 1
    (tmp_path / "checkpoint.pt.sha256").unlink()
    if damage != "flipped":  # without the hash nobody can tell
        with pytest.raises(ValueError, match=r"`checkpoint` needs a file of torch.save") as error:
            run(tmp_path, epochs=2)
        assert len(str(error.value).splitlines()) == 1


def test_a_network_is_no_checkpoint(tmp_path: Path) -> None:
    save_atomically({"weight": torch.zeros(1)}, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match="`checkpoint` needs what a training wrote"):
        run(tmp_path, epochs=2)


def test_a_worse_epoch_after_resuming_does_not_replace_the_best(tmp_path: Path) -> None:
    scores = [0.5, 0.3, 0.4, 0.6]
    run(tmp_path, epochs=2, scores=scores)
    best = (tmp_path / "model.pt").read_bytes()
    _, evaluator = run(tmp_path, epochs=4, scores=scores)
    assert (tmp_path / "model.pt").read_bytes() == best
    assert (evaluator.state.best_metric, evaluator.state.best_metric_epoch) == (0.3, 2)


def test_a_better_epoch_does(tmp_path: Path) -> None:
    scores = [0.5, 0.3, 0.2]
    run(tmp_path, epochs=2, scores=scores)
    trainer, _ = run(tmp_path, epochs=3, scores=scores)
    saved = torch.load(tmp_path / "model.pt", weights_only=True)
    torch.testing.assert_close(saved, dict(trainer.network.state_dict()), rtol=0, atol=0)


def test_nan_is_never_the_best(tmp_path: Path) -> None:
    _, evaluator = run(tmp_path, epochs=3, scores=[math.nan, 0.7, math.nan])
    assert (evaluator.state.best_metric, evaluator.state.best_metric_epoch) == (0.7, 2)


def test_killed_between_checkpoint_and_best_model(tmp_path: Path) -> None:
    trainer, _ = run(tmp_path, epochs=2)
    (tmp_path / "model.pt").unlink()
    run(tmp_path, epochs=2)
    saved = torch.load(tmp_path / "model.pt", weights_only=True)
    torch.testing.assert_close(saved, dict(trainer.network.state_dict()), rtol=0, atol=0)


def test_the_loader_of_this_run_decides_the_epoch_length(tmp_path: Path) -> None:
    run(tmp_path, epochs=2, number=6)
    trainer, _ = run(tmp_path, epochs=3, number=10)
    assert trainer.state.epoch_length == 5
    assert trainer.state.iteration == 15


def test_a_finished_training_says_so_and_does_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(tmp_path, epochs=2)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    caplog.set_level(logging.WARNING)
    torch.manual_seed(0)
    handler = ResumeTraining(tmp_path / "checkpoint.pt", {"network": torch.nn.Conv2d(1, 1, 1)})
    trainer = make_trainer(WeightedLoss(), [handler], epochs=2)
    trainer.run()
    assert "has all of its 2 epochs done" in caplog.text
    assert trainer.state.iteration == 6
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_resume_false_starts_anew(tmp_path: Path) -> None:
    run(tmp_path, epochs=2)
    trainer, _ = run(tmp_path, epochs=1, resume=False)
    assert trainer.state.iteration == 3
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["training"]["epoch"] == 1


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    run(tmp_path, epochs=1, settings={"alpha": 0.1, "fold": 0})
    with pytest.raises(ValueError, match=r"alpha: 0.1 there, 0.5 now\).*Give another output folder"):
        run(tmp_path, epochs=2, settings={"alpha": 0.5, "fold": 0})


def test_what_an_earlier_version_does_not_say_is_not_compared(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(tmp_path, epochs=1, settings={"fold": 0, "size": (2, 2)})
    run(tmp_path, epochs=2, settings={"fold": 0, "size": [2, 2], "seed": 3})
    assert "is of an earlier version, and does not say: seed." in caplog.text
    with pytest.raises(ValueError, match="seed: 3 there, 4 now"):
        run(tmp_path, epochs=3, settings={"fold": 0, "size": [2, 2], "seed": 4})
    with pytest.raises(ValueError, match="seed: 3 there, None now"):
        run(tmp_path, epochs=3, settings={"fold": 0, "size": [2, 2]})


def test_another_network_is_one_line(tmp_path: Path) -> None:
    run(tmp_path, epochs=1)
    content = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    content["network"] = {name: torch.zeros(7, 7) for name in content["network"]}
    save_atomically(content, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match="`state` needs 'network' to be that of the checkpoint") as error:
        run(tmp_path, epochs=2)
    assert "size mismatch" in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_entry_is_named(tmp_path: Path) -> None:
    save_atomically({"training": {"settings": {}, "epoch": 1, "best": None}}, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match="needs the entry 'network', it has: training"):
        run(tmp_path, epochs=2)


def test_early_stop_counts_over_resuming_and_stays_stopped(tmp_path: Path) -> None:
    scores = [0.5, 0.3, *[0.4] * 10]
    run(tmp_path, epochs=4, scores=scores, patience=3)
    stopped, _ = run(tmp_path, epochs=12, scores=scores, patience=3)
    assert stopped.state.epoch == 5
    again, _ = run(tmp_path, epochs=12, scores=scores, patience=3)
    assert again.state.epoch == 5


def test_a_negative_patience_is_refused() -> None:
    """It would be over in the first epoch; elsewhere -1 is said for never."""
    with pytest.raises(ValueError, match=r"`patience` needs epochs >= 0 \(0 never stops\), got -1"):
        StopWithoutImprovement(SimpleNamespace(), patience=-1)


def test_interval_skips_but_keeps_every_best(tmp_path: Path) -> None:
    run(tmp_path, epochs=3, scores=[0.5, 0.6, 0.7], interval=2, kill_at=8)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["training"]["epoch"] == 2
    run(tmp_path / "best", epochs=3, scores=[0.5, 0.6, 0.4], interval=5, kill_at=5)
    assert torch.load(tmp_path / "best" / "checkpoint.pt", weights_only=True)["training"]["epoch"] == 1


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="`best_path` needs `evaluator`, and 'network' in `state`, got \\['net'\\]"):
        ResumeTraining("a", {"net": torch.nn.ReLU()}, best_path="b")
    with pytest.raises(ValueError, match=r"`interval` needs an integer >= 1 \(epochs\), got 0"):
        ResumeTraining("a", {}, interval=0)


def test_seeds_differ_between_epochs_and_processes() -> None:
    drawn = []
    for epoch, rank in [(1, 0), (2, 0), (1, 1), (1, 0)]:
        trainer = make_trainer(WeightedLoss(), [])
        trainer.state.epoch, trainer.state.rank = epoch, rank
        transform = trainer.data_loader.dataset.transform
        SeedEveryEpoch(3, trainer.data_loader.dataset)(trainer)
        drawn.append((torch.rand(()).item(), float(transform.transforms[0].R.rand())))
    assert drawn[0] == drawn[3]
    assert len(set(drawn[:3])) == 3
    assert len({number for _, number in drawn[:3]}) == 3


def test_comparisons() -> None:
    assert not lower_is_better(0.3, 0.3)
    assert not lower_is_better(math.nan, math.nan)
    assert not higher_is_better(0.3, 0.3)
