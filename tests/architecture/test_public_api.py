# SPDX-License-Identifier: Apache-2.0
"""The public names, and what their docstrings have to say."""

from __future__ import annotations

import ast
import difflib
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

from tests.architecture import public_api as api
from tests.architecture.source_tree import PACKAGE, PUBLIC_ROOMS, defined_names, parse, relative

UPDATE = "python -m tests.architecture.public_api"


def _everything() -> Iterator[tuple[str, Any]]:
    for room in PUBLIC_ROOMS:
        for name, value in api.exported(room).items():
            if inspect.isclass(value) or inspect.isfunction(value):
                yield f"{room}.{name}", value


EVERYTHING = dict(_everything())


def test_snapshot() -> None:
    """A public name, parameter or default that changes is a decision: it shows in the diff of the snapshot."""
    recorded = api.SNAPSHOT.read_text(encoding="utf-8").splitlines()
    change = list(difflib.unified_diff(recorded, api.public_api(), "recorded", "now", lineterm="", n=0))
    assert not change, "\n".join([f"The public API differs from the snapshot. If it is meant: {UPDATE}", *change])


def test_a_signature_as_text() -> None:
    def example(a: int, /, b: str = "x", *args: int, c: float = 1.5, d: type = int, **kwargs: int) -> None: ...

    assert api.signature_text(example) == "(a, /, b='x', *args, c=1.5, d=int, **kwargs)"


@pytest.mark.parametrize("room", PUBLIC_ROOMS)
def test_public_names_are_exported_by_their_room(room: str) -> None:
    exported = set(api.exported(room))
    hidden = [
        f"{relative(path)}: {name}"
        for path in sorted((PACKAGE / room).rglob("*.py"))
        if path.name not in ("__init__.py", "__main__.py") and not path.stem.startswith("_")
        for name in sorted(defined_names(parse(path)))
        if not name.startswith("_") and name not in exported
    ]
    assert not hidden, f"public by name, but not in monai_boundary.{room}.__all__:\n" + "\n".join(hidden)


def _documents(doc: str, parameter: str) -> bool:
    return re.search(rf"^\s*(?:[\w*]+,\s+)*\*{{0,2}}{re.escape(parameter)}\b[^:\n]*:", doc, re.MULTILINE) is not None


def _raises(value: Any) -> bool:
    tree = ast.parse(textwrap.dedent(inspect.getsource(value)))
    names = {
        n.exc.func.id
        for n in ast.walk(tree)
        if isinstance(n, ast.Raise) and isinstance(n.exc, ast.Call) and isinstance(n.exc.func, ast.Name)
    }
    return bool(names & {"ValueError", "TypeError"})


def _returns_something(function: Any) -> bool:
    return inspect.signature(function).return_annotation not in (None, "None", inspect.Signature.empty, "NoReturn")


@pytest.mark.parametrize("name", EVERYTHING)
def test_docstring(name: str) -> None:
    """A docstring lists what goes in, says what comes back, and what is refused."""
    value = EVERYTHING[name]
    doc = inspect.getdoc(value) or ""
    init_doc = (inspect.getdoc(vars(value).get("__init__")) or "") if inspect.isclass(value) else ""
    whole = f"{doc}\n{init_doc}"
    assert doc, f"{name} has no docstring"
    parameters = [
        p.name
        for p in inspect.signature(value).parameters.values()
        if p.name != "self" and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    absent = [p for p in parameters if not _documents(whole, p)]
    assert not absent, f"{name}: not described under Args: {absent}"
    if inspect.isfunction(value) and _returns_something(value):
        told = re.search(r"^\s*(?:Returns|Yields):", doc, re.MULTILINE) or re.match(
            r"(?:Return|Yield|Whether|Count|Compute)", doc
        )
        assert told, f"{name}: what comes back is not described"
    if _raises(value):
        assert re.search(r"^\s*Raises:", whole, re.MULTILINE) or any(
            "Raises:" in (inspect.getdoc(method) or "")
            for method in (api.own_methods(value).values() if inspect.isclass(value) else ())
        ), f"{name} raises, and its docstring has no Raises section"


@pytest.mark.parametrize(
    "name", [n for n in EVERYTHING if n.split(".")[0] in ("losses", "metrics", "ops", "transforms")]
)
def test_docstring_has_an_example(name: str) -> None:
    doc = inspect.getdoc(EVERYTHING[name]) or ""
    assert ">>> " in doc, f"{name}: no Example in the docstring"
