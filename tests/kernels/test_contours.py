# SPDX-License-Identifier: Apache-2.0
"""Contours of labels, widened contours and their weights, compiled and as Python."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from monai_boundary.kernels import contours as kernels


def test_contours_touch_by_faces_only(run):
    labels = np.array([[[1, 1, 0], [1, 2, 0], [0, 0, 0]]], dtype=np.int32)
    voxels, begins = run(kernels.label_contours, labels, 2, np.arange(labels.size))
    np.testing.assert_array_equal(begins, [0, 3, 7])
    np.testing.assert_array_equal(voxels[:3], [2, 4, 6])  # not 8, which touches a 1 by no face
    np.testing.assert_array_equal(voxels[3:], [1, 3, 5, 7])


def test_contours_of_a_volume_equal_the_dilation(run, rng):
    labels = rng.integers(0, 4, (4, 5, 6)).astype(np.int32)
    voxels, begins = run(kernels.label_contours, labels, 3, np.arange(labels.size))
    for label in (1, 2, 3):
        mask = labels == label
        expected = np.flatnonzero(ndimage.binary_dilation(mask) & ~mask)
        np.testing.assert_array_equal(voxels[begins[label - 1] : begins[label]], expected)


@pytest.mark.parametrize(("shape", "radius"), [((1, 9, 8), (0, 2, 1)), ((5, 6, 7), (1, 0, 2))])
def test_widened_contours_equal_the_dilation_by_a_box(run, rng, shape, radius):
    masks = rng.random((3, *shape)) < 0.04
    masks[1] = False
    lists = [np.flatnonzero(mask).astype(np.int64) for mask in masks]
    begins = np.cumsum([0] + [part.size for part in lists]).astype(np.int64)
    voxels, ends = run(kernels.widen_contours, np.concatenate(lists), begins, shape, radius)
    for k, mask in enumerate(masks):
        box = np.ones([2 * r + 1 for r in radius], bool)
        expected = np.flatnonzero(ndimage.binary_dilation(mask, box))
        np.testing.assert_array_equal(np.sort(voxels[ends[k] : ends[k + 1]]), expected)


def test_widened_contours_outgrow_the_first_list(run):
    voxels, _ = run(kernels.widen_contours, np.array([10 * 64 + 30]), np.array([0, 1]), (1, 64, 64), (0, 40, 40))
    assert voxels.size == (10 + 1 + 40) * 64
    assert np.unique(voxels).size == voxels.size


def test_weights_are_one_per_contour_shared_by_its_voxels(run):
    voxels, begins = np.array([0, 1, 1, 2, 3, 4]), np.array([0, 2, 2, 6])
    truth = np.array([True, False, False, False, False])
    weights, number = run(kernels.contour_weights, voxels, begins, truth, False)
    np.testing.assert_allclose(weights, [0.5, 0.5 + 0.25, 0.25, 0.25, 0.25])
    assert number == 2


def test_balance_halves_the_weight_between_membrane_and_the_rest(run):
    truth = np.array([True, False, False, False])
    weights, _ = run(kernels.contour_weights, np.arange(4), np.array([0, 4]), truth, True)
    np.testing.assert_allclose(weights, [1 / 2, 1 / 6, 1 / 6, 1 / 6], rtol=1e-6)
    weights, _ = run(kernels.contour_weights, np.arange(1, 4), np.array([0, 3]), truth, True)
    np.testing.assert_allclose(weights, [0, 1 / 3, 1 / 3, 1 / 3], rtol=1e-6)
