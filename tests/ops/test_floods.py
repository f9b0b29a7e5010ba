# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from skimage.segmentation import watershed

from monai_boundary.ops.floods import flood_markers
from tests.oracles.barrier import front_distance


def markers_of(rng, shape):
    markers = np.zeros(shape, np.int32)
    markers.flat[rng.choice(markers.size, 4, replace=False)] = [1, 2, 3, 4]
    return markers


@pytest.mark.parametrize("shape", [(15, 16), (6, 7, 8)])
def test_where_no_two_greys_are_equal_it_is_the_watershed_of_scikit_image(shape, rng):
    image = rng.permutation(256)[: np.prod(shape)] if np.prod(shape) <= 256 else rng.permutation(np.prod(shape))
    markers = markers_of(rng, shape)
    if image.size <= 256:
        image = image.reshape(shape).astype(np.uint8)
        np.testing.assert_array_equal(flood_markers(image, markers, "watershed"), watershed(image, markers))
    else:  # more voxels than greys: a few of many ties
        image = (image * 256 // image.size).reshape(shape).astype(np.uint8)
        assert (flood_markers(image, markers, "watershed") == watershed(image, markers)).mean() > 0.9


def test_a_barrier_cut_costs_no_more_than_by_the_queue(rng):
    """First in, first out decides otherwise among equal costs; the cost of most voxels is the same."""
    image, markers = rng.integers(0, 40, (12, 13)).astype(np.uint8), markers_of(rng, (12, 13))
    found = flood_markers(image, markers, "barrier_cut")
    assert (found == front_distance(image, markers)[1]).mean() > 0.8
    assert set(np.unique(found)) == {1, 2, 3, 4}


@pytest.mark.parametrize("method", ["watershed", "barrier_cut"])
def test_flips_and_transposes_commute(method, rng):
    """No order of visits decides, where markers are of one voxel each."""
    image, markers = rng.integers(0, 6, (7, 8, 9)).astype(np.uint8), markers_of(rng, (7, 8, 9))
    found = flood_markers(image, markers, method)
    for change in (np.flip, np.transpose, lambda a: a[:, ::-1]):
        changed = flood_markers(np.ascontiguousarray(change(image)), np.ascontiguousarray(change(markers)), method)
        np.testing.assert_array_equal(changed, change(found))


def test_a_plateau_is_shared_by_distance():
    image = np.array([[0, 9, 5, 5, 5, 5, 5, 9, 0]], np.uint8)
    markers = np.array([[4, 0, 0, 0, 0, 0, 0, 0, 3]], np.int32)
    assert flood_markers(image, markers, "watershed").tolist() == [[4, 4, 4, 4, 3, 3, 3, 3, 3]], "the smaller id"


def test_a_deep_marker_floods_from_its_first_voxel_that_is_64_deep():
    """What lies beside the marker's dark voxel costs 5 from there, and 4 from the other marker's grey of 9."""
    markers = np.zeros((1, 330), np.int32)
    markers[0, 1:300], markers[0, 320] = 1, 2
    for dark, winner in [(64, 2), (63, 1), (150, 1)]:  # 150 is the deepest
        image = np.full(markers.shape, 5, np.uint8)
        image[0, dark], image[0, 310:] = 0, 9
        assert flood_markers(image, markers, "barrier_cut")[0, [1, 100, 320]].tolist() == [1, winner, 2]


def test_what_is_no_method():
    with pytest.raises(ValueError, match="`method` needs one of 'watershed', 'barrier_cut'"):
        flood_markers(np.zeros((2, 2), np.uint8), np.ones((2, 2), np.int32), "components")
