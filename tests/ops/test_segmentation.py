# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from monai_boundary.ops import (
    label_regions,
    membrane_to_instances,
    relabel_regions,
)

METHODS = ["components", "watershed", "barrier_cut"]
PROBABILITIES = arrays(
    np.float32, array_shapes(min_dims=2, max_dims=3, max_side=6), elements=st.sampled_from([0.0, 0.125, 0.5, 0.75, 1.0])
)


def two_cells(hole: float = 0.9) -> np.ndarray:
    """Two cells of 9 x 9 and a wall between them, with one voxel of another probability in its middle."""
    probability = np.full((9, 19), 0.1)
    probability[:, 9] = 0.9
    probability[4, 9] = hole
    return probability


@pytest.mark.parametrize("method", METHODS)
def test_a_closed_wall_parts_two_cells(method: str) -> None:
    found = membrane_to_instances(two_cells(), method)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, np.repeat([[1] * 9 + [0] + [2] * 9], 9, axis=0))


@pytest.mark.parametrize(("method", "cells"), [("components", 1), ("watershed", 2), ("barrier_cut", 2)])
def test_a_hole_in_the_wall(method: str, cells: int) -> None:
    found = membrane_to_instances(two_cells(0.3), method)
    assert found.max() == cells
    if cells == 2:
        assert set(found[:, :7].flat) - {0} == {1}
        assert set(found[:, 12:].flat) - {0} == {2}
    assert np.all(found[[0, 1, 2, 3, 5, 6, 7, 8], 9] == 0)


@pytest.mark.parametrize("method", METHODS)
def test_a_closed_wall_is_not_climbed(method: str) -> None:
    """The voxel alone in the wall has the least barrier of all to climb it, and to the brighter rims of the cell."""
    probability = np.full((7, 9), 0.1)
    probability[:, 5:] = 0.6
    probability[3, 7] = 0.45
    probability[:, 4] = 0.4
    found = membrane_to_instances(probability, method)
    expected = np.repeat([[1] * 5 + [0] * 4], 7, axis=0)
    expected[3, 7] = 2
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("method", METHODS)
def test_fill_leaves_no_zero_and_keeps_the_cells(method: str) -> None:
    open_walls, filled = (membrane_to_instances(two_cells(), method, fill=fill) for fill in (False, True))
    assert (filled > 0).all()
    np.testing.assert_array_equal(filled[open_walls > 0], open_walls[open_walls > 0])


def test_the_threshold_itself_is_membrane() -> None:
    probability = np.array([[0.2, 0.5, 0.2]])
    np.testing.assert_array_equal(membrane_to_instances(probability), [[1, 0, 2]])
    np.testing.assert_array_equal(membrane_to_instances(probability, threshold=0.51), [[1, 1, 1]])


def test_a_cell_thinner_than_the_markers_is_found_too() -> None:
    probability = np.full((9, 14), 0.0)
    probability[:, [9, 12]] = 1
    for method in METHODS:
        assert membrane_to_instances(probability, method, seed_distance=4).max() == 3


def test_seed_distance_is_in_the_unit_of_spacing() -> None:
    probability = two_cells(0.3)
    for spacing in (1, 4.0, (4.0, 4.0)):
        scale = np.max(spacing)
        assert membrane_to_instances(probability, "watershed", spacing=spacing).max() == 2
        assert membrane_to_instances(probability, "watershed", seed_distance=0.9 * scale, spacing=spacing).max() == 1
        assert membrane_to_instances(probability, "watershed", seed_distance=1.5 * scale, spacing=spacing).max() == 2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fill", [False, True])
def test_all_membrane_and_none(method: str, fill: bool) -> None:
    assert not membrane_to_instances(np.ones((4, 5)), method, fill=fill).any()
    assert (membrane_to_instances(np.zeros((4, 5, 3)), method, fill=fill) == 1).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_sections_are_segmented_on_their_own(method: str, axis: int) -> None:
    sections = np.stack([two_cells(), np.ones((9, 19)), np.zeros((9, 19)), two_cells()])
    found = membrane_to_instances(np.moveaxis(sections, 0, axis), method, section_axis=axis)
    found = np.moveaxis(found, axis, 0)
    one = membrane_to_instances(two_cells(), method)
    np.testing.assert_array_equal(found[0], one)
    assert not found[1].any()
    assert (found[2] == 3).all()
    np.testing.assert_array_equal(found[3], np.where(one > 0, one + 3, 0))


@pytest.mark.parametrize("method", METHODS)
@given(probability=PROBABILITIES, fill=st.booleans(), min_size=st.sampled_from([0, 2, 5]))
def test_laws(method: str, probability: np.ndarray, fill: bool, min_size: int) -> None:
    kept = probability.copy()
    found = membrane_to_instances(probability, method, fill=fill, min_size=min_size)
    np.testing.assert_array_equal(probability, kept)
    np.testing.assert_array_equal(relabel_regions(found), found)  # 1..K in raster order
    sizes = Counter(found[found > 0].tolist())
    assert all(size >= min_size for size in sizes.values())
    if fill:
        assert (found > 0).all() or not found.any()
    else:
        assert not found[probability >= 0.5].any()
        if min_size == 0:
            np.testing.assert_array_equal(found > 0, probability < 0.5)
    if method == "components" and not fill and min_size == 0:
        np.testing.assert_array_equal(found, label_regions(probability < 0.5))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"probability": np.array([[0.0, np.nan]])},
            ValueError,
            "`probability` needs finite values, got NaN or infinity.",
        ),
        (
            {"probability": np.array([[-3.0, 4.0]])},
            ValueError,
            "`probability` needs values in [0, 1], got -3 to 4: apply a sigmoid to logits first.",
        ),
        (
            {"probability": np.array([[0, 255]])},
            TypeError,
            "`probability` needs a floating array in [0, 1], got dtype int64.",
        ),
        ({"probability": np.zeros(4)}, ValueError, "`probability` needs 2 or 3 spatial dimensions, got 1."),
        ({"method": "cut"}, ValueError, "`method` needs one of 'components', 'watershed', 'barrier_cut', got 'cut'."),
        ({"threshold": 0}, ValueError, "`threshold` needs a probability in (0, 1], got 0."),
        ({"threshold": 1.5}, ValueError, "`threshold` needs a probability in (0, 1], got 1.5."),
        ({"seed_distance": -1}, ValueError, "`seed_distance` needs a finite number >= 0, got -1."),
        ({"min_size": -1}, ValueError, "`min_size` needs a whole number of voxels >= 0, got -1."),
        ({"min_size": 2.5}, ValueError, "`min_size` needs a whole number of voxels >= 0, got 2.5."),
        ({"section_axis": 0}, ValueError, "`section_axis` needs an axis of a 3-D image"),
        ({"spacing": (1, 2, 3)}, ValueError, "`spacing` needs 2 entries"),
    ],
)
def test_bad_input(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        membrane_to_instances(**{"probability": two_cells(), **arguments})


def test_rounding_beyond_the_range_is_forgiven() -> None:
    probability = np.array([[-1e-6, 1 + 1e-6, 0.0]], dtype=np.float32)
    for method in METHODS:
        np.testing.assert_array_equal(membrane_to_instances(probability, method), [[1, 0, 2]])


def test_a_voxel_at_the_threshold_is_membrane_whatever_its_type() -> None:
    for dtype in (np.float16, np.float32, np.float64):
        wall = np.array([[0.1, 0.7, 0.1]], dtype=dtype)
        assert membrane_to_instances(wall, threshold=0.7).tolist() == [[1, 0, 2]]
