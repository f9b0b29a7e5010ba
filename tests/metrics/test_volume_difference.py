# SPDX-License-Identifier: Apache-2.0
"""Volumes, drawn, against sums of voxels and SimpleITK."""

from __future__ import annotations

import math

import numpy as np
import pytest
import SimpleITK
import torch

from monai_boundary.metrics import VolumeDifferenceMetric, compute_lesion_scores, compute_volume_difference
from tests.metrics.surface_cases import ALL, each_seed, seeded_masks


def test_drawn() -> None:
    truth, pred = np.zeros((2, 10, 10, 10))
    truth[:5], pred[:4] = 1, 1
    found = compute_volume_difference(pred, truth, spacing=(1.0, 1.0, 2.0))  # a slice of 100 voxels of 2 mm^3
    assert found == (pytest.approx(0.2), pytest.approx(-0.2), 20.0, -20.0, 0.0, 0.0)
    swapped = compute_volume_difference(truth, pred, spacing=(1.0, 1.0, 2.0))
    assert swapped[:4] == (pytest.approx(0.2), pytest.approx(0.2), 25.0, 25.0)


@each_seed(ALL)
def test_equals_sums_of_voxels(seed: int) -> None:
    pred, true, spacing = seeded_masks(seed)
    found = compute_volume_difference(pred, true, spacing)
    voxel = np.prod(spacing) / 1000 if true.ndim == 3 else math.nan
    mine, theirs = float(pred.astype(float).sum()), float(true.astype(float).sum())
    np.testing.assert_allclose(found.signed_volume_difference_ml, mine * voxel - theirs * voxel, atol=1e-12)
    percent = (mine / theirs - 1) * 100 if theirs else math.nan
    np.testing.assert_allclose(found.volume_difference_percent, abs(percent), atol=1e-9)
    np.testing.assert_allclose(found.signed_volume_difference_percent, percent, atol=1e-9)
    assert (found.missed, found.false_alarm) == (mine == 0 < theirs, theirs == 0 < mine)
    lesions = compute_lesion_scores(pred, true, spacing=spacing)
    np.testing.assert_equal(found.volume_difference_percent, lesions.volume_difference_percent)


@each_seed()
def test_equals_simple_itk(seed: int) -> None:
    """Its volume similarity is twice the difference over the sum: r / (1 + r / 2) of the relative difference r."""
    pred, true, spacing = seeded_masks(seed)
    measures = SimpleITK.LabelOverlapMeasuresImageFilter()
    measures.Execute(*(SimpleITK.GetImageFromArray(mask.astype(np.uint8)) for mask in (pred, true)))
    relative = compute_volume_difference(pred, true, spacing).signed_volume_difference_percent / 100
    assert relative / (1 + relative / 2) == pytest.approx(measures.GetVolumeSimilarity())


@pytest.mark.parametrize(
    ("pred", "true", "percent", "missed", "alarm"),
    [(0, 1, -100.0, 1, 0), (1, 0, math.nan, 0, 1), (0, 0, math.nan, 0, 0)],
)
def test_empty(pred: int, true: int, percent: float, missed: int, alarm: int) -> None:
    found = compute_volume_difference(np.full((2, 3), pred), np.full((2, 3), true), spacing=1.0)
    np.testing.assert_equal(found[3:], (percent, missed, alarm))
    assert math.isnan(found.volume_difference_ml)  # an area is no volume


def test_metric_counts_misses() -> None:
    metric = VolumeDifferenceMetric(spacing=1.0)
    metric(torch.zeros(2, 1, 2, 2, 2), torch.ones(2, 1, 2, 2, 2))
    scores = metric.aggregate()
    assert (scores["volume_difference_percent"].item(), scores["missed"].item()) == (100, 2)


def test_spacing_is_needed() -> None:
    with pytest.raises(ValueError, match=r"`spacing` needs 2 entries \(mm per axis\) for a volume, got None"):
        compute_volume_difference(np.eye(2), np.eye(2), None)
