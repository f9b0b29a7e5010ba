# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from monai.transforms import LoadImage

from monai_boundary.data import NiftiReader, check_nifti_grids
from tests.data.nifti_files import LAS, LPS, write


def test_as_monais_reader(tmp_path: Path) -> None:
    paths = [str(write(tmp_path / f"{k}.nii.gz", np.full((4, 5, 3), k, np.float32), LPS)) for k in (2, 7)]
    for files in (paths, paths[:1], paths[0]):
        ours = LoadImage(reader=NiftiReader, ensure_channel_first=True)(files)
        theirs = LoadImage(reader="NibabelReader", ensure_channel_first=True)(files)
        np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(ours.affine, theirs.affine)
    dotted = LoadImage(reader="monai_boundary.data.NiftiReader")(paths[0])
    assert float(dotted.max()) == 2


@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "missing", "folder"])
@pytest.mark.parametrize("suffix", [".nii.gz", ".nii"])
def test_damaged_files_are_named(tmp_path: Path, suffix: str, damage: str) -> None:
    good = write(tmp_path / f"good{suffix}", np.random.default_rng(0).random((9, 9, 9)))
    bad = tmp_path / f"bad{suffix}"
    whole = good.read_bytes()
    if damage == "folder":
        bad.mkdir()
    elif damage != "missing":
        bad.write_bytes({"truncated": whole[: len(whole) // 2], "empty": b"", "text": b"not a scan" * 99}[damage])
    reader = NiftiReader()
    with pytest.raises(ValueError, match=rf"`filename` needs a readable NIfTI file, got '.*bad{suffix}' \(\w+Error: "):
        reader.get_data(reader.read([str(good), str(bad)]))
    with pytest.raises((ValueError, RuntimeError), match=f"bad{suffix}"):
        LoadImage(reader=NiftiReader)([str(good), str(bad)])


def test_files_of_two_grids(tmp_path: Path) -> None:
    first, second = (str(write(tmp_path / f"{k}.nii.gz", affine=a)) for k, a in (("a", LAS), ("b", LPS)))
    with pytest.raises(ValueError, match=r"'.*b.nii.gz' needs the affine of '.*a.nii.gz', got one that differs by 5"):
        NiftiReader().read([first, second])
    check_nifti_grids({"a": first})
    third = str(write(tmp_path / "c.nii.gz", np.zeros((6, 6, 3, 2), np.float32)))
    with pytest.raises(ValueError, match=r"'c' needs the shape of 'a', \(6, 6, 3\), got \(6, 6, 3, 2\)"):
        check_nifti_grids({"a": first, "c": third})


def test_other_errors_are_not_dressed_up(tmp_path: Path) -> None:
    path = str(write(tmp_path / "a.nii.gz"))
    reader = NiftiReader(channel_dim=17)
    with pytest.raises((ValueError, IndexError)) as caught:
        reader.get_data([reader.read(path), reader.read(path)])
    assert "readable NIfTI" not in str(caught.value)
