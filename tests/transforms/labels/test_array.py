# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from monai.utils import TransformBackends

from monai_boundary.ops import instances_to_membrane
from monai_boundary.transforms import CleanMembraneLabel, InstancesToMembrane
from tests.transforms.images import assert_same_geometry, em_tensor

WALL = np.zeros((2, 6, 9), dtype=np.uint8)
WALL[:, :, 4] = WALL[:, 3] = 255
IDS = np.ones((4, 6, 16), dtype=np.int32)
IDS[:, :, 8:] = 2
IDS[2:] += 2


@pytest.mark.parametrize("as_file", [WALL, 255 - WALL, WALL // 255, 1 - WALL // 255])
def test_clean_up(as_file: np.ndarray) -> None:
    source = em_tensor(as_file)
    target = CleanMembraneLabel()(source)
    assert target.dtype == torch.float32
    np.testing.assert_array_equal(target[0].numpy(), WALL > 0)
    assert_same_geometry(target, source)
    np.testing.assert_array_equal(source[0].numpy(), as_file)


def test_clean_up_passes_its_arguments_on() -> None:
    grey = np.where(WALL > 0, 90, 0).astype(np.uint8)
    np.testing.assert_array_equal(CleanMembraneLabel("cell", threshold=50)(grey[None])[0].numpy(), WALL == 0)
    mixed = np.stack([WALL[0], WALL[0] // 255])
    np.testing.assert_array_equal(CleanMembraneLabel(section_axis=0)(mixed[None])[0].numpy(), WALL > 0)
    with pytest.raises(ValueError, match="`spacing` needs 3 entries"):
        CleanMembraneLabel(spacing=(1, 1))(WALL[None])


def test_thickness_in_voxels_and_in_the_unit_of_the_affine() -> None:
    source = em_tensor(IDS)
    for transform, thickness, spacing in (
        (InstancesToMembrane(3), 3, None),
        (InstancesToMembrane(20, unit="physical"), 20, (50, 4, 4)),
        (InstancesToMembrane(20, unit="physical", spacing=(50, 2, 2)), 20, (50, 2, 2)),
    ):
        membrane = transform(source)
        assert membrane.dtype == torch.float32
        assert_same_geometry(membrane, source)
        np.testing.assert_array_equal(membrane[0].numpy(), instances_to_membrane(IDS, thickness, spacing))
    assert InstancesToMembrane(3)(source)[0, :, 0].sum(1).tolist() == [3, 16, 16, 16]  # and three between sections
    assert InstancesToMembrane(section_axis=0)(source)[0, :, 0].sum(1).tolist() == [1, 1, 1, 1]


def test_unlabelled_passes_on() -> None:
    ids = np.array([[[1, 0, 0, 0, 0, 2]]])
    assert InstancesToMembrane()(ids).sum() == 4
    assert InstancesToMembrane(unlabelled="nearest")(ids).sum() == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CleanMembraneLabel("dark"), "`polarity` needs one of 'membrane', 'cell', 'auto', got 'dark'."),
        (lambda: InstancesToMembrane(-1), "`thickness` needs a finite number > 0, got -1."),
        (lambda: InstancesToMembrane(unit="mm"), "`unit` needs one of 'voxel', 'physical', got 'mm'."),
        (lambda: InstancesToMembrane(unlabelled="x"), "`unlabelled` needs one of 'membrane', 'nearest', got 'x'."),
        (lambda: InstancesToMembrane(spacing=(1, 2)), '`spacing` needs unit="physical", got unit="voxel"'),
        (lambda: InstancesToMembrane()(np.array([[[0.5]]])), "`instances` needs whole numbers, got 0.5"),
        (lambda: InstancesToMembrane()(np.array([[[np.nan]]])), "`instances` needs finite values"),
        (lambda: CleanMembraneLabel()(np.array([[[np.nan]]])), "`label` needs finite values"),
        (lambda: CleanMembraneLabel()(np.zeros((1, 3, 3))), '`polarity="auto"` needs both membrane and cell'),
        (lambda: InstancesToMembrane()(np.zeros((2, 3, 3))), "`instances` needs one channel"),
    ],
)
def test_bad_input(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_backend() -> None:
    assert CleanMembraneLabel.backend == InstancesToMembrane.backend == [TransformBackends.NUMPY]
