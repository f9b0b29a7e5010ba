# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_boundary.workflows import ISLES, VolumeTask
from monai_boundary.workflows.volumes.known_tasks import known_task


@pytest.mark.parametrize("name", ["brats", "hippocampus", "isles", "wmh"])
def test_every_file_holds_the_task_of_its_name(name: str) -> None:
    assert isinstance(known_task(name), VolumeTask)


def test_by_name_and_none() -> None:
    assert known_task(None) is None
    assert known_task("isles") == ISLES


def test_an_unknown_task_names_those_that_are_known() -> None:
    with pytest.raises(ValueError, match=r"`known_task` needs one of .*hippocampus.*got 'liver'"):
        known_task("liver")
