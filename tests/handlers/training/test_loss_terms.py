# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch
from ignite.engine import Events
from monai.handlers import ParamSchedulerHandler

from monai_boundary.handlers.training.loss_terms import LossTerms
from tests.handlers.engines import WeightedLoss, make_trainer


class Recorder:
    """What a logger sees when an epoch completes."""

    def __init__(self) -> None:
        self.metrics: list[dict[str, float]] = []
        self.losses: list[float] = []

    def attach(self, engine: Any) -> None:
        engine.add_event_handler(Events.EPOCH_COMPLETED, lambda e: self.metrics.append(dict(e.state.metrics)))
        engine.add_event_handler(
            Events.ITERATION_COMPLETED, lambda e: self.losses.append(float(e.state.output[0]["loss"]))
        )


@pytest.mark.parametrize("recorder_first", [True, False])
def test_epoch_means_whatever_the_order_of_handlers(recorder_first: bool) -> None:
    loss, recorder = WeightedLoss(), Recorder()
    handlers = [recorder, LossTerms(loss)] if recorder_first else [LossTerms(loss), recorder]
    make_trainer(loss, handlers, epochs=2).run()
    for epoch in (0, 1):
        seen = recorder.metrics[epoch]
        assert set(seen) == {"loss/base", "loss/boundary", "loss/total"}, "the map is no scalar"
        total = sum(recorder.losses[3 * epoch : 3 * epoch + 3]) / 3
        assert seen["loss/total"] == pytest.approx(total, rel=1e-5)
        assert seen["loss/base"] == pytest.approx(total / 3, rel=1e-5)
        assert seen["loss/boundary"] == pytest.approx(2 * total / 3, rel=1e-5)


def test_a_term_that_is_switched_off_is_absent() -> None:
    loss, recorder = WeightedLoss(), Recorder()
    warm_up = ParamSchedulerHandler(
        parameter_setter=lambda value: setattr(loss, "alpha", value),
        value_calculator=lambda current_step: 0.5 if current_step > 1 else 0.0,
        vc_kwargs={},
        epoch_level=True,
        event=Events.EPOCH_STARTED,
    )
    make_trainer(loss, [warm_up, LossTerms(loss, prefix="train_"), recorder], epochs=2).run()
    assert set(recorder.metrics[0]) == {"train_base", "train_total"}
    assert set(recorder.metrics[1]) == {"train_base", "train_boundary", "train_total"}


def test_a_term_of_some_iterations_is_averaged_over_those() -> None:
    class Sometimes(WeightedLoss):
        def forward(self, pred: torch.Tensor, label: torch.Tensor, **targets: Any) -> torch.Tensor:
            value = super().forward(pred, label)
            self.terms = {"rare": torch.tensor(5.0)} if len(self.seen) == 2 else {}
            return value

    loss, recorder = Sometimes(), Recorder()
    make_trainer(loss, [LossTerms(loss), recorder], epochs=1).run()
    assert recorder.metrics[0]["loss/rare"] == 5.0


def test_a_loss_without_terms_is_refused() -> None:
    with pytest.raises(TypeError, match="`loss` needs an attribute `terms`"):
        LossTerms(torch.nn.MSELoss())
