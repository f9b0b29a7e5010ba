# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import sys

import pytest
from ignite.engine import Engine

from monai_boundary.handlers.training.progress import TerminalProgress, is_terminal


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


def test_what_is_a_terminal() -> None:
    assert is_terminal(Screen())
    assert not is_terminal(io.StringIO())
    assert not is_terminal(closed())


@pytest.mark.parametrize(("always", "stream", "drawn"), [(False, io.StringIO, False), (True, io.StringIO, True)])
def test_nothing_is_drawn_into_a_file(
    monkeypatch: pytest.MonkeyPatch, always: bool, stream: type[io.StringIO], drawn: bool
) -> None:
    written = stream()
    monkeypatch.setattr(sys, "stderr", written)
    engine = Engine(lambda *_: None)
    TerminalProgress(always, desc="cases", file=written).attach(engine)
    engine.run(range(3), max_epochs=2)
    assert bool(written.getvalue()) == drawn


def test_a_terminal_has_its_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    engine = Engine(lambda *_: None)
    TerminalProgress(desc="cases", file=screen).attach(engine)
    engine.run(range(3), max_epochs=1)
    assert "cases" in screen.getvalue()
