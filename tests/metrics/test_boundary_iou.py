# SPDX-License-Identifier: Apache-2.0
"""Boundary IoU, drawn by hand and against distances by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from monai_boundary.metrics import compute_boundary_iou
from monai_boundary.metrics.boundary_iou import band_width_mm
from monai_boundary.metrics.surface_pair import measure_surfaces
from tests.metrics.surface_cases import ALL, brute_distance, each_seed, seeded_masks


def brute_boundary_iou(pred: np.ndarray, true: np.ndarray, spacing: tuple[float, ...], width: float) -> float:
    bands = []
    for mask in (pred, true):
        wide = np.pad(mask, 1)
        inner = ~ndimage.binary_erosion(wide)
        band = wide & ((brute_distance(wide, ~wide, spacing) <= width + 1e-9) | inner)
        bands.append(band)
    either = (bands[0] | bands[1]).sum()
    return float((bands[0] & bands[1]).sum() / either) if either else math.nan


@each_seed(ALL)
def test_equal_to_brute_force(seed: int) -> None:
    pred, true, spacing = seeded_masks(seed)
    for width in (0.6, 1.3, 3.0):
        found = compute_boundary_iou(pred, true, spacing, width_mm=width)
        assert found == pytest.approx(brute_boundary_iou(pred, true, spacing, width), nan_ok=True), width
    diagonal = math.hypot(*(s * n for s, n in zip(spacing, true.shape, strict=True)))
    found = compute_boundary_iou(pred, true, spacing, width_share=0.23)
    assert found == pytest.approx(brute_boundary_iou(pred, true, spacing, 0.23 * diagonal), nan_ok=True), "a share"


def test_drawn_boundary_iou() -> None:
    """A square of 5 x 5 has a band of 16, one of 5 x 6 of 18; the bands share 13."""
    truth, pred = np.zeros((2, 7, 8))
    truth[1:6, 1:6], pred[1:6, 1:7] = 1, 1
    assert compute_boundary_iou(pred, truth, spacing=1.0, width_mm=1.0) == pytest.approx(13 / 21)
    assert compute_boundary_iou(pred, truth, spacing=1.0, width_mm=50.0) == pytest.approx(25 / 30)


def test_drawn_width_in_mm_across_thick_slices() -> None:
    """With slices of 5 mm and pixels of 1 mm, a band of 2 mm is two pixels wide, and one slice at least."""
    truth = np.zeros((9, 9, 9))
    truth[1:8, 1:8, 1:8] = 1
    pred = truth.copy()
    pred[4, 4, 4] = 0  # a hole in the middle: its own boundary
    found = compute_boundary_iou(pred, truth, spacing=(5.0, 1.0, 1.0), width_mm=2.0)
    band = 7**3 - 5 * 3 * 3
    hole = 2 + sum(1 for j in range(-2, 3) for k in range(-2, 3) if 0 < j * j + k * k <= 4 and max(abs(j), abs(k)) <= 1)
    assert found == pytest.approx(band / (band + hole))


def test_a_share_of_the_diagonal() -> None:
    mask = np.zeros((30, 40))
    mask[3, 3] = 1
    pair = measure_surfaces(mask, mask, spacing=(2.0, 2.0))
    assert band_width_mm(pair, None, 0.02) == pytest.approx(2.0)
    assert band_width_mm(pair, 7.0, 0.02) == 7.0


@pytest.mark.parametrize(("pred", "true", "expected"), [(0, 0, math.nan), (0, 1, 0.0), (1, 0, 0.0), (1, 1, 1.0)])
def test_empty_and_full(pred: int, true: int, expected: float) -> None:
    masks = np.full((3, 3), pred), np.full((3, 3), true)
    np.testing.assert_equal(compute_boundary_iou(*masks, spacing=1.0), expected)


def test_a_missed_lesion_is_zero() -> None:
    truth = np.zeros((5, 5))
    truth[2, 2] = 1
    assert compute_boundary_iou(np.zeros((5, 5)), truth, spacing=1.0) == 0.0
