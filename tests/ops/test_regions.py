# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

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

from monai_boundary.ops import (
    label_regions,
    region_cells,
    region_neighbours,
    region_seeds,
    reseed_regions,
    seed_map,
    seed_points,
)
from tests.oracles.regions import brute_neighbours, brute_seeds, depths, flood_regions, region_distances

SHAPES = st.one_of(array_shapes(min_dims=2, max_dims=2, max_side=7), array_shapes(min_dims=3, max_dims=3, max_side=4))
LABELS = SHAPES.flatmap(lambda shape: arrays(np.int64, shape, elements=st.sampled_from([0, 0, 1, 1, 1, 5])))
SPACINGS = st.tuples(*[st.sampled_from([0.25, 1.0, 1.5, 12.5])] * 3)


def test_pieces_are_found_through_faces_and_numbered_in_raster_order() -> None:
    label = np.array([[0, 3, 0, 7], [3, 0, 7, 7], [3, 3, 0, 3]])
    np.testing.assert_array_equal(label_regions(label), [[0, 1, 0, 2], [3, 0, 2, 2], [3, 3, 0, 4]])


def test_in_a_volume_edges_and_corners_do_not_connect() -> None:
    label = np.zeros((2, 2, 2), dtype=np.uint8)
    label[0, 0, 0] = label[1, 1, 1] = label[0, 1, 1] = 1
    np.testing.assert_array_equal(label_regions(label), [[[1, 0], [0, 2]], [[0, 0], [0, 2]]])


@given(LABELS)
def test_regions_equal_a_flood_fill(label: np.ndarray) -> None:
    regions = label_regions(label)
    assert regions.dtype == np.int32
    np.testing.assert_array_equal(regions, flood_regions(label))


