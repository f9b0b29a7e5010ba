# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_boundary.ops import boundary_weights, leak_contour, leaked_regions, quantise_probability


def two_cells(hole=()):
    """Return prediction, membrane and seeds: two cells beside a wall at column 4 with holes in its prediction."""
    membrane = np.zeros((7, 9), bool)
    membrane[:, 4] = True
    probability = membrane.astype(float)
    probability[list(hole), 4] = 0
    seeds = np.zeros((7, 9), np.int32)
    seeds[3, 1], seeds[3, 7] = 1, 2
    return quantise_probability(probability), membrane, seeds


def test_weights_of_the_partition_are_the_mean_over_both_contours():
    weights = boundary_weights(*two_cells(), contour="partition")
    expected = np.zeros((7, 9))
    # Both fronts reach the wall at the same cost; whichever has it, the other side's contour lies beside the wall.
    assert (weights[:, 4] == weights[0, 4]).all()
    beside = 5 if weights[0, 5] > 0 else 3
    expected[:, 4] = expected[:, beside] = 1 / 7 / 2
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    total = boundary_weights(*two_cells(), contour="partition", region_reduction="sum")
    np.testing.assert_allclose(total, 2 * expected, rtol=1e-6)


def test_weights_of_the_cut_per_region_lie_on_the_wall():
    image, membrane, seeds = two_cells()
    weights = boundary_weights(image, membrane, seeds, contour="per_region")
    np.testing.assert_allclose(weights, np.where(membrane, 1 / 7, 0), rtol=1e-6)  # ties are background on both sides


def test_width_dilates_by_a_box_and_may_differ_per_axis():
    image, membrane, seeds = two_cells()
    wide = boundary_weights(image, membrane, seeds, contour="per_region", contour_width=3) > 0
    np.testing.assert_array_equal(wide, np.abs(np.arange(9) - 4) <= 1 + np.zeros((7, 1)))
    flat = boundary_weights(image, membrane, seeds, contour="per_region", contour_width=(3, 1)) > 0
    np.testing.assert_array_equal(flat, membrane)


def test_balance_gives_membrane_and_rest_equal_weight():
    image, membrane, seeds = two_cells()
    weights = boundary_weights(image, membrane, seeds, contour="per_region", contour_width=3, balance=True)
    assert weights[membrane].sum() == pytest.approx(0.5)
    assert weights[~membrane].sum() == pytest.approx(0.5)


def test_a_front_through_a_hole_leaks_where_it_takes_foreign_voxels():
    image, membrane, seeds = two_cells()
    assert not boundary_weights(image, membrane, seeds, contour="leak").any()
    # An obstacle around the right-hand seed holds its front back, so the left one passes the hole and takes the cell.
    image, membrane, seeds = two_cells(hole=[0])
    image[2:5, 6:9] = 100
    image[3, 7] = 0
    weights = boundary_weights(image, membrane, seeds, contour="leak", contour_width=1)
    assert weights[0, 4] > 0
    assert weights.sum() == pytest.approx(1.0)
    assert not weights[~membrane].any()


def test_a_wide_open_hole_is_marked_by_the_leak_contour_and_not_by_the_partition():
    membrane = np.zeros((9, 30), bool)
    membrane[:, 4] = True
    image = np.where(membrane, 255, 0).astype(np.uint8)
    image[2:7, 4] = 0  # five of nine wall voxels are missing
    seeds = np.zeros((9, 30), np.int32)
    seeds[4, 1], seeds[4, 20] = 1, 2
    parted = boundary_weights(image, membrane, seeds, contour="partition")
    leaking = boundary_weights(image, membrane, seeds, contour="leak")
    assert not parted[2:7, 4].any()
    assert (leaking[2:7, 4] > 0).all()


def test_leaked_regions_follow_the_seeds_home_and_not_their_ids():
    parts = np.array([[8, 8, 8, 8, 9, 9]])
    seeds = np.array([[8, 0, 0, 0, 0, 9]])
    regions = np.array([[2, 2, 0, 1, 1, 1]])
    np.testing.assert_array_equal(leaked_regions(parts, seeds, regions), [[0, 0, 0, 1, 0, 0]])


def test_a_region_without_seed_is_never_leaked():
    parts = np.array([[1, 1, 1, 1, 1]])
    leaked = leaked_regions(parts, np.array([[1, 0, 0, 0, 0]]), np.array([[1, 1, 0, 2, 2]]))
    np.testing.assert_array_equal(leaked, np.zeros((1, 5), bool))


def test_leak_contour_is_membrane_within_a_box_per_axis():
    leaked = np.zeros((5, 7), bool)
    leaked[2, 3] = True
    near = leak_contour(leaked, np.ones((5, 7), bool), width=(1, 2))
    expected = np.zeros((5, 7), bool)
    expected[1:4, 1:6] = True
    np.testing.assert_array_equal(near, expected)
    assert not leak_contour(np.zeros((5, 7), bool), np.ones((5, 7), bool)).any()


@pytest.mark.parametrize("contour", ["partition", "per_region", "leak"])
@pytest.mark.parametrize("kind", ["no membrane", "all membrane", "one region"])
def test_nothing_to_cut_gives_no_weight(contour, kind):
    membrane = np.full((4, 5), kind == "all membrane")
    seeds = np.zeros((4, 5), np.int32)
    if kind == "one region":
        membrane[:, 3:] = True
    if kind != "all membrane":
        seeds[1, 1] = 1
    assert not boundary_weights(np.full((4, 5), 90, np.uint8), membrane, seeds, contour=contour).any()


def test_seeds_given_without_regions_may_have_ids_of_their_own():
    image, membrane, seeds = two_cells(hole=[0])
    image[2:5, 6:9] = 100
    image[3, 7] = 0
    other = np.where(seeds == 1, 50, np.where(seeds == 2, 4, 0)).astype(np.int32)
    for contour in ("per_region", "leak"):
        expected = boundary_weights(image, membrane, seeds, contour=contour)
        assert expected.any()
        np.testing.assert_array_equal(boundary_weights(image, membrane, other, contour=contour), expected)


def test_a_one_slice_volume_is_the_slice():
    image, membrane, seeds = two_cells(hole=[0, 1])
    for contour, width in (("partition", (3, 1)), ("per_region", (1, 3)), ("leak", (2, 1))):
        flat = boundary_weights(image, membrane, seeds, contour=contour, contour_width=width)
        deep = boundary_weights(image[None], membrane[None], seeds[None], contour=contour, contour_width=(1, *width))
        np.testing.assert_array_equal(deep[0], flat)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"contour": "cut"}, "`contour` needs one of 'partition', 'per_region', 'leak', got 'cut'"),
        ({"region_reduction": "max"}, "`region_reduction` needs one of 'mean', 'sum'"),
        (
            {"contour_width": 4, "contour": "partition"},
            "`contour_width` needs odd integers >= 1 for contour 'partition', got 4",
        ),
        ({"contour_width": 0, "contour": "leak"}, "`contour_width` needs integers >= 1 for contour 'leak', got 0"),
        ({"contour_width": (3, 3, 3)}, r"`contour_width` needs 2 entries \(voxels per axis\), got 3"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        boundary_weights(*two_cells(), **options)


def test_a_seed_on_the_membrane_is_refused():
    image, membrane, seeds = two_cells()
    seeds[0, 4] = 3
    with pytest.raises(ValueError, match="`seed_map` needs seeds inside the regions, got 1 of 3 on the membrane"):
        boundary_weights(image, membrane, seeds)
