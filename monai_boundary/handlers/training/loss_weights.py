# SPDX-License-Identifier: Apache-2.0
"""The weights of a compound loss, by schedule, set before the first batch of an epoch sees them."""

from __future__ import annotations

from typing import Any

from ignite.engine import Events
from monai.engines.workflow import Workflow

from monai_boundary._validation import check_choice


class LossWeightHandler:
    """Apply a loss's schedule at the start of every epoch, or of every iteration.

    The weights follow from the engine's epoch (or iteration) alone, which a checkpoint restores: a resumed training
    goes on where it was, and nothing else needs saving. MONAI's ``ParamSchedulerHandler`` acts by default when an
    iteration *ends*, so that the first batch, also after resuming, has the old weights; this one acts before.

    Args:
        loss: a `monai_boundary.losses.CompoundLoss` with a schedule (anything with ``schedule`` and ``set_step``).
        unit: what a step of the schedule is, ``"epoch"`` or ``"iteration"``. Both count from 0.

    Raises:
        TypeError: if the loss has no schedule.
        ValueError: if the unit is another.

    Example:
        >>> from monai.losses import DiceLoss
        >>> from monai_boundary.losses import CompoundLoss, IncreaseSchedule, SignedDistanceLoss
        >>> losses = {"region": DiceLoss(sigmoid=True), "boundary": SignedDistanceLoss(sigmoid=True)}
        >>> LossWeightHandler(CompoundLoss(losses, schedule=IncreaseSchedule())).unit
        'epoch'
    """

    def __init__(self, loss: Any, unit: str = "epoch") -> None:
        check_choice("unit", unit, ("epoch", "iteration"))
        if getattr(loss, "schedule", None) is None or not callable(getattr(loss, "set_step", None)):
            raise TypeError(f"`loss` needs a `schedule` and `set_step`, as a CompoundLoss, got {type(loss).__name__}.")
        self.loss = loss
        self.unit = unit

    def attach(self, engine: Workflow) -> None:
        """Attach to a trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED if self.unit == "epoch" else Events.ITERATION_STARTED, self)

    def __call__(self, engine: Workflow) -> None:
        """Set the weights of ``engine.state.epoch`` (or ``iteration``)."""
        done = engine.state.epoch if self.unit == "epoch" else engine.state.iteration
        self.loss.set_step(done - 1)
