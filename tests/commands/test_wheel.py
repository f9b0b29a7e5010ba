# SPDX-License-Identifier: Apache-2.0
"""What a wheel holds, built as pip builds it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from tests.architecture.source_tree import PACKAGE, tracked_files

ROOMS = ("data", "handlers", "inspection", "kernels", "losses", "metrics", "networks", "ops", "report", "study")
ROOMS += ("transforms", "volumes", "workflows")


@pytest.fixture(scope="module")
def wheel(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    (built,) = WheelBuilder(str(repo)).build(directory=str(folder), versions=["standard"])
    return zipfile.ZipFile(built)


def test_every_module(wheel: zipfile.ZipFile, repo: Path) -> None:
    inside = set(wheel.namelist())
    package = {path.relative_to(repo).as_posix() for path in tracked_files() if PACKAGE in path.parents}
    assert package <= inside, sorted(package - inside)


def test_the_mark_of_types(wheel: zipfile.ZipFile) -> None:
    """Without it mypy takes everything of this package for Any, and nobody is told."""
    assert "monai_boundary/py.typed" in wheel.namelist()


def test_every_room(wheel: zipfile.ZipFile) -> None:
    """A wheel without the losses installs, and its command starts."""
    inside = set(wheel.namelist())
    assert not [room for room in ROOMS if f"monai_boundary/{room}/__init__.py" not in inside]


def test_every_bundle_whole(wheel: zipfile.ZipFile, repo: Path) -> None:
    found = {name for name in wheel.namelist() if name.startswith("monai_boundary/_bundles/")}
    bundles = [path.parents[1] for path in (repo / "bundles").glob("*/configs/metadata.json")]
    for bundle in bundles:
        for path in tracked_files():
            if bundle in path.parents:
                inside = f"monai_boundary/_bundles/{path.relative_to(repo / 'bundles').as_posix()}"
                assert wheel.read(inside) == path.read_bytes()
    assert {name.split("/")[2] for name in found} == {bundle.name for bundle in bundles}
    assert not [name for name in found if "/output/" in name or name.endswith(".pyc")]


def test_the_command_of_the_wheel(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "monai-boundary = monai_boundary.__main__:main" in wheel.read(name).decode()
