# SPDX-License-Identifier: Apache-2.0
"""The public names of the package as text: a line per function, class and public method, with parameters and defaults.

``python -m tests.architecture.public_api`` writes the snapshot that ``test_public_api.py`` compares with.
"""

from __future__ import annotations

import enum
import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.architecture.source_tree import PUBLIC_ROOMS

SNAPSHOT = Path(__file__).with_name("public_api.txt")


def exported(room: str) -> dict[str, Any]:
    """Return what ``__all__`` of a room names."""
    module = importlib.import_module(f"monai_boundary.{room}")
    return {name: getattr(module, name) for name in getattr(module, "__all__", ())}


def own_methods(cls: type) -> dict[str, Callable[..., Any]]:
    """Return the public methods that a class defines or inherits from another class of this package.

    Not those that only fill in what the framework calls: such a one has no docstring of its own.
    """
    found: dict[str, Callable[..., Any]] = {}
    for base in reversed([b for b in cls.__mro__ if b.__module__.startswith("monai_boundary")]):
        for name, value in vars(base).items():
            method = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
            if inspect.isfunction(method) and (not name.startswith("_") or name == "__call__"):
                found[name] = method
    return found


def _default(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return str(value)
    if inspect.isclass(value) or inspect.isroutine(value):
        return str(value.__qualname__)
    text = repr(value)
    return "..." if " at 0x" in text else text


def signature_text(function: Callable[..., Any]) -> str:
    """Return the parameters and defaults, without annotations: Python versions print them differently."""
    parameters = [
        p.replace(annotation=inspect.Parameter.empty, default=inspect.Parameter.empty)
        for p in inspect.signature(function).parameters.values()
        if p.name != "self"
    ]
    defaults = {p.name: p.default for p in inspect.signature(function).parameters.values()}
    text = str(inspect.Signature(parameters, __validate_parameters__=False))[1:-1]
    pieces = [piece.strip() for piece in text.split(",") if piece.strip()]
    with_defaults = [
        piece
        if defaults.get(piece, inspect.Parameter.empty) is inspect.Parameter.empty
        else f"{piece}={_default(defaults[piece])}"
        for piece in pieces
    ]
    return f"({', '.join(with_defaults)})"


def _lines() -> Iterator[str]:
    for room in PUBLIC_ROOMS:
        for name, value in exported(room).items():
            if getattr(value, "__name__", name) != name:
                yield f"{room}.{name} = {value.__name__}"
            elif inspect.isclass(value):
                yield f"{room}.{name}{signature_text(value)}"
                for method, function in own_methods(value).items():
                    yield f"{room}.{name}.{method}{signature_text(function)}"
            elif callable(value):
                yield f"{room}.{name}{signature_text(value)}"
            else:
                yield f"{room}.{name}"


def public_api() -> list[str]:
    """Return the lines of the snapshot, sorted."""
    return sorted(_lines())


if __name__ == "__main__":
    SNAPSHOT.write_text("".join(f"{line}\n" for line in public_api()), encoding="utf-8")
