# SPDX-License-Identifier: Apache-2.0
"""The public names, and what their docstrings have to say."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import inspect
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.architecture import public_api as api
from tests.architecture.source_tree import PACKAGE, PUBLIC_ROOMS, REPO, defined_names, parse, relative

# With no more parameters than this, a sentence may say it all.
PLAIN = 2
UPDATE = "python -m tests.architecture.public_api"
# Exported names, of which a user has to find the right one. Lower it when names went; a name more has to replace one.
MOST_NAMES = 391


def _everything() -> Iterator[tuple[str, Any]]:
    for room in PUBLIC_ROOMS:
        for name, value in api.exported(room).items():
            if (inspect.isclass(value) or inspect.isfunction(value)) and value.__name__ == name:  # no aliases
                yield f"{room}.{name}", value


EVERYTHING = dict(_everything())


def test_snapshot() -> None:
    """A public name, parameter or default that changes is a decision: it shows in the diff of the snapshot."""
    recorded = api.SNAPSHOT.read_text(encoding="utf-8").splitlines()
    change = list(difflib.unified_diff(recorded, api.public_api(), "recorded", "now", lineterm="", n=0))
    assert not change, "\n".join([f"The public API differs from the snapshot. If it is meant: {UPDATE}", *change])


def test_names_do_not_become_more() -> None:
    number = sum(len(api.exported(room)) for room in PUBLIC_ROOMS)
    assert number <= MOST_NAMES, f"{number} exported names: export only what a user or a YAML names"


def test_a_signature_as_text() -> None:
    def example(a: int, /, b: str = "x", *args: int, c: float = 1.5, d: type = int, **kwargs: int) -> None: ...

    assert api.signature_text(example) == "(a, /, b='x', *args, c=1.5, d=int, **kwargs)"


def _bound(function: ast.AST) -> set[str]:
    """Return the names that a function binds itself: its parameters and what it assigns."""
    stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    return stored | {n.arg for n in ast.walk(function) if isinstance(n, ast.arg)}


def _read(tree: ast.AST, hidden: frozenset[str] = frozenset()) -> set[str]:
    """Return the names that code reads from its module: not a function's own variables of the same name."""
    found: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        inner = hidden | _bound(node) if isinstance(node, (ast.FunctionDef, ast.Lambda)) else hidden
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in hidden:
            found.add(node.id)
        found |= _read(node, inner)
    return found


def _imported(tree: ast.Module) -> set[tuple[str, str]]:
    """Return what a module takes from others: (module, name), by ``from module import name`` or ``module.name``."""
    froms = [(str(n.module), alias.name) for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for alias in n.names]
    homes = {name: f"{module}.{name}" for module, name in froms}
    read = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)]
    return {*froms, *((homes[n.value.id], n.attr) for n in read if n.value.id in homes)}  # type: ignore[attr-defined]


def test_a_variable_of_the_same_name_is_no_use() -> None:
    tree = ast.parse("def a(): ...\ndef b(): a = 1; return a\ndef c(d): return d\ndef d(): return c")
    assert _read(tree) == {"c"}
    assert _imported(ast.parse("from p.q import a as b\nimport c")) == {("p.q", "a")}
    assert _imported(ast.parse("from p import q\nq.a(b.c)")) == {("p", "q"), ("p.q", "a")}


