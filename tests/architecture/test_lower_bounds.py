# SPDX-License-Identifier: Apache-2.0
"""The versions that `.ci/oldest` installs are the lower bounds that the metadata states."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    from pip._vendor import tomli as tomllib

PYTHONS = ("3.10", "3.11")  # the oldest one, and that of `.ci/run`
LATER = {("3.11", "numpy")}  # zarr 3.0.8 asks for 1.25


def _requirements(lines: list[str], python: str) -> dict[str, Requirement]:
    found = map(Requirement, (line.split("#")[0] for line in lines if line.split("#")[0].strip()))
    return {r.name.lower(): r for r in found if r.marker is None or r.marker.evaluate({"python_version": python})}


@pytest.mark.parametrize("python", PYTHONS)
def test_oldest_versions_are_the_stated_bounds(repo: Path, python: str) -> None:
    project = tomllib.loads((repo / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installed = re.search(r"\[([a-z,]+)\]", (repo / ".ci" / "oldest").read_text(encoding="utf-8").split(".whl")[1])
    assert installed is not None
    lines = list(project["dependencies"])
    for extra in installed[1].split(","):
        lines += project["optional-dependencies"][extra]
    stated = _requirements([line for line in lines if not line.startswith("monai-boundary[")], python)
    tried = _requirements((repo / "tests" / "constraints-oldest.txt").read_text(encoding="utf-8").splitlines(), python)

    lowest = {name: next(s.version for s in r.specifier if s.operator == ">=") for name, r in stated.items()}
    for name, version in lowest.items():
        only = next(s.version for s in tried[name].specifier)
        if (python, name) in LATER:
            assert Version(only) > Version(version), name
        else:
            assert Version(only) == Version(version), f"{name}: {version} is stated, {only} is tried"
    assert set(tried) == set(lowest)
