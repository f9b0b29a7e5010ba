# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from skimage.segmentation import find_boundaries

from monai_boundary.ops import contour_mask, label_regions, region_boundaries
from tests.oracles.barrier import faces

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=3, max_side=5))
LABELS = arrays(np.int64, array_shapes(min_dims=2, max_dims=3, max_side=5), elements=st.integers(0, 3))


def drawing(*rows: str) -> np.ndarray:
    return np.array([[c == "#" for c in row] for row in rows])


DIAMOND = drawing(
    ".......",
    "...#...",
    "..###..",
    ".#####.",
    "..###..",
    "...#...",
    ".......",
)


@pytest.mark.parametrize(
    ("side", "width", "connectivity", "expected"),
    [
        ("inner", 1, 1, (".......", "...#...", "..#.#..", ".#...#.", "..#.#..", "...#...", ".......")),
        ("inner", 1, 2, (".......", "...#...", "..###..", ".##.##.", "..###..", "...#...", ".......")),
        ("inner", 2, 1, (".......", "...#...", "..###..", ".##.##.", "..###..", "...#...", ".......")),
        ("outer", 1, 1, ("...#...", "..#.#..", ".#...#.", "#.....#", ".#...#.", "..#.#..", "...#...")),
        ("outer", 1, 2, ("..###..", ".##.##.", "##...##", "#.....#", "##...##", ".##.##.", "..###..")),
        ("outer", 2, 1, ("..###..", ".##.##.", "##...##", "#.....#", "##...##", ".##.##.", "..###..")),
        ("both", 1, 1, ("...#...", "..###..", ".##.##.", "##...##", ".##.##.", "..###..", "...#...")),
    ],
)
def test_drawn(side: str, width: int, connectivity: int, expected: tuple[str, ...]) -> None:
    np.testing.assert_array_equal(contour_mask(DIAMOND, side, width, connectivity=connectivity), drawing(*expected))


def test_the_frame_is_no_boundary() -> None:
    mask = drawing("##..", "##..")
    np.testing.assert_array_equal(contour_mask(mask), drawing(".#..", ".#.."))
    np.testing.assert_array_equal(contour_mask(mask, "outer"), drawing("..#.", "..#."))


@pytest.mark.parametrize("value", [False, True])
@pytest.mark.parametrize("side", ["inner", "outer", "both"])
def test_empty_and_full_masks_have_no_contour(side: str, value: bool) -> None:
    assert not contour_mask(np.full((3, 4, 2), value), side).any()


@given(MASKS)
def test_width_one_equals_looking_at_every_face(mask: np.ndarray) -> None:
    for side, inside in (("inner", True), ("outer", False)):
        expected = np.zeros(mask.shape, dtype=bool)
        for voxel in np.ndindex(mask.shape):
            expected[voxel] = mask[voxel] == inside and any(mask[o] != mask[voxel] for o in faces(mask.shape, voxel))
        np.testing.assert_array_equal(contour_mask(mask, side), expected)


@given(MASKS, st.integers(1, 3), st.integers(1, 2))
def test_laws(mask: np.ndarray, width: int, connectivity: int) -> None:
    inner = contour_mask(mask, "inner", width, connectivity=connectivity)
    outer = contour_mask(mask, "outer", width, connectivity=connectivity)
    np.testing.assert_array_equal(contour_mask(~mask, "inner", width, connectivity=connectivity), outer)
    np.testing.assert_array_equal(contour_mask(mask, "both", width, connectivity=connectivity), inner | outer)
    np.testing.assert_array_equal(contour_mask(mask.T, "outer", width, connectivity=connectivity), outer.T)
    np.testing.assert_array_equal(contour_mask(mask[::-1], "outer", width, connectivity=connectivity), outer[::-1])
    if mask.ndim == 2:
        np.testing.assert_array_equal(contour_mask(mask[None], "outer", width, connectivity=connectivity)[0], outer)
    assert not (inner & ~mask).any()
    assert not (outer & mask).any()


@given(LABELS)
def test_both_sides_equal_scikit_image(labels: np.ndarray) -> None:
    expected = find_boundaries(labels, connectivity=1, mode="thick")
    np.testing.assert_array_equal(region_boundaries(labels), expected)


@given(LABELS)
def test_what_is_left_of_the_greater_side_touches_no_more(labels: np.ndarray) -> None:
    marked = region_boundaries(labels, "greater", ignore_zero=True)
    assert not marked[labels == 0].any()
    assert not (marked & ~region_boundaries(labels, ignore_zero=True)).any()
    left = np.where(marked, 0, labels)
    assert not region_boundaries(left, ignore_zero=True).any()
    np.testing.assert_array_equal(label_regions(left) > 0, label_regions(left > 0) > 0)
    assert label_regions(left).max(initial=0) == label_regions(left > 0).max(initial=0)


def test_axes_and_zero() -> None:
    labels = np.array([[1, 2], [0, 2], [3, 3]])
    np.testing.assert_array_equal(region_boundaries(labels, axes=(1,)), [[1, 1], [1, 1], [0, 0]])
    np.testing.assert_array_equal(region_boundaries(labels, axes=(0,)), [[1, 0], [1, 1], [1, 1]])
    np.testing.assert_array_equal(region_boundaries(labels, axes=(0,), ignore_zero=True), [[0, 0], [0, 1], [0, 1]])
    np.testing.assert_array_equal(region_boundaries(labels, "greater", ignore_zero=True), [[0, 1], [0, 0], [0, 1]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"side": "left"}, "`side` needs one of 'inner', 'outer', 'both', got 'left'."),
        ({"width": 0}, "`width` needs a whole number of voxels >= 1, got 0."),
        ({"width": 1.5}, "`width` needs a whole number of voxels >= 1, got 1.5."),
        ({"connectivity": 3}, "`connectivity` needs one of 1, 2, got 3."),
        ({"mask": np.array([[0, 255]])}, "`mask` needs values 0 and 1, got 255."),
        ({"mask": np.array([[0, np.nan]])}, "`mask` needs finite values"),
        ({"mask": np.array([1])}, "`mask` needs 2 or 3 spatial dimensions, got 1."),
    ],
)
def test_bad_input(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        contour_mask(**{"mask": DIAMOND, **arguments})


def test_bad_labels() -> None:
    with pytest.raises(ValueError, match=r"`labels` needs whole numbers, got 0\.5"):
        region_boundaries(np.array([[0.5]]))
    with pytest.raises(ValueError, match="`side` needs one of 'both', 'greater', got 'inner'"):
        region_boundaries(np.array([[1]]), "inner")
