# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from typing import Any

import pytest
from ignite.engine import Engine, Events

from monai_boundary.handlers import StepTime


def test_median_of_the_steps_of_each_epoch_without_what_is_around_them() -> None:
    waits = iter([0.01, 0.012, 0.2, 0.0, 0.0, 0.0])
    engine = Engine(lambda engine, batch: time.sleep(next(waits)))
    StepTime().attach(engine)
    seen: list[dict[str, Any]] = []
    engine.add_event_handler(Events.EPOCH_COMPLETED, lambda e: seen.append(dict(e.state.metrics)))
    engine.add_event_handler(Events.GET_BATCH_STARTED, lambda e: time.sleep(0.05))  # loading does not count
    engine.run(range(3), max_epochs=2)
    assert 0.01 < seen[0]["seconds_per_step"] < 0.05
    assert 0 <= seen[1]["seconds_per_step"] < 0.01, "nothing is left of the first epoch"


def test_the_number_is_there_for_handlers_that_came_before() -> None:
    engine = Engine(lambda engine, batch: None)
    seen: list[float] = []
    engine.add_event_handler(Events.EPOCH_COMPLETED, lambda e: seen.append(e.state.metrics["cost"]))
    StepTime("cost").attach(engine)
    engine.run(range(2), max_epochs=2)
    assert len(seen) == 2
    assert seen == pytest.approx([0, 0], abs=0.01)
