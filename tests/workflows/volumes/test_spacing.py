# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from monai_boundary.workflows.volumes.spacing import oriented_spacing, with_median_spacing
from monai_boundary.workflows.volumes.task import VolumeTask
from tests.data.nifti_files import write

TASK = VolumeTask({"ct": "zscore"}, {"background": 0, "liver": 1}, spacing="median")


def image(path: Path, *spacing: float) -> str:
    write(path, np.ones((3, 4, 5), np.float32), np.diag([*spacing, 1]))
    return str(path)


def test_the_median_of_each_axis(tmp_path: Path) -> None:
    sizes = [(1, 2, 9), (3, 1, 5), (2, 3, 7)]
    items = [{"image": [None, image(tmp_path / f"{k}.nii.gz", *size)]} for k, size in enumerate(sizes)]
    assert with_median_spacing(TASK, items).spacing == (2, 2, 7)
    assert with_median_spacing(TASK, items[:2]).spacing == (2, 1.5, 7)
    with pytest.raises(ValueError, match="`items` needs at least one case"):
        with_median_spacing(TASK, [])


def test_axes_are_those_of_the_orientation(tmp_path: Path) -> None:
    affine = np.array([[0, 0, 3.0, 0], [-1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 0, 1]])  # (P, S, R): 1, 2 and 3 mm
    write(tmp_path / "a.nii.gz", np.ones((3, 4, 5), np.float32), affine)
    assert oriented_spacing(str(tmp_path / "a.nii.gz"), "RAS") == (3, 1, 2)
    assert oriented_spacing(str(tmp_path / "a.nii.gz"), "ILA") == (2, 3, 1)


def test_units_of_the_header(tmp_path: Path) -> None:
    made = nibabel.Nifti1Image(np.ones((2, 2, 2), np.float32), np.diag([1e-3, 2e-3, 3e-3, 1]))
    made.header.set_xyzt_units("meter")
    made.to_filename(tmp_path / "metres.nii")
    np.testing.assert_allclose(oriented_spacing(str(tmp_path / "metres.nii"), "RAS"), (1, 2, 3), rtol=1e-5)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.nii.gz").write_text("no image")
    with pytest.raises(ValueError, match=r"needs a readable image, got .*a\.nii\.gz"):
        oriented_spacing(str(tmp_path / "a.nii.gz"), "RAS")
