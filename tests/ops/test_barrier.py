# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from monai_boundary.ops import (
    barrier_cut,
    barrier_distance,
    barrier_partition,
    label_regions,
    partition_contours,
    quantise_probability,
    region_cells,
    region_seeds,
)
from tests.oracles import barrier as oracle

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
SHAPES = hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6)
IMAGES = hnp.arrays(np.uint8, SHAPES, elements=st.integers(0, 9))


def seeded(image, k=0):
    seeds = np.zeros(image.shape, np.int32)
    seeds.flat[k % image.size] = 1
    return seeds


@pytest.mark.parametrize("k", [0, 1])
def test_front_propagation_is_never_below_the_exact_distance(k):
    golden = np.load(GOLDEN / "mbd_distance.npz")
    distance = barrier_distance(golden["img"][k], golden["seed"][k])
    np.testing.assert_array_equal(distance, golden["oracle_clean"][k])
    assert (distance >= golden["oracle_exact"][k]).all()
    assert (distance > golden["oracle_exact"][k]).any()  # it is a bound, not the exact distance


@pytest.mark.parametrize("k", [0, 1])
def test_the_brute_force_oracle_is_the_recorded_one(k):
    golden = np.load(GOLDEN / "mbd_distance.npz")
    image, seeds = golden["img"][k][:10, :10] // 16, golden["seed"][k][:10, :10] * 0
    seeds[3, 4] = 1
    by_paths = np.full(image.shape, 999)
    for low in range(16):  # relax the largest value on a path within [low, 255] until nothing changes
        if image[3, 4] < low:
            continue
        top = np.where(seeds > 0, image.astype(int), 999)
        for _ in range(image.size):
            for voxel in np.ndindex(image.shape):
                if image[voxel] >= low:
                    around = min((top[o] for o in oracle.faces(image.shape, voxel)), default=999)
                    top[voxel] = min(top[voxel], max(around, int(image[voxel])))
        by_paths = np.minimum(by_paths, top - low)
    np.testing.assert_array_equal(oracle.exact_distance(image, seeds), by_paths)


@given(IMAGES, st.integers(0, 50))
def test_distance_bounds_the_exact_one_and_is_exact_on_two_grey_values(image, k):
    seeds = seeded(image, k)
    assert (barrier_distance(image, seeds) >= oracle.exact_distance(image, seeds)).all()
    two = (image > 4).astype(np.uint8) * 7
    np.testing.assert_array_equal(barrier_distance(two, seeds), oracle.exact_distance(two, seeds))


@given(IMAGES, st.integers(0, 50), st.integers(0, 200))
def test_a_constant_added_changes_nothing_and_neither_does_inversion(image, k, constant):
    distance = barrier_distance(image, seeded(image, k))
    np.testing.assert_array_equal(barrier_distance(image + np.uint8(constant), seeded(image, k)), distance)
    np.testing.assert_array_equal(barrier_distance(255 - image, seeded(image, k)), distance)


@given(IMAGES.filter(lambda a: a.ndim == 2), st.integers(0, 50))
def test_a_one_slice_volume_is_the_slice_along_every_axis(image, k):
    for axis in range(3):
        volume, seeds = np.expand_dims(image, axis), np.expand_dims(seeded(image, k), axis)
        expected = barrier_distance(image, seeded(image, k))
        np.testing.assert_array_equal(np.squeeze(barrier_distance(volume, seeds), axis), expected)


def test_a_diagonal_step_is_no_step():
    image = np.array([[0, 9, 9], [9, 0, 9], [9, 9, 0]], dtype=np.uint8)
    assert barrier_distance(image, seeded(image))[2, 2] == 9


def test_the_partition_follows_the_walls_and_not_the_distance():
    image = np.zeros((5, 9), np.uint8)
    image[:, 6] = 200
    seeds = np.zeros((5, 9), np.int32)
    seeds[2, 0], seeds[2, 8] = 3, 7
    expected = np.full((5, 9), 3)
    expected[:, 7:] = 7
    parts = barrier_partition(image, seeds)
    np.testing.assert_array_equal(np.delete(parts, 6, axis=1), np.delete(expected, 6, axis=1))


def test_a_front_stays_in_its_domain_and_needs_a_seed_there() -> None:
    image = np.array([[0, 9, 0, 0, 0]], np.uint8)
    seeds = np.array([[1, 0, 0, 0, 2]])
    domain = np.array([[True, True, True, False, True]])
    assert barrier_partition(image, seeds, domain).tolist() == [[1, 1, 1, 0, 2]]
    domain[0, 0] = False
    assert barrier_partition(image, seeds, domain).tolist() == [[0, 0, 0, 0, 2]]
    with pytest.raises(ValueError, match="`domain`"):
        barrier_partition(image, seeds, domain[:, 1:])
    with pytest.raises(TypeError, match="`domain` needs a boolean mask, got dtype int64"):
        barrier_partition(image, seeds, seeds)


def test_without_seeds_the_partition_is_empty_and_the_distance_refuses():
    image = np.zeros((2, 3), np.uint8)
    assert not barrier_partition(image, np.zeros((2, 3), np.int32)).any()
    with pytest.raises(ValueError, match="`seeds` needs at least one seed, got none"):
        barrier_distance(image, np.zeros((2, 3), np.int32))


def test_contours_of_parts_keep_their_ids_even_large_ones():
    contours = partition_contours(np.array([[0, 5, 2_000_000_000]]))
    np.testing.assert_array_equal(contours.ids, [5, 2_000_000_000])
    np.testing.assert_array_equal(contours.voxels, [0, 2, 1])
    np.testing.assert_array_equal(contours.mask((1, 3)), [[True, True, True]])


