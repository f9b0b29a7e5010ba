# SPDX-License-Identifier: Apache-2.0
"""What a training step costs."""

from __future__ import annotations

import statistics
import time

import torch
from ignite.engine import Events
from monai.engines.workflow import Workflow


class StepTime:
    """Write the median time of an epoch's steps into ``engine.state.metrics``, in seconds.

    A step is forward pass, loss, backward pass and update, without the loading of the batch and without validation. On
    a GPU each step is waited for, at its start and at its end.

    Args:
        name: of the metric.

    Example:
        >>> StepTime().name
        'seconds_per_step'
    """

    def __init__(self, name: str = "seconds_per_step") -> None:
        self.name = name
        self._seconds: list[float] = []
        self._began = 0.0

    def attach(self, engine: Workflow) -> None:
        """Attach to a trainer, anywhere among its handlers: the number is ready before the epoch ends."""
        engine.add_event_handler(Events.EPOCH_STARTED, self.clear)
        engine.add_event_handler(Events.ITERATION_STARTED, self.begin)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.end)

    def clear(self, engine: Workflow) -> None:
        """Forget the last epoch."""
        self._seconds = []
        engine.state.metrics.pop(self.name, None)

    def begin(self, engine: Workflow) -> None:
        """Start the watch."""
        _wait(engine)
        self._began = time.perf_counter()

    def end(self, engine: Workflow) -> None:
        """Stop the watch, and write the median so far."""
        _wait(engine)
        self._seconds.append(time.perf_counter() - self._began)
        engine.state.metrics[self.name] = statistics.median(self._seconds)


def _wait(engine: Workflow) -> None:
    device = getattr(engine.state, "device", None)
    if device is not None and torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