@pytest.mark.parametrize(
    "shape", [(3, 4, 1), (3, 1, 4), (1, 3, 4), (1, 1, 5), (5, 1, 1), (1, 5, 1), (5, 1), (1, 5), (1, 1)]
)
def test_raster_order_whatever_the_axis_that_is_thin(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    for _ in range(20):
        label = rng.integers(0, 3, shape)
        np.testing.assert_array_equal(label_regions(label), flood_regions(label))


@pytest.mark.parametrize("value", [2**40, 2**63 + 5])
def test_large_ids_stay_apart(value: int) -> None:
    label = np.array([[value, value + 1, 0, value]], dtype=np.uint64)
    np.testing.assert_array_equal(label_regions(label), [[1, 2, 0, 3]])


def test_booleans_and_integral_floats_are_labels() -> None:
    np.testing.assert_array_equal(label_regions(np.array([[True, False, True]])), [[1, 0, 2]])
    np.testing.assert_array_equal(label_regions(np.array([[2.0, 0.0, 2.0]], dtype=np.float32)), [[1, 0, 2]])


def test_all_membrane_has_no_region() -> None:
    nothing = np.zeros((3, 4), dtype=np.int32)
    for maps in (label_regions(nothing), region_seeds(nothing), region_cells(nothing), *reseed_regions(nothing)):
        np.testing.assert_array_equal(maps, nothing)
    assert region_neighbours(nothing).shape == (0, 2)
    ids, points = seed_points(nothing)
    assert ids.shape == (0,)
    assert points.shape == (0, 2)


@pytest.mark.parametrize(("shape", "middle"), [((3, 4), (1, 2)), ((2, 3, 5), (1, 1, 2))])
def test_without_membrane_one_region_has_its_seed_in_the_middle(
    shape: tuple[int, ...], middle: tuple[int, ...]
) -> None:
    regions = label_regions(np.full(shape, 9))
    assert set(np.unique(regions)) == {1}
    assert [tuple(p) for p in seed_points(region_seeds(regions))[1]] == [middle]
    np.testing.assert_array_equal(region_cells(regions), regions)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_sections_are_labelled_on_their_own(axis: int) -> None:
    sections = np.array([[[1, 1, 0, 1]] * 2, [[1, 0, 1, 1]] * 2, [[0, 0, 0, 0]] * 2, [[4, 4, 4, 4]] * 2])
    expected = np.array([[[1, 1, 0, 2]] * 2, [[3, 0, 4, 4]] * 2, [[0, 0, 0, 0]] * 2, [[5, 5, 5, 5]] * 2])
    label = np.moveaxis(sections, 0, axis)
    regions = label_regions(label, section_axis=axis)
    np.testing.assert_array_equal(np.moveaxis(regions, axis, 0), expected)
    seeds = np.moveaxis(region_seeds(regions, section_axis=axis), axis, 0)
    cells = np.moveaxis(region_cells(regions, section_axis=axis), axis, 0)
    for section, seed, cell in zip(expected, seeds, cells, strict=True):
        np.testing.assert_array_equal(seed, region_seeds(section))
        np.testing.assert_array_equal(cell, region_cells(section))


def test_the_frame_bounds_nothing() -> None:
    # region 1 is cut by the frame: its corner is the farthest from the membrane
    regions = np.array([[1, 1, 1, 0, 2, 0], [1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 3, 3]])
    expected = np.array([[1, 0, 0, 0, 2, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 3, 0]])
    np.testing.assert_array_equal(region_seeds(regions), expected)


def test_touching_regions_bound_each_other() -> None:
    regions = np.array([[1] * 6 + [2] * 3, [1] * 6 + [2] * 3])
    points = seed_points(region_seeds(regions))[1]
    assert points.tolist() == [[0, 0], [0, 8]]
    between = np.array([[1] * 2 + [2] * 5 + [1] * 2])
    assert seed_points(region_seeds(between))[1].tolist() == [[0, 0], [0, 4]]


def test_spacing_moves_the_seed() -> None:
    # a lying and a standing block, joined by one voxel at (4, 2)
    regions = np.zeros((13, 9), dtype=np.int64)
    regions[1:4, 1:8] = 1
    regions[5:12, 1:4] = 1
    regions[4, 2] = 1
    assert seed_points(region_seeds(regions))[1].tolist() == [[2, 2]]
    assert seed_points(region_seeds(regions, (3, 1)))[1].tolist() == [[2, 4]]
    assert seed_points(region_seeds(regions, (1, 3)))[1].tolist() == [[7, 2]]  # (4, 1) and (4, 3) lie sqrt(18) away


@given(LABELS, SPACINGS)
def test_seeds_equal_brute_force(label: np.ndarray, spacing: tuple[float, ...]) -> None:
    regions = label_regions(label)
    np.testing.assert_array_equal(
        region_seeds(regions, spacing[: label.ndim]), brute_seeds(regions, spacing[: label.ndim])
    )


def test_seeds_equal_brute_force_where_one_transform_serves_all(rng: np.random.Generator) -> None:
    # many small regions: a box for each would be more work than the image (the drawn arrays above are too small for
    # that)
    label = np.kron(rng.random((14, 14)) < 0.5, np.ones((4, 4)))
    label[::4], label[:, ::4] = 0, 0
    label[30:, 30:] = 2
    label[30:, 45:] = 3  # touches 2
    regions = label_regions(label)
    assert regions.max() > 30
    np.testing.assert_array_equal(region_seeds(regions, (2.0, 1.0)), brute_seeds(regions, (2.0, 1.0)))


def test_seeds_of_sparse_ids() -> None:
    regions = np.array([[0, 7, 7, 7, 0, 2_000_000_000], [0, 7, 7, 7, 0, 2_000_000_000]])
    assert [a.tolist() for a in seed_points(region_seeds(regions))] == [[7, 2_000_000_000], [[0, 2], [0, 5]]]
    with_no_zero = np.array([[7, 2_000_000_000]])
    assert [a.tolist() for a in seed_points(region_seeds(with_no_zero))] == [[7, 2_000_000_000], [[0, 0], [0, 1]]]


@given(LABELS, SPACINGS)
def test_cells_hold_a_nearest_region(label: np.ndarray, spacing: tuple[float, ...]) -> None:
    regions = label_regions(label)
    spacing = spacing[: label.ndim]
    cells = region_cells(regions, spacing)
    assert cells.dtype == np.int32
    np.testing.assert_array_equal(cells[regions > 0], regions[regions > 0])
    for voxel in np.ndindex(label.shape):
        found = region_distances(regions, voxel, spacing)
        if found:
            assert found[int(cells[voxel])] == pytest.approx(min(found.values()), rel=1e-12)


@given(SHAPES.flatmap(lambda shape: arrays(np.int32, shape, elements=st.integers(0, 4))))
def test_neighbours_equal_brute_force(cells: np.ndarray) -> None:
    pairs = region_neighbours(cells)
    assert pairs.dtype == np.int64
    assert pairs.tolist() == brute_neighbours(cells)


def test_neighbours_with_the_largest_ids() -> None:
    top = np.iinfo(np.int32).max
    assert region_neighbours(np.array([[top, top - 1], [0, 1]])).tolist() == [[1, top - 1], [top - 1, top]]


@given(LABELS, st.integers(0, 2), st.booleans())
def test_laws_of_mirroring_and_transposition(label: np.ndarray, axis: int, transpose: bool) -> None:
    """Regions are the same up to their numbers; seeds and cells are as far as the others, up to ties."""
    axis %= label.ndim

    def move(array: np.ndarray) -> np.ndarray:
        return array.T if transpose else np.flip(array, axis)

    here, there = label_regions(label), label_regions(move(label))
    pairs = set(zip(move(here).flat, there.flat, strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    depth = depths(here, (1.0,) * label.ndim)
    names = dict(pairs)
    for identifier, point in zip(*seed_points(region_seeds(here)), strict=True):
        moved = region_seeds(there) == names[identifier]
        assert depth[tuple(point)] == move(depth)[moved].item()


@given(LABELS, st.sampled_from([0.1, 3.0, 50.0]), SPACINGS)
def test_only_the_ratio_of_spacings_counts(label: np.ndarray, factor: float, spacing: tuple[float, ...]) -> None:
    regions = label_regions(label)
    spacing = spacing[: label.ndim]
    scaled = tuple(factor * s for s in spacing)
    np.testing.assert_array_equal(region_seeds(regions, spacing), region_seeds(regions, scaled))


@given(arrays(np.int64, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.integers(0, 2)))
def test_a_volume_of_one_slice_is_the_slice(label: np.ndarray) -> None:
    regions = label_regions(label)
    np.testing.assert_array_equal(label_regions(label[None])[0], regions)
    np.testing.assert_array_equal(label_regions(label[..., None])[..., 0], regions)
    if not regions.all() or len(np.unique(regions)) > 1:
        np.testing.assert_array_equal(region_seeds(regions[None])[0], region_seeds(regions))
    np.testing.assert_array_equal(region_cells(regions[None])[0], region_cells(regions))
    np.testing.assert_array_equal(region_neighbours(regions[None]), region_neighbours(regions))


@given(LABELS)
def test_points_and_map_are_inverse(label: np.ndarray) -> None:
    seeds = region_seeds(label_regions(label))
    ids, points = seed_points(seeds)
    assert np.all(np.diff(ids) > 0)
    np.testing.assert_array_equal(seed_map(points, label.shape, ids), seeds)


def test_a_crop_splits_a_region_and_loses_a_seed() -> None:
    regions = np.array([[3, 3, 3, 0, 8], [3, 0, 3, 0, 8], [3, 0, 3, 0, 8]])
    seeds = seed_map([[2, 0], [1, 4]], regions.shape, [3, 8])
    new, new_seeds = reseed_regions(regions[1:], seeds[1:])
    np.testing.assert_array_equal(new, [[1, 0, 2, 0, 3], [1, 0, 2, 0, 3]])
    np.testing.assert_array_equal(new_seeds, [[0, 0, 2, 0, 3], [1, 0, 0, 0, 0]])


@given(LABELS, st.data(), st.booleans())
def test_a_crop_is_consistent_again(label: np.ndarray, data: st.DataObject, forget: bool) -> None:
    regions = label_regions(label)
    seeds = region_seeds(regions)
    start = [data.draw(st.integers(0, n - 1)) for n in label.shape]
    box = tuple(slice(s, data.draw(st.integers(s + 1, n))) for s, n in zip(start, label.shape, strict=True))
    new, new_seeds = reseed_regions(regions[box], None if forget else seeds[box])
    np.testing.assert_array_equal(new, flood_regions(label[box]))
    ids, points = seed_points(new_seeds)
    np.testing.assert_array_equal(ids, np.arange(1, new.max() + 1))
    np.testing.assert_array_equal(new[tuple(points.T)], ids)
    if forget:
        np.testing.assert_array_equal(new_seeds, region_seeds(new))
        return
    kept = seeds[box] > 0
    assert np.all(new_seeds[kept] > 0)
    depth = depths(new, (1.0,) * label.ndim)
    for identifier in ids:
        if not kept[new == identifier].any():
            assert depth[new_seeds == identifier].item() == depth[new == identifier].max()


def test_reseeding_the_whole_image_changes_nothing(rng: np.random.Generator) -> None:
    regions = label_regions(rng.random((5, 20, 20)) < 0.7)
    seeds = region_seeds(regions)
    for new, old in zip(reseed_regions(regions, seeds), (regions, seeds), strict=True):
        np.testing.assert_array_equal(new, old)


def test_reseeding_sections() -> None:
    label = np.ones((3, 4, 4), dtype=np.uint8)
    regions = label_regions(label, section_axis=0)
    seeds = region_seeds(regions, section_axis=0)
    new, new_seeds = reseed_regions(regions[1:, 2:], seeds[1:, 2:], section_axis=0)
    np.testing.assert_array_equal(new, np.array([1, 2])[:, None, None] * np.ones((2, 2, 4)))
    assert [p.tolist() for p in seed_points(new_seeds)[1]] == [[0, 0, 2], [1, 0, 2]]


BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: label_regions(np.array([[1.0, np.nan]])),
        ValueError,
        "`label` needs finite values, got NaN or infinity (1 of",
    ),
    (lambda: label_regions(np.array([[0.5, 1]])), ValueError, "`label` needs whole numbers, got 0.5"),
    (lambda: label_regions(np.array([[-1, 1]])), ValueError, "`label` needs ids >= 0, got -1."),
    (lambda: label_regions(np.array([["a"]])), TypeError, "`label` needs a boolean, integer or floating array"),
    (lambda: label_regions(np.ones(3)), ValueError, "`label` needs 2 or 3 spatial dimensions, got 1."),
    (lambda: label_regions(np.ones((2, 2)), section_axis=0), ValueError, "`section_axis` needs an axis of a 3-D image"),
    (lambda: region_seeds(np.array([[2**31, 1]])), ValueError, "`regions` needs ids that fit int32, got 2147483648"),
    (lambda: region_seeds(np.ones((2, 2)), (1, 2, 3)), ValueError, "`spacing` needs 2 entries (voxel size per axis)"),
    (
        lambda: region_seeds(np.ones((2, 2, 2)), section_axis=0),
        ValueError,
        "`section_axis` needs regions within one section, got region 1 in several.",
    ),
    (
        lambda: seed_map([[0, 4]], (3, 4)),
        ValueError,
        "`points` needs seeds inside the image of shape (3, 4), got [0, 4].",
    ),
    (
        lambda: seed_map([[-1, 0]], (3, 4)),
        ValueError,
        "`points` needs seeds inside the image of shape (3, 4), got [-1, 0].",
    ),
    (lambda: seed_map([[1, 2], [1, 2]], (3, 4)), ValueError, "got more than one at [1, 2]."),
    (lambda: seed_map([[1, 2, 0]], (3, 4)), ValueError, "`points` needs shape (K, 2)"),
    (lambda: seed_map([[1.5, 2]], (3, 4)), ValueError, "`points` needs integral voxel indices"),
    (
        lambda: seed_map([[1, 2]], (3, 4), [0]),
        ValueError,
        "`ids` needs 1 ids in 1..2147483647, one per point, got [0].",
    ),
    (lambda: seed_map([[1, 2]], (3, 4), [1, 2]), ValueError, "`ids` needs 1 ids in 1..2147483647"),
    (
        lambda: reseed_regions(np.ones((2, 2)), np.ones((2, 3))),
        ValueError,
        "`seeds` needs the shape of `regions`, (2, 2), got (2, 3).",
    ),
    (
        lambda: reseed_regions(np.array([[1, 0]]), np.array([[0, 1]])),
        ValueError,
        "`seeds` needs the id of the region under each seed, got another: were both maps moved alike?",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD)
def test_bad_input(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_inputs_are_not_changed() -> None:
    label = np.array([[1, 1, 0, 2]], dtype=np.int32)
    kept = label.copy()
    for function in (label_regions, region_seeds, region_cells, region_neighbours):
        assert function(label) is not label
        np.testing.assert_array_equal(label, kept)
    assert not np.shares_memory(region_cells(np.ones_like(label)), label)


def test_real_sections_hold_the_stated_number_of_cells(real_data: Callable[[str], Path]) -> None:
    files = sorted((real_data("em_isbi2012") / "label").glob("*.png"))
    counts = []
    for file in files[::5]:
        label = imread(file)
        regions = label_regions(label == 255)
        seeds = region_seeds(regions)
        counts.append(int(regions.max()))
        np.testing.assert_array_equal(seed_points(seeds)[0], np.arange(1, counts[-1] + 1))
        assert np.all(regions[seeds > 0] == seeds[seeds > 0])
    assert min(counts) >= 88
    assert max(counts) <= 137