@cache
def _imported_anywhere() -> set[tuple[str, str]]:
    """Return module and name of what modules import, and of what configurations of bundles name by its dotted path."""
    named = re.findall(
        r"(monai_boundary(?:\.\w+)+)\.(\w+)",
        "\n".join(map(Path.read_text, (REPO / "bundles" / "parts").rglob("*.yaml"))),
    )
    return set(named).union(*(_imported(parse(path)) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"))


@pytest.mark.parametrize("room", PUBLIC_ROOMS)
def test_public_names_are_exported_by_their_room(room: str) -> None:
    """What no room exports is used by another module or by its own; or it is private, or nobody needs it."""
    exported = set(api.exported(room))
    imported = _imported_anywhere()
    hidden = []
    for path in sorted((PACKAGE / room).rglob("*.py")):
        if path.name in ("__init__.py", "__main__.py") or path.stem.startswith("_"):
            continue
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        used = exported | _read(parse(path)) | {name for place, name in imported if place == module}
        if path.stem.endswith("_command"):
            used |= {"main"}  # `python -m monai_boundary` finds it by the command's name
        names = sorted(name for name in defined_names(parse(path)) - used if not name.startswith("_"))
        hidden += [f"{relative(path)}: {name}" for name in names]
    assert not hidden, f"neither in monai_boundary.{room}.__all__, nor used, nor private:\n" + "\n".join(hidden)


def _is_record(value: Any) -> bool:
    return inspect.isclass(value) and (hasattr(value, "_fields") or dataclasses.is_dataclass(value))


def _docs(value: Any) -> str:
    """Return a docstring, with those of the bases whose parameters a class takes over."""
    parts = [value]
    if inspect.isclass(value):
        bases = [base for base in value.__mro__ if base.__module__.startswith("monai_boundary")]
        parts = [*bases, *(vars(base)["__init__"] for base in bases if "__init__" in vars(base))]
    return "\n".join(inspect.cleandoc(part.__doc__ or "") for part in parts)


def _documents(doc: str, parameter: str) -> bool:
    entry = rf"^\s*(?:[\w*]+,\s+)*\*{{0,2}}{re.escape(parameter)}\b[^:\n]*:"
    return re.search(entry, doc, re.MULTILINE) is not None or f"``{parameter}``" in doc


def _raises(value: Any) -> bool:
    """Tell whether a function, or the construction of a class, raises an error of the user's in its own body."""
    source = vars(value).get("__init__") if inspect.isclass(value) else value
    if not inspect.isfunction(source) or _is_record(value):
        return False
    raised = [
        n.exc for n in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(source)))) if isinstance(n, ast.Raise)
    ]
    names = {e.func.id for e in raised if isinstance(e, ast.Call) and isinstance(e.func, ast.Name)}
    return bool(names & {"ValueError", "TypeError"})


def _gaps(value: Any) -> Iterator[str]:
    """Yield what the docstring of a public class or function lacks."""
    doc, docs = inspect.getdoc(value) or "", _docs(value)
    if not value.__doc__:
        yield "has no docstring"
    parameters = [
        p.name
        for p in inspect.signature(value).parameters.values()
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and not _is_record(value)
    ]
    if len(parameters) <= PLAIN:
        return
    absent = [p for p in parameters if not _documents(docs, p)]
    if absent:
        yield f"not described under Args: {absent}"
    if inspect.isfunction(value) and inspect.signature(value).return_annotation not in (None, "None", "NoReturn"):
        summary = doc.split("\n\n")[0]
        told = re.search(r"^\s*(?:Returns|Yields):", doc, re.M) or re.search(
            r"\b(?:return|yield|whether)", summary, re.I
        )
        if not told:
            yield "what comes back is not described"
    if _raises(value) and not re.search(r"^\s*Raises:", docs, re.MULTILINE):
        yield "it raises, and its docstring has no Raises section"


def test_a_gap_in_a_docstring_is_seen() -> None:
    def bare(a: int, b: int, c: int) -> int:
        raise ValueError("a")

    def gaps(doc: str) -> list[str]:
        bare.__doc__ = doc
        return list(_gaps(bare))

    absent, back, raised = (
        "not described under Args: ['b', 'c']",
        "what comes back is not described",
        "it raises, and its docstring has no Raises section",
    )
    assert gaps("") == ["has no docstring", "not described under Args: ['a', 'b', 'c']", back, raised]
    assert gaps("Do.\n\n    Args:\n        a: one.") == [absent, back, raised]
    assert gaps("Return it.\n\n    Args:\n        a: one.\n\n    Raises:\n        ValueError: ever.") == [absent]


def test_docstrings() -> None:
    """A docstring lists what goes in, says what comes back, and what is refused."""
    gaps = [f"{name}: {gap}" for name, value in EVERYTHING.items() for gap in _gaps(value)]
    assert not gaps, "\n".join(gaps)
    assert len(EVERYTHING) > 300


WITH_EXAMPLE = [
    name
    for name, value in EVERYTHING.items()
    if name.split(".")[0] in ("losses", "metrics", "networks", "ops", "transforms")
    and not _is_record(value)
    and not inspect.isabstract(value)
]


def test_docstrings_have_an_example() -> None:
    without = [name for name in WITH_EXAMPLE if ">>> " not in (EVERYTHING[name].__doc__ or "")]
    assert not without, f"no Example in the docstring: {without}"
    assert len(WITH_EXAMPLE) > 100
