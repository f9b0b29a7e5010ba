# SPDX-License-Identifier: Apache-2.0
"""Scheduled weights in a real MONAI training: before the first batch, per epoch or iteration, and after resuming."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from monai_boundary.handlers import LossTerms, LossWeightHandler, ResumeTraining
from monai_boundary.losses import CompoundLoss, IncreaseSchedule
from tests.handlers.engines import make_trainer


def _error(pred: Tensor, label: Tensor) -> Tensor:
    return ((pred - label) ** 2).mean()


class Watched(CompoundLoss):
    """A compound loss that notes the boundary weight of every batch."""

    def __init__(self) -> None:
        super().__init__({"region": _error, "boundary": _error}, schedule=IncreaseSchedule(start=0.5, step=0.25))
        self.seen: list[float] = []

    def forward(self, input: Any, target: Tensor, **targets: Any) -> Tensor:
        self.seen.append(self.weights["boundary"])
        return super().forward(input, target, **targets)


@pytest.mark.parametrize(
    ("unit", "wanted"), [("epoch", [0.5] * 3 + [0.75] * 3), ("iteration", [0.5, 0.75, 1, 1.25, 1.5, 1.75])]
)
def test_every_batch_has_its_weight(unit: str, wanted: list[float]) -> None:
    loss = Watched()
    make_trainer(loss, [LossWeightHandler(loss, unit=unit)]).run()
    assert loss.seen == wanted


@pytest.mark.parametrize("unit", ["epoch", "iteration"])
def test_a_resumed_training_goes_on_where_it_was(unit: str, tmp_path: Path) -> None:
    whole = Watched()
    make_trainer(whole, [LossWeightHandler(whole, unit=unit)], epochs=4).run()
    seen = []
    for epochs in (2, 4):
        loss = Watched()
        network = torch.nn.Conv2d(1, 1, 1)
        resume = ResumeTraining(tmp_path / "last.pt", {"network": network, "loss": loss})
        make_trainer(loss, [LossWeightHandler(loss, unit=unit), resume], epochs=epochs, network=network).run()
        seen += loss.seen
    assert seen == whole.seen


def test_terms_and_weights_are_logged() -> None:
    loss = Watched()
    trainer = make_trainer(loss, [LossWeightHandler(loss), LossTerms(loss)])
    trainer.run()
    assert trainer.state.metrics["loss/weight_boundary"] == 0.75
    assert trainer.state.metrics["loss/weight_region"] == 1.0
    assert trainer.state.metrics["loss/total"] == pytest.approx(1.75 * trainer.state.metrics["loss/region"], rel=1e-4)


def test_bad_arguments() -> None:
    with pytest.raises(
        TypeError, match="`loss` needs a `schedule` and `set_step`, as a CompoundLoss, got CompoundLoss"
    ):
        LossWeightHandler(CompoundLoss({"region": _error}))
    with pytest.raises(ValueError, match="`unit` needs one of 'epoch', 'iteration', got 'step'"):
        LossWeightHandler(Watched(), unit="step")
