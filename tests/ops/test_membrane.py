# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from skimage.io import imread

from monai_boundary.ops import clean_membrane_label, instances_to_membrane, label_regions, region_boundaries
from monai_boundary.ops.membrane import membrane_polarity

IDS = arrays(np.int64, array_shapes(min_dims=2, max_dims=3, max_side=6), elements=st.sampled_from([0, 1, 2, 2, 9]))


def row(text: str) -> np.ndarray:
    """One row of ids, or of membrane (#)."""
    return np.array([[c == "#" for c in text] if "#" in text else [int(c) for c in text]])


@pytest.mark.parametrize(
    ("thickness", "expected"),
    [
        (0.5, "......#....."),
        (1, "......#....."),
        (2, ".....##....."),
        (3, ".....###...."),
        (4, "....####...."),
        (5, "....#####..."),
        (12, "############"),
    ],
)
def test_a_wall_has_its_thickness_and_the_greater_id_the_odd_voxel(thickness: float, expected: str) -> None:
    np.testing.assert_array_equal(instances_to_membrane(row("111111222222"), thickness), row(expected))
    np.testing.assert_array_equal(instances_to_membrane(row("222222111111"), thickness), row(expected)[:, ::-1])


def test_unlabelled_voxels_stay_membrane_or_go_to_the_nearest() -> None:
    ids = row("1110002222022")
    np.testing.assert_array_equal(instances_to_membrane(ids), row("...###....#.."))
    np.testing.assert_array_equal(instances_to_membrane(ids, 4), row("...###....#.."))
    redrawn = instances_to_membrane(ids, 2, unlabelled="nearest")
    assert redrawn.sum() == 2
    assert redrawn[0, 3:6].sum() == 2


def test_physical_thickness_in_an_anisotropic_volume() -> None:
    # 20 nm in 50 x 4 x 4 nm: five voxels in the section, and one voxel, the least there is, between sections
    ids = np.ones((3, 1, 14), dtype=int)
    ids[:, :, 7:] = 2
    wall = instances_to_membrane(ids, 20, (50, 4, 4))
    np.testing.assert_array_equal(wall, np.tile(row(".....#####....")[None], (3, 1, 1)))
    ids = np.ones((4, 5, 5), dtype=int)
    ids[2:] = 2
    wall = instances_to_membrane(ids, 20, (50, 4, 4))
    np.testing.assert_array_equal(wall, np.arange(4)[:, None, None] * np.ones((4, 5, 5)) == 2)
    assert not instances_to_membrane(ids, 20, (50, 4, 4), section_axis=0).any()


@given(IDS)
def test_thin_walls_are_the_greater_side(ids: np.ndarray) -> None:
    expected = (ids == 0) | region_boundaries(ids, "greater", ignore_zero=True)
    if ids.any():
        np.testing.assert_array_equal(instances_to_membrane(ids), expected)


@given(IDS, st.sampled_from([0.3, 1, 2, 2.5, 3, 4]), st.sampled_from([(1, 1, 1), (0.4, 1, 2), (50, 4, 4)]))
def test_laws(ids: np.ndarray, thickness: float, spacing: tuple[float, ...]) -> None:
    spacing = spacing[-ids.ndim :]
    wall = instances_to_membrane(ids, thickness, spacing)
    assert wall.dtype == np.bool_
    assert wall[ids == 0].all()
    left = np.where(wall, 0, ids)
    assert label_regions(left).max(initial=0) == label_regions(~wall).max(initial=0)  # nothing joins
    np.testing.assert_array_equal(instances_to_membrane(ids[::-1], thickness, spacing), wall[::-1])
    np.testing.assert_array_equal(instances_to_membrane(ids.T, thickness, spacing[::-1]), wall.T)
    doubled = tuple(2 * s for s in spacing)
    np.testing.assert_array_equal(instances_to_membrane(ids, 2 * thickness, doubled), wall)
    assert not (wall & ~instances_to_membrane(ids, thickness + 0.5, spacing)).any()
    if ids.ndim == 3:
        sections = instances_to_membrane(ids, thickness, spacing, section_axis=1)
        for i in range(ids.shape[1]):
            if ids[:, i].any():
                one = instances_to_membrane(ids[:, i], thickness, (spacing[0], spacing[2]))
                np.testing.assert_array_equal(sections[:, i], one)


def test_no_instance_and_one_instance() -> None:
    assert instances_to_membrane(np.zeros((2, 3))).all()
    assert not instances_to_membrane(np.full((2, 3), 4), 5).any()


def test_large_ids_are_filled_too() -> None:
    ids = np.array([[2**50, 0, 0, 2**50 + 1]])
    np.testing.assert_array_equal(instances_to_membrane(ids, unlabelled="nearest").sum(), 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"thickness": 0}, "`thickness` needs a finite number > 0, got 0."),
        ({"spacing": (1, 2, 3)}, "`spacing` needs 2 entries"),
        ({"unlabelled": "drop"}, "`unlabelled` needs one of 'membrane', 'nearest', got 'drop'."),
        ({"section_axis": 0}, "`section_axis` needs an axis of a 3-D image, got 0 for 2 spatial dimensions."),
        ({"instances": np.array([[0.5]])}, "`instances` needs whole numbers, got 0.5"),
        ({"instances": np.array([[np.nan]])}, "`instances` needs finite values"),
        ({"instances": np.array([[-2]])}, "`instances` needs ids >= 0, got -2."),
    ],
)
def test_bad_instances(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        instances_to_membrane(**{"instances": np.ones((2, 2)), **arguments})


WALL = np.zeros((6, 9), dtype=np.uint8)
WALL[:, 4] = 1
WALL[3] = 1


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.float64, np.uint16])
@pytest.mark.parametrize(
    ("label", "polarity"),
    [
        (WALL, "membrane"),
        (1 - WALL, "cell"),
        (255 * WALL, "membrane"),
        (255 - 255 * WALL, "cell"),
        (1 + WALL, "membrane"),
    ],
)
def test_values_and_polarities(label: np.ndarray, polarity: str, dtype: type) -> None:
    label = label.astype(dtype)
    for way in (polarity, "auto"):
        target = clean_membrane_label(label, way)
        assert target.dtype == np.float32
        np.testing.assert_array_equal(target, WALL)


