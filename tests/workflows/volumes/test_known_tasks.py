# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from pathlib import Path

import pytest

from monai_boundary.workflows import ISLES, VolumeTask, volumes
from monai_boundary.workflows.volumes.known_tasks import known_task

TASKS = sorted((Path(volumes.__path__[0]) / "tasks").glob("[!_]*.py"))


@pytest.mark.parametrize("name", [path.stem for path in TASKS])
def test_every_file_holds_the_task_of_its_name(name: str) -> None:
    assert isinstance(known_task(name), VolumeTask)


def test_by_name_and_none() -> None:
    assert known_task(None) is None
    assert known_task("isles") == ISLES


def test_the_recipe_of_the_contributing_page_is_the_file(repo: Path) -> None:
    page = (repo / "docs" / "contributing.md").read_text(encoding="utf-8")
    (diff,) = re.findall(r"^```diff\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    before, name, hunk, *lines = diff.splitlines()
    assert (before, hunk) == ("--- /dev/null", f"@@ -0,0 +1,{len(lines)} @@")
    added = "".join(line.removeprefix("+") + "\n" for line in lines if line.startswith("+"))
    assert added == (repo / name.removeprefix("+++ b/")).read_text(encoding="utf-8")


def test_an_unknown_task_names_those_that_are_known() -> None:
    with pytest.raises(ValueError, match=r"`known_task` needs one of .*hippocampus.*got 'liver'"):
        known_task("liver")
