# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from monai.utils import TransformBackends

from monai_boundary import transforms
from monai_boundary.ops import instances_to_membrane
from monai_boundary.transforms import (
    CleanMembraneLabel,
    CleanMembraneLabeld,
    InstancesToMembrane,
    InstancesToMembraned,
)
from tests.transforms.images import assert_same_geometry, em_tensor

WALL = np.zeros((2, 6, 9), dtype=np.uint8)

WALL[:, :, 4] = WALL[:, 3] = 255

IDS = np.ones((4, 6, 16), dtype=np.int32)

IDS[:, :, 8:] = 2

IDS[2:] += 2

SMALL_WALL = np.zeros((6, 9), dtype=np.uint8)

SMALL_WALL[:, 4] = SMALL_WALL[3] = 255

SMALL_IDS = np.repeat([[1, 1, 1, 1, 0, 5, 5, 7, 7]], 4, axis=0)


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


def test_clean_up_replaces_the_label_and_leaves_the_rest() -> None:
    data = {"label": em_tensor(255 - SMALL_WALL), "other": 3}
    kept = data["label"].clone()
    new = CleanMembraneLabeld("label", polarity="cell")(data)
    assert new["other"] == 3
    torch.testing.assert_close(new["label"], CleanMembraneLabel("cell")(data["label"]))
    torch.testing.assert_close(data["label"], kept)


def test_membranes_beside_their_instances_or_in_their_place() -> None:
    data = {"label_instances": em_tensor(SMALL_IDS)}
    expected = InstancesToMembrane(2)(data["label_instances"])
    beside = InstancesToMembraned("label_instances", output_keys="label", thickness=2)(data)
    torch.testing.assert_close(beside["label"], expected)
    assert beside["label_instances"] is data["label_instances"]
    assert set(data) == {"label_instances"}
    instead = InstancesToMembraned("label_instances", thickness=2)(data)
    torch.testing.assert_close(instead["label_instances"], expected)


def test_several_keys() -> None:
    data = {"a": em_tensor(SMALL_IDS), "b": em_tensor(SMALL_IDS * 2)}
    new = InstancesToMembraned(["a", "b"], ["x", "y"])(data)
    torch.testing.assert_close(new["x"], new["y"])
    with pytest.raises(ValueError, match=r"`output_keys` needs one for each of .*, all different, got \('x',\)"):
        InstancesToMembraned(["a", "b"], "x")


@pytest.mark.parametrize("transform", [CleanMembraneLabeld, InstancesToMembraned])
def test_missing_keys(transform: type) -> None:
    assert transform("label", allow_missing_keys=True)({"image": 1}) == {"image": 1}
    with pytest.raises(KeyError, match="label"):
        transform("label")({"image": 1})


def test_arguments_reach_the_array_transform() -> None:
    clean = CleanMembraneLabeld("label", "membrane", 7.0, (1, 2), 0).transform
    assert (clean.polarity, clean.threshold, clean.spacing, clean.section_axis) == ("membrane", 7.0, (1, 2), 0)
    draw = InstancesToMembraned("label", None, 9.0, "physical", (1, 2), "nearest", 1).transform
    assert (draw.thickness, draw.unit, draw.spacing) == (9.0, "physical", (1, 2))
    assert (draw.unlabelled, draw.section_axis) == ("nearest", 1)


@pytest.mark.parametrize("name", ["CleanMembraneLabel", "InstancesToMembrane"])
def test_aliases(name: str) -> None:
    assert getattr(transforms, f"{name}d") is getattr(transforms, f"{name}D") is getattr(transforms, f"{name}Dict")
