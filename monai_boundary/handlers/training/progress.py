# SPDX-License-Identifier: Apache-2.0
"""A progress bar where somebody looks at it, and nothing in a file."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from ignite.engine import Engine
from ignite.handlers import ProgressBar

__all__ = ["TerminalProgress", "is_terminal"]


def is_terminal(stream: TextIO | None = None) -> bool:
    """Return whether a stream, by default standard error, is a terminal and neither a file nor a pipe.

    Example:
        >>> import io
        >>> is_terminal(io.StringIO())
        False
    """
    stream = sys.stderr if stream is None else stream
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # no stream at all, or a closed one
        return False


class TerminalProgress(ProgressBar):
    """Ignite's progress bar on standard error, drawn only on a terminal.

    A bar redraws its line with every iteration; redirected to a file, each of these is kept.

    Args:
        always: draw it into files and pipes too.
        **options: of Ignite's ``ProgressBar``, for example ``desc``.

    Example:
        >>> TerminalProgress(desc="patients").always
        False
    """

    def __init__(self, always: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.always = always

    def attach(self, engine: Engine, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Attach to an engine, if standard error is a terminal."""
        if self.always or is_terminal():
            super().attach(engine, *args, **kwargs)
