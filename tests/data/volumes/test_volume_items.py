# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_boundary.data.volumes.volume_items import volume_files, volume_stem


@pytest.mark.parametrize("name", ["a.txt", ".a.nii.gz", "a.nii.gz.part", "a.hdr"])
def test_what_is_no_volume(name: str) -> None:
    assert volume_stem(name) is None


def test_pictures_beside_volumes_are_previews() -> None:
    names = ["a.png", "b.TIF", ".hidden.png", "notes.txt"]
    assert [p.name for p in volume_files(map(Path, names))] == ["a.png", "b.TIF"]
    assert [p.name for p in volume_files(map(Path, [*names, "a.nrrd"]))] == ["a.nrrd"]
