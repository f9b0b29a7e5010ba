# SPDX-License-Identifier: Apache-2.0
"""The IoU in bands around the true boundary, drawn by hand and against distances by brute force."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from monai_boundary.metrics import TrimapIoUMetric, compute_trimap_iou
from tests.metrics.surface_cases import ALL, brute_distance, each_seed, seeded_masks


def brute_trimap_iou(pred: np.ndarray, true: np.ndarray, spacing: tuple[float, ...], width: float) -> float:
    if true.all() or not true.any():
        return math.nan
    apart = np.minimum(brute_distance(true, ~true, spacing), brute_distance(~true, true, spacing))
    faces = (true & ~ndimage.binary_erosion(true, border_value=1)) | (~true & ndimage.binary_dilation(true))
    band = (apart <= width + 1e-9) | faces
    return float((pred & true & band).sum() / ((pred | true) & band).sum())


@each_seed(ALL)
def test_trimap_is_equal_to_brute_force(seed: int) -> None:
    pred, true, spacing = seeded_masks(seed)
    widths = (0.6, 1.3, 3.0)
    expected = [brute_trimap_iou(pred, true, spacing, width) for width in widths]
    np.testing.assert_allclose(compute_trimap_iou(pred, true, spacing, widths_mm=widths), expected)


def test_drawn_trimap() -> None:
    truth, pred = np.zeros((2, 1, 9))
    truth[0, :4] = 1
    pred[0, :5] = 1
    pred[0, 8] = 1  # far off: outside every narrow band
    assert compute_trimap_iou(pred, truth, spacing=1.0, widths_mm=(1.0, 2.0, 9.0)) == pytest.approx(
        (1 / 2, 2 / 3, 4 / 6)
    )


@pytest.mark.parametrize(("pred", "true"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_no_boundary_in_the_image_is_nan(pred: int, true: int) -> None:
    masks = np.full((3, 3), pred), np.full((3, 3), true)
    assert all(math.isnan(v) for v in compute_trimap_iou(*masks, spacing=1.0))


def test_a_missed_lesion_is_zero_in_every_band() -> None:
    truth = np.zeros((5, 5))
    truth[2, 2] = 1
    assert compute_trimap_iou(np.zeros((5, 5)), truth, spacing=1.0) == (0.0,) * 4


@pytest.mark.parametrize("widths", [(0.0,), (1.0, -1.0), (math.inf,)])
def test_bad_widths(widths: Any) -> None:
    with pytest.raises(ValueError, match="`widths_mm` needs a finite number > 0"):
        compute_trimap_iou(np.eye(3), np.eye(3), spacing=1.0, widths_mm=widths)
    with pytest.raises(ValueError, match="`widths_mm` needs a finite number > 0"):
        TrimapIoUMetric(widths_mm=widths)


def test_over_a_data_set() -> None:
    truth = torch.zeros(3, 1, 6, 6)
    truth[:, :, 2:4, 2:4] = 1
    pred = truth.clone()
    pred[1] = 0
    pred[2, :, 2:4, 4] = 1
    metric = TrimapIoUMetric(spacing=1.0, widths_mm=(1.0, 5.0))
    rows = metric(pred, truth)
    assert metric.score_names == ("trimap_iou_1mm", "trimap_iou_5mm", "missed", "false_alarm")
    assert (metric.aggregate()["missed"], metric.aggregate()["false_alarm"]) == (1, 0)
    for row, one, true in zip(rows, pred, truth, strict=True):
        assert tuple(row[:2].tolist()) == compute_trimap_iou(one[0], true[0], 1.0, widths_mm=(1.0, 5.0))
