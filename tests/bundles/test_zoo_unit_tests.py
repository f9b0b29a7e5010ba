# SPDX-License-Identifier: Apache-2.0
"""The bundles' unit tests, run as MONAI's model zoo runs them: from a root with ``models`` and ``ci/unit_tests``."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.bundles.bundle_runs import BUNDLES
from tests.warm_python import WarmRun

NAMES = sorted(path.parents[1].name for path in BUNDLES.glob("*/configs/metadata.json"))
pytestmark = pytest.mark.slow


def test_each_bundle_has_one() -> None:
    assert sorted(path.stem for path in (BUNDLES / "unit_tests").glob("*.py")) == [f"test_{name}" for name in NAMES]


@pytest.mark.parametrize("bundle", NAMES)
def test_from_the_root_of_the_zoo(bundle: str, tmp_path: Path) -> None:
    file = Path("ci", "unit_tests", f"test_{bundle}.py")
    (tmp_path / file).parent.mkdir(parents=True)
    shutil.copy(BUNDLES / "unit_tests" / file.name, tmp_path / file)
    inside = tmp_path / "models" / bundle
    shutil.copytree(BUNDLES / bundle, inside, ignore=shutil.ignore_patterns("output", "__pycache__"))
    before = sorted(inside.rglob("*"))
    done = WarmRun([str(file)], tmp_path, pictures=False)
    assert done.wait() == 0, done.output[-3000:]
    assert re.search(r"^Ran 1 test in .*\n\nOK$", done.output, re.M), done.output[-3000:]
    assert sorted(inside.rglob("*")) == before, "nothing is left in the bundle"
