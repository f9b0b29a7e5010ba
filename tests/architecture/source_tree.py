# SPDX-License-Identifier: Apache-2.0
"""What the architecture tests read: the repository's files and the definitions in a package, without importing it."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
from functools import cache
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
PACKAGE = REPO / "monai_boundary"
TESTS = REPO / "tests"
ROOMS = sorted(p.parent.name for p in PACKAGE.glob("*/__init__.py"))
# Rooms whose names users import. The kernels are the library's own business.
PUBLIC_ROOMS = [room for room in ROOMS if room != "kernels"]


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return the files that git tracks; where there is no git (an unpacked archive), those in the usual folders."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=REPO, capture_output=True, text=True, check=False)
    if done.returncode == 0 and done.stdout:
        found = [REPO / name for name in done.stdout.split("\0") if name]
    else:
        folders = ("monai_boundary", "tests", "docs", "bundles", ".ci")
        found = [p for folder in folders for p in (REPO / folder).rglob("*") if "__pycache__" not in p.parts]
    return tuple(sorted(p for p in found if p.is_file()))


def python_files() -> tuple[Path, ...]:
    """Return the tracked Python files."""
    return tuple(p for p in tracked_files() if p.suffix == ".py")


def package_modules() -> tuple[Path, ...]:
    """Return the package's modules, without the ``__init__`` files."""
    return tuple(sorted(p for p in PACKAGE.rglob("*.py") if p.name not in ("__init__.py", "__main__.py")))


def relative(path: Path) -> str:
    """Return ``path`` from the repository's root, as a message shows it."""
    return path.relative_to(REPO).as_posix()


@cache
def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def installed_package(name: str) -> Path:
    """Return the folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(name)
    assert spec is not None, name
    assert spec.origin is not None, name
    return Path(spec.origin).parent


def _flatten(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return the statements that run at import, also those under ``if``, ``try`` and ``with``."""
    flat: list[ast.stmt] = []
    for node in body:
        flat.append(node)
        for block in ("body", "orelse", "finalbody"):
            if isinstance(node, (ast.If, ast.Try, ast.With)):
                flat += _flatten(getattr(node, block, []))
        for handler in getattr(node, "handlers", []):
            flat += _flatten(handler.body)
    return flat


def defined_names(tree: ast.Module) -> set[str]:
    """Return the classes and functions that a module defines, with their aliases (``ZoomD = Zoomd``)."""
    names: set[str] = set()
    for node in _flatten(tree.body):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in names if not (name.startswith("__") and name.endswith("__"))}
