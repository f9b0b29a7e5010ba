# SPDX-License-Identifier: Apache-2.0
"""Docstrings say each parameter where it stands."""

from __future__ import annotations

import ast
import inspect
import re

from tests.architecture.source_tree import package_modules, parse, relative

# An entry that sends the reader elsewhere: "spacing: see `other`", "clip: as given to the loss", "options: of `Other`".
STUB = re.compile(r"(?:see|as given|as it was given|as in|as by|as the \w+)\b|as (?::\w+:)?`(?!`)")


def _arguments(doc: str) -> dict[str, str]:
    """Return the entries under ``Args:`` of a docstring, by name."""
    section = re.search(r"^(?:Args|Attributes):\n((?:    .*\n?)*)", inspect.cleandoc(doc), re.MULTILINE)
    if section is None:
        return {}
    entries = re.split(r"^ {4}(\*{0,2}\w+(?:, \*{0,2}\w+)*): ", section.group(1), flags=re.MULTILINE)
    return dict(zip(entries[1::2], entries[2::2], strict=True))


def _stubs(tree: ast.Module) -> list[str]:
    documented = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        f"{node.lineno} {node.name}: {name}: {' '.join(text.split())}"
        for node in ast.walk(tree)
        if isinstance(node, documented)
        for name, text in _arguments(ast.get_docstring(node) or "").items()
        if STUB.match(text) or (name.lstrip("*") in _keyword_options(node) and _names_none(text))
    ]


def _keyword_options(node: ast.AST) -> set[str]:
    """Return the name of what takes further keywords: of a function, or of a class's methods."""
    functions = [n for n in (node, *ast.iter_child_nodes(node)) if isinstance(n, ast.FunctionDef)]
    return {n.args.kwarg.arg for n in functions if n.args.kwarg is not None}


def _names_none(text: str) -> bool:
    """Tell whether options are only said to be those of something else: "further ones of `Other`"."""
    return re.search(r"\b(?:of|as)\s+(?::\w+:)?`(?!`)", text) is not None and "``" not in text


EXAMPLE = """
def f(a, b, c, e, **d):
    '''Do.

    Args:
        a: see `g`.
        b: voxels; see `g`.
        c: what comes
            as in a stream.
        **d: further ones of
            :class:`Other`.
        e: as given to
            the loss.
    '''
"""


def test_a_stub_is_found() -> None:
    assert [line.split(": ")[1] for line in _stubs(ast.parse(EXAMPLE))] == ["a", "**d", "e"]


def test_every_parameter_is_said_where_it_stands() -> None:
    found = [f"{relative(path)}:{stub}" for path in package_modules() for stub in _stubs(parse(path))]
    assert not found, "say what the parameter is, not where it is said:\n" + "\n".join(found)
