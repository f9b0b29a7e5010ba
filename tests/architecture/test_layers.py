# SPDX-License-Identifier: Apache-2.0
"""Imports go downwards, and the rooms that promise to be light are light."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.architecture.source_tree import PACKAGE, PUBLIC_ROOMS, REPO, ROOMS, parse

if sys.version_info >= (3, 11):
    import tomllib
else:  # pip brings it
    from pip._vendor import tomli as tomllib

WITH_IGNITE = {"handlers", "workflows"}


def test_contracts_of_import_linter() -> None:
    pytest.importorskip("importlinter", reason="of the extra `dev`, which the README's test command installs")
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_every_room_is_asked_about_ignite() -> None:
    """A new room is with or without Ignite: a contract that does not name it could not fail for it."""
    contracts = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    without = {
        module.removeprefix("monai_boundary.")
        for contract in contracts
        if contract["type"] == "forbidden" and "ignite" in contract["forbidden_modules"]
        for module in contract["source_modules"]
    }
    unasked = {*ROOMS} - without - WITH_IGNITE
    assert not unasked, f"name {unasked} in the contract on Ignite in pyproject.toml, or here where they need it"
    assert not WITH_IGNITE & without


def test_every_room_is_where_a_reader_looks_for_it() -> None:
    """The package's docstring names each room that users import, and the contributing page says what each holds."""
    docstring = ast.get_docstring(parse(PACKAGE / "__init__.py")) or ""
    page = (REPO / "docs" / "contributing.md").read_text(encoding="utf-8")
    table = "\n".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `"))
    assert not [room for room in PUBLIC_ROOMS if f"``monai_boundary.{room}``" not in docstring]
    assert not [room for room in ROOMS if f"`{room}`" not in table and f"`{room}/`" not in table]


def test_losses_cost_little_more_than_monais() -> None:
    """What an import of the losses adds to that of MONAI's: numba, which the kernels need, and no compiler."""
    code = (
        "import sys, monai.losses; before = set(sys.modules); import monai_boundary.losses;"
        "print(*{m.partition('.')[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names));"
        "print(*(set(sys.modules) - before) & {'torch._dynamo', 'torch._inductor', 'torch.onnx', 'monai.transforms'})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    packages, parts = done.stdout.splitlines()
    assert set(packages.split()) <= {
        "monai_boundary",
        "numba",
        "llvmlite",
        "torch",
        "numpy",
        "scipy",
        "_distutils_hack",
    }
    assert not parts.split()


@pytest.mark.parametrize("module", ["monai_boundary", "monai_boundary.kernels"])
def test_import_stays_light(module: str) -> None:
    heavy = ("torch", "monai", "ignite", "mlflow")
    code = f"import sys, {module}; sys.exit(', '.join(m for m in {heavy!r} if m in sys.modules) or 0)"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"importing {module} imports {done.stderr.strip()}"
