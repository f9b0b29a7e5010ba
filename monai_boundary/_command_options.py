# SPDX-License-Identifier: Apache-2.0
"""Options of the command line in more than one room: how they are spelt, and lists of numbers."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, TypeVar

Number = TypeVar("Number", int, float)


def add_option(group: Any, name: str, **options: Any) -> None:
    """Add an option that may be written with ``_`` or ``-``.

    Args:
        group: parser, or group of one.
        name: of the option, with ``_``, as in Python.
        **options: what argparse is told of it: ``type``, ``help``, ``metavar`` and the like.
    """
    names = [f"--{name}", f"--{name.replace('_', '-')}"]
    group.add_argument(*dict.fromkeys(names), dest=name, **options)


def whole_numbers(text: str) -> tuple[int, ...]:
    """Return whole numbers of an option, also in brackets, as fire would have them.

    Args:
        text: such as ``1,2``.

    Raises:
        argparse.ArgumentTypeError: if there is something else; argparse puts the option's name before the message.

    Example:
        >>> whole_numbers("1,2"), whole_numbers("[3, 4]"), whole_numbers("")
        ((1, 2), (3, 4), ())
    """
    return _listed(text, int, "whole numbers, such as 1,2")


def sizes(text: str) -> tuple[float, ...] | float:
    """Return the sizes of an option, one for each axis, or the one that there is for all.

    Args:
        text: such as ``40,4,4``, or ``4``.

    Raises:
        argparse.ArgumentTypeError: if there is something else, or nothing.

    Example:
        >>> sizes("40,4,4"), sizes("8")
        ((40.0, 4.0, 4.0), 8.0)
    """
    return _one_or_all(text, float, "a number for all axes or one for each, such as 40,4,4")


def whole_sizes(text: str) -> tuple[int, ...] | int:
    """Return sizes in voxels.

    Args:
        text: such as ``16,64,64``, or ``64``.

    Raises:
        argparse.ArgumentTypeError: if there is something else, or nothing.

    Example:
        >>> whole_sizes("16,64,64"), whole_sizes("64")
        ((16, 64, 64), 64)
    """
    return _one_or_all(text, int, "a whole number for all axes or one for each, such as 16,64,64")


def printable(text: object) -> str:
    r"""Return a text of files as a terminal may get it: what it would take as a command is shown as its code.

    Args:
        text: such as a case's name.

    Example:
        >>> print(printable("a\x1b[2J"))
        a\x1b[2J
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in str(text))


def _listed(text: str, kind: Callable[[str], Number], needed: str) -> tuple[Number, ...]:
    try:
        return tuple(kind(part) for part in text.strip("()[] ").split(",") if part.strip())
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"needs {needed}, got {text!r}") from error


def _one_or_all(text: str, kind: Callable[[str], Number], needed: str) -> tuple[Number, ...] | Number:
    found = _listed(text, kind, needed)
    if not found:
        raise argparse.ArgumentTypeError(f"needs {needed}, got {text!r}")
    return found[0] if len(found) == 1 else found