def test_booleans() -> None:
    np.testing.assert_array_equal(clean_membrane_label(WALL > 0), WALL)
    np.testing.assert_array_equal(clean_membrane_label(WALL == 0), WALL)


def test_antialiased_grey_is_split_half_way() -> None:
    grey = np.where(WALL > 0, 240, 3).astype(np.uint8)
    grey[0, 3], grey[1, 3], grey[2, 3] = 127, 128, 60
    expected = WALL.copy()
    expected[1, 3] = 1
    np.testing.assert_array_equal(clean_membrane_label(grey), expected)
    expected[0, 3] = 1
    np.testing.assert_array_equal(clean_membrane_label(grey, threshold=100), expected)
    np.testing.assert_array_equal(clean_membrane_label(grey.astype(np.float32) / 255, threshold=0.4), expected)
    np.testing.assert_array_equal(clean_membrane_label(grey.astype(np.uint16) * 257, threshold=100 * 257), expected)


def test_auto_says_what_it_decided(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="monai_boundary.ops.membrane"):
        clean_membrane_label(WALL)
        clean_membrane_label(1 - WALL)
    texts = [record.getMessage() for record in caplog.records]
    assert texts[0].startswith('`polarity="auto"`: the greater value is membrane, as the greater phase has 25.9%')
    assert texts[1].startswith('`polarity="auto"`: the greater value is cell, as the greater phase has 74.1%')


@pytest.mark.parametrize("value", [0, 1, 255])
def test_one_phase(value: int) -> None:
    label = np.full((3, 4), value)
    with pytest.raises(ValueError, match=r'`polarity="auto"` needs both membrane and cell in `label`, got one phase'):
        clean_membrane_label(label)
    assert clean_membrane_label(label, "membrane").mean() == (value > 0)
    assert clean_membrane_label(label, "cell").mean() == (value == 0)


def test_auto_does_not_guess_where_small_and_thin_disagree() -> None:
    label = np.zeros((10, 60), dtype=np.uint8)
    label[:, :12] = 1  # a solid block,
    label[:, 14::3] = 1  # and lines two voxels apart: 28 of 60 columns, but deeper than what is between them
    with pytest.raises(
        ValueError, match="needs one phase both smaller and thinner, and in few pieces, but the greater phase has"
    ):
        clean_membrane_label(label)


def test_auto_does_not_take_many_thin_cells_for_a_membrane() -> None:
    axons = np.zeros((60, 60), dtype=np.uint8)
    axons[5::10, 5::10] = axons[6::10, 5::10] = 255  # 36 axons, smaller and thinner than what is between them
    evidence = membrane_polarity(axons)
    assert evidence is not None
    assert (evidence.phase, evidence.pieces) == (None, (36, 1))
    assert evidence.share == pytest.approx(0.02)
    with pytest.raises(ValueError, match="in 36 pieces against 1"):
        clean_membrane_label(axons)
    assert membrane_polarity(np.full((4, 4), 255)) is None


def test_sections_of_different_scales() -> None:
    stack = np.stack([WALL, 255 * WALL, np.zeros_like(WALL), 250 * WALL])
    expected = np.stack([WALL, WALL, np.zeros_like(WALL), WALL])
    np.testing.assert_array_equal(clean_membrane_label(stack, section_axis=0), expected)
    np.testing.assert_array_equal(
        clean_membrane_label(stack.transpose(1, 2, 0), section_axis=-1), expected.transpose(1, 2, 0)
    )
    with pytest.raises(ValueError, match="`label` needs one scale, got sections of 0 and 1 beside values up to 255"):
        clean_membrane_label(stack)


@pytest.mark.parametrize(
    ("label", "error", "message"),
    [
        (np.arange(130).reshape(10, 13), ValueError, "`label` needs two phases near 0 and 255, got "),
        (np.array([[0, np.nan]]), ValueError, "`label` needs finite values, got NaN or infinity."),
        (np.array([[0, -1]]), ValueError, "`label` needs values >= 0, got -1."),
        (np.full((2, 2), 7), ValueError, "`label` needs two phases, got 7 everywhere: pass `threshold`."),
        (np.array([["x"]]), TypeError, "`label` needs a boolean, integer or floating array"),
        (np.zeros((0, 3)), ValueError, "`label` needs voxels, got shape (0, 3)."),
        (np.zeros(3), ValueError, "`label` needs 2 or 3 spatial dimensions, got 1."),
    ],
)
def test_bad_labels(label: np.ndarray, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        clean_membrane_label(label, "membrane")


def test_bad_polarity() -> None:
    with pytest.raises(ValueError, match="`polarity` needs one of 'membrane', 'cell', 'auto', got 'dark'"):
        clean_membrane_label(WALL, "dark")


@pytest.mark.parametrize(
    ("name", "pattern", "cells_above"), [("em_isbi2012", "label/0*.png", True), ("em_cremi2d", "labels/*.png", False)]
)
def test_auto_reads_real_files(real_data: Callable[[str], Path], name: str, pattern: str, cells_above: bool) -> None:
    files = sorted(real_data(name).glob(pattern))
    assert files
    for file in files:
        label = imread(file)
        np.testing.assert_array_equal(clean_membrane_label(label), (label > 127) != cells_above)
