# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_boundary.workflows.volumes.fitting import axis_strides, check_patch_strides, fitting_patch
from monai_boundary.workflows.volumes.task import VolumeTask
from tests.data.nifti_files import write

TASK = VolumeTask({"mri": "zscore"}, {"background": 0, "a": 1})


def items(folder: Path, *shapes: tuple[int, ...], affine: Any = None) -> list[dict[str, str]]:
    made = []
    for k, shape in enumerate(shapes):
        path = folder / f"{k}.nii.gz"
        write(path, np.zeros(shape, np.uint8), np.eye(4) if affine is None else affine)
        made.append({"image": str(path), "case": f"case {k}"})
    return made


def test_the_median_image_in_steps_of_the_strides(tmp_path: Path) -> None:
    found = items(tmp_path, (35, 50, 36), (30, 51, 34), (36, 45, 90))
    assert fitting_patch(found, TASK, [2, 2, 2]) == [40, 56, 40]
    assert fitting_patch(found, TASK, [[2, 2, 1], [2, 2, 1]]) == [36, 52, 36]
    assert fitting_patch(found, TASK.changed(spatial_dims=2), [2, 2]) == [36, 52]


def test_on_the_grid_and_in_the_orientation_of_the_task(tmp_path: Path) -> None:
    turned = np.array([[0, 2.0, 0, 0], [0, 0, 1.0, 0], [-5.0, 0, 0, 0], [0, 0, 0, 1]])  # array axes are S, R, A
    found = items(tmp_path, (10, 20, 30), affine=turned)
    assert fitting_patch(found, TASK, [2]) == [20, 30, 10]
    assert fitting_patch(found, TASK.changed(spacing=[4.0, 1.0, 2.5]), [2]) == [10, 30, 20]


def test_large_images_are_cut_where_they_are_longest_in_mm(tmp_path: Path) -> None:
    found = items(tmp_path, (512, 512, 64), affine=np.diag([0.75, 0.75, 5.0, 1.0]))
    patch = fitting_patch(found, TASK, [2, 2, 2])
    assert np.prod(patch) <= 96**3
    assert patch[0] == patch[1] > patch[2]


def test_what_cannot_be_fitted(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`items` needs at least one case"):
        fitting_patch([], TASK, [2])
    assert fitting_patch(items(tmp_path, (8, 8)), TASK.changed(spatial_dims=2), [2]) == [8, 8]


def test_strides_and_patches() -> None:
    assert axis_strides([2, [2, 2, 1], 1], 3) == [4, 4, 2]
    with pytest.raises(ValueError, match=r"`network_strides` needs 2 numbers for each level, got \[2, 2, 1\]"):
        axis_strides([[2, 2, 1]], 2)
    check_patch_strides([8, 8, 5], [[2, 2, 1], [2, 2, 1]])
    with pytest.raises(ValueError, match=r"`patch_size` needs multiples of \[4, 4, 1\].*got \[8, 6, 5\]"):
        check_patch_strides([8, 6, 5], [[2, 2, 1], [2, 2, 1]])
    with pytest.raises(ValueError, match="`patch_size` needs multiples of"):
        check_patch_strides([0, 8], [2])


def test_images_that_are_smaller_than_the_patch_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = items(tmp_path, (10, 20, 30), (12, 16, 30))
    with caplog.at_level(logging.INFO):
        check_patch_strides([10, 16, 30], [2], found, TASK)
        assert caplog.messages == []
        check_patch_strides([12, 20, 30], [2], found, TASK)
        check_patch_strides([64, 20, 30], [2], found, TASK)
        check_patch_strides([8, 24], [[2, 4]], found, TASK.changed(spatial_dims=2, spacing=[2.0, 1.0, 1.0]))
    two = "2 of 2 images are smaller than the patch {} and are padded: case 0 ({}), case 1 ({})."
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("INFO", two.format("[12, 20, 30]", "10 x 20 x 30", "12 x 16 x 30")),
        (
            "WARNING",
            two.format("[64, 20, 30]", "10 x 20 x 30", "12 x 16 x 30")
            + " No image is larger than [12, 20, 30]: `patch_size` [12, 20, 30] would hold each.",
        ),
        (
            "WARNING",
            two.format("[8, 24]", "5 x 20", "6 x 16")
            + " No image is larger than [6, 20]: `patch_size` [6, 20] would hold each.",
        ),
    ]
