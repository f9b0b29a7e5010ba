# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_boundary.handlers import TrackedRun
from monai_boundary.workflows.runs.tracking import close_tracking, running_configuration


def test_the_configuration_is_that_of_the_caller_and_of_nobody_else() -> None:
    with pytest.raises(ValueError, match="`running_configuration` needs to be called in a configuration"):
        running_configuration()


def test_closing_takes_the_tracked_runs_among_the_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []
    monkeypatch.setattr(TrackedRun, "close", lambda self: closed.append(self))
    run = TrackedRun.__new__(TrackedRun)
    close_tracking([object(), run])
    assert closed == [run]