def test_the_cut_equals_the_recorded_one():
    golden = np.load(GOLDEN / "mbd_cut_tiny.npz")
    np.testing.assert_array_equal(barrier_distance(golden["img"], golden["fg"]), golden["d_fg"])
    np.testing.assert_array_equal(barrier_distance(golden["img"], golden["bg"]), golden["d_bg"])
    seeds = (golden["fg"] > 0) + 2 * (golden["bg"] > 0)
    cells = np.where(np.arange(11) < 6, 1, 2) * np.ones((9, 1), int)
    for domain in ("cells", "image"):
        contours, _ = barrier_cut(golden["img"], seeds, cells, domain=domain)
        mask = np.zeros(golden["img"].shape, bool)
        mask.flat[contours.voxels[: contours.begins[1]]] = True
        np.testing.assert_array_equal(mask, golden["contour"] > 0)


def walls(rng, shape=(40, 40)):
    """Return the membrane between the Voronoi cells of ten points."""
    points = rng.integers(0, 40, (10, 2))
    near = np.linalg.norm(np.stack(np.indices(shape), -1)[..., None, :] - points, axis=-1)
    two = np.partition(near, 1, axis=-1)
    return two[..., 1] - two[..., 0] < 2.0


def test_a_clean_prediction_is_cut_along_the_walls_in_both_domains(rng):
    membrane = walls(rng)
    regions = label_regions(~membrane)
    seeds, cells = region_seeds(regions), region_cells(regions)
    image = quantise_probability(membrane.astype(np.float32))
    within, _ = barrier_cut(image, seeds, cells)
    whole, sure = barrier_cut(image, seeds, cells, domain="image")
    assert sure.all()
    assert within.begins[-1] > 100
    np.testing.assert_array_equal(within.voxels, whole.voxels)
    assert membrane.flat[within.voxels].all()


def test_ids_need_not_be_contiguous_and_seedless_cells_are_no_domain():
    image = np.array([[0, 0, 9, 0, 0, 9, 0, 0]], dtype=np.uint8)
    cells = np.array([[40, 40, 40, 7, 7, 7, 900, 900]])
    seeds = np.zeros((1, 8), np.int32)
    seeds[0, 0], seeds[0, 4] = 40, 7
    contours, _ = barrier_cut(image, seeds, cells)
    np.testing.assert_array_equal(contours.ids, [7, 40])
    # The second wall is a tie of both fronts, hence background; behind it lies the seedless cell that no front enters.
    np.testing.assert_array_equal(contours.voxels[: contours.begins[1]], [2, 5])
    np.testing.assert_array_equal(contours.voxels[contours.begins[1] :], [2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": np.zeros((2, 4))}, "`image` needs dtype uint8"),
        ({"seed_map": np.zeros((2, 5), int)}, r"`seed_map` needs the shape of `image`, \(2, 4\), got \(2, 5\)"),
        ({"cells": np.zeros((4, 2), int)}, r"`cells` needs the shape of `image`"),
        (
            {"seed_map": np.array([[1, 1, 0, 0], [0, 0, 0, 2]])},
            "`seed_map` needs one seed per id, got several for id 1",
        ),
        ({"seed_map": np.array([[2, 0, 0, 0], [0, 0, 0, 1]])}, "`cells` needs id 1 at that seed's voxel, got 2"),
        ({"seed_map": np.array([[-1, 0, 0, 0], [0, 0, 0, 1]])}, "`seed_map` needs ids >= 0, got -1"),
        (
            {"seed_map": np.array([[2**32 + 1, 0, 0, 0], [0, 0, 0, 2]])},
            "`seed_map` needs ids that fit int32, got 4294967297",
        ),
        ({"seed_map": np.array([[1.5, 0, 0, 0], [0, 0, 0, 2]])}, "`seed_map` needs whole numbers, got 1.5"),
        ({"domain": "cell"}, "`domain` needs one of 'cells', 'image', got 'cell'"),
        ({"image": np.zeros(4, np.uint8)}, "2 or 3 spatial dimensions"),
    ],
)
def test_bad_input_is_named(change, message):
    good = {
        "image": np.zeros((2, 4), np.uint8),
        "seed_map": np.array([[1, 0, 0, 0], [0, 0, 0, 2]]),
        "cells": np.array([[1, 1, 2, 2], [1, 1, 2, 2]]),
    }
    with pytest.raises((ValueError, TypeError), match=message):
        barrier_cut(**{**good, **change})


@pytest.mark.parametrize("dtype", [np.int64, np.uint32, np.float64])
def test_a_seed_id_beyond_int32_does_not_wrap(dtype):
    """2**32 + 1 would come back as 1, the id of the other seed."""
    image, seeds = np.zeros((2, 3), np.uint8), np.zeros((2, 3), dtype)
    seeds[0, 0], seeds[1, 2] = 1, 2**32 + 1 if dtype != np.uint32 else 2**31
    with pytest.raises(ValueError, match=r"`seed_map` needs ids that fit int32, got (4294967297|2147483648)"):
        barrier_partition(image, seeds)
    seeds[1, 2] = 2**31 - 1
    assert set(np.unique(barrier_partition(image, seeds))) == {1, 2**31 - 1}


@pytest.mark.parametrize("bad", [[0.0, np.nan], [0.0, 1.01], [-0.1, 1.0]])
def test_only_probabilities_are_quantised(bad):
    with pytest.raises(ValueError, match=r"`probability` needs values in \[0, 1\]"):
        quantise_probability(np.array(bad))
