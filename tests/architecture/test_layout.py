# SPDX-License-Identifier: Apache-2.0
"""Where files lie and how long they are."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.source_tree import (
    PACKAGE,
    REPO,
    TESTS,
    defined_names,
    package_modules,
    parse,
    python_files,
    relative,
    tracked_files,
)

MAX_LINES = 400
MEDIAN_LINES = 120
MAX_FUNCTION_LINES = 60
MAX_KIB = 600
BINARY = {".npz", ".npy", ".png", ".tif", ".tiff", ".h5", ".pt", ".gz", ".ico", ".zip"}
# A folder of one machine at the start of a path: what is before the slash is no part of a longer path or an address.
MACHINE_PATH = re.compile(r"(?<![\w.~/}-])(?:/(?:home|Users|root|work|opt|mnt|srv|scratch)/[\w.]|[A-Z]:\\Users\\)")


def _has_tests(tree: ast.Module) -> bool:
    """Tell whether a file of tests can fail: a test in it asserts, and something of the package is imported."""
    tests = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")]
    nodes = (n for test in tests for n in ast.walk(test))
    asserting = any(
        isinstance(n, ast.Assert)
        or (isinstance(n, ast.Call) and re.search(r"assert|raises|warns", ast.unparse(n.func)) is not None)
        for n in nodes
    )
    imported = {str(n.module) for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    return asserting and any(name.startswith("monai_boundary") for name in imported)


def test_a_file_without_tests_is_none() -> None:
    use = "from monai_boundary.ops import f\n"
    assert not _has_tests(ast.parse(""))
    assert not _has_tests(ast.parse(f"{use}assert f()"))
    assert not _has_tests(ast.parse(f"{use}def test_it(): f()"))
    assert not _has_tests(ast.parse("def test_it(): assert g()"))
    assert _has_tests(ast.parse(f"{use}def test_it(): assert f()"))
    assert _has_tests(ast.parse(f"{use}def test_it():\n    with pytest.raises(ValueError): f()"))


def test_every_module_has_its_test() -> None:
    missing = []
    for path in package_modules():
        inside = path.relative_to(PACKAGE)
        if not defined_names(parse(path)):
            continue  # constants and type aliases have no behaviour of their own
        if inside.stem.startswith("_") and inside.parent != Path():
            continue  # private to its room, and tested through what the room exports
        expected = TESTS / inside.parent / f"test_{inside.stem.lstrip('_')}.py"
        if not expected.exists():
            missing.append(f"{relative(path)} needs {relative(expected)}")
        elif not _has_tests(parse(expected)):
            missing.append(f"{relative(expected)} needs a test that asserts something of {relative(path)}")
    assert not missing, "\n".join(missing)


def test_files_are_short() -> None:
    """One idea a file: half of the files of the package are no longer than this, and half of all with its tests."""
    package = [path for path in python_files() if PACKAGE in path.parents]
    for what, paths in (("package", package), ("repository", python_files())):
        median = statistics.median(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)
        assert median <= MEDIAN_LINES, f"the median file of the {what} has {median} lines: which has two subjects?"


def _faults(path: Path, text: str) -> Iterator[str]:
    """Yield what is wrong with a Python file."""
    lines = text.splitlines()
    if len(lines) >= MAX_LINES:
        yield f"{relative(path)} has {len(lines)} lines: is it still one idea?"
    if path.stem in ("utils", "helpers", "misc", "common"):
        yield f"{relative(path)}: name the file after what is in it"
    first = lines[1] if lines and lines[0].startswith("#!") else (lines or [""])[0]
    if first != "# SPDX-License-Identifier: Apache-2.0":
        yield f"{relative(path)} starts with {first!r}"


def test_a_fault_of_a_file_is_seen() -> None:
    spdx = "# SPDX-License-Identifier: Apache-2.0\n"
    assert list(_faults(PACKAGE / "a.py", spdx)) == list(_faults(PACKAGE / "a.py", f"#!/bin/sh\n{spdx}")) == []
    assert list(_faults(PACKAGE / "utils.py", spdx)) == ["monai_boundary/utils.py: name the file after what is in it"]
    assert list(_faults(PACKAGE / "a.py", "")) == ["monai_boundary/a.py starts with ''"]
    assert list(_faults(PACKAGE / "a.py", f"{spdx}\n" * 200)) == [
        "monai_boundary/a.py has 400 lines: is it still one idea?"
    ]


def test_python_files() -> None:
    faults = [fault for path in python_files() for fault in _faults(path, path.read_text(encoding="utf-8"))]
    assert not faults, "\n".join(faults)


def _code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines from its first statement, so that neither docstring nor a long signature counts."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    return 0 if not body else (function.end_lineno or 0) - body[0].lineno + 1


def test_functions_are_short() -> None:
    long = [
        f"{relative(path)}:{node.lineno} {node.name} has {_code_lines(node)} lines of code"
        for path in package_modules()
        for node in ast.walk(parse(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _code_lines(node) > MAX_FUNCTION_LINES
    ]
    assert not long, "\n".join(long)


def test_no_paths_of_one_machine() -> None:
    assert MACHINE_PATH.search("see " + "/" + "home/somebody/data")
    assert not MACHINE_PATH.search("https://example.org/home/page and ./srv/x and ${ROOT}/opt/x")
    found = [
        f"{relative(path)}:{number}: {line.strip()}"
        for path in tracked_files()
        if path.suffix not in BINARY
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert not found, "\n".join(found)


def test_no_large_files() -> None:
    networks = {
        path for path in tracked_files() if path.match("bundles/*/models/model.pt")
    }  # of at most 3 MB, by a test
    large = [
        f"{relative(p)}: {p.stat().st_size // 1024} KiB"
        for p in tracked_files()
        if p.stat().st_size > MAX_KIB * 1024 and p not in networks
    ]
    assert not large, f"more than {MAX_KIB} KiB: {large}"


def test_license_is_whole() -> None:
    text = (REPO / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "APPENDIX: How to apply the Apache License to your work." in text
