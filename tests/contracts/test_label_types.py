# SPDX-License-Identifier: Apache-2.0
"""Every metric and transform that takes a label or a mask reads its values by one rule, whatever their type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from monai_boundary import metrics, transforms

MASK = torch.zeros(1, 6, 6, 6, dtype=torch.float64)
MASK[0, 1:4, 1:4, 1:5] = 1
GUESS = torch.zeros_like(MASK)
GUESS[0, 2:5, 1:4, 1:5] = 1
TYPES = ["float16", "bfloat16", "float32", "uint8", "uint16", "uint32", "int16", "int64"]

Scores = dict[str, Callable[[Any, Any], Any]]
COMPUTED: Scores = {
    "hausdorff": lambda p, y: metrics.compute_hausdorff_mm(p[0], y[0], spacing=1.0),
    "detection": lambda p, y: metrics.compute_lesion_detection(p[0], y[0]),
    "lesions": lambda p, y: metrics.compute_lesion_scores(p[0], y[0], spacing=1.0),
    "masks": lambda p, y: np.stack(metrics.lesion_masks(p[0], y[0])),
    "tumours": lambda p, y: metrics.compute_tumour_scores(p, y, spacing=1.0, regions=("wt",))["wt"],
    "voi": lambda p, y: metrics.compute_voi(p[0], y[0]),
    "rand": lambda p, y: metrics.compute_adapted_rand(p[0], y[0]),
    "cremi": lambda p, y: metrics.compute_cremi_score(p[0], y[0], border_tolerance_nm=1.0, spacing=1.0),
    "curve": lambda p, y: metrics.compute_threshold_curve(GUESS[0], y[0]).scores,
    "border": lambda p, y: metrics.truth_border_mask(y[0], 1.0, 1.0),
}
ACCUMULATED: Scores = {
    "lesions": lambda p, y: metrics.LesionScoresMetric(spacing=1.0)(p[None], y[None]),
    "tumours": lambda p, y: metrics.TumourScoresMetric(("wt",), spacing=1.0)(p[None], y[None]),
    "voi": lambda p, y: metrics.VariationOfInformationMetric()(p[None], y[None]),
    "rand": lambda p, y: metrics.AdaptedRandMetric()(p[None], y[None]),
    "cremi": lambda p, y: metrics.CREMIScoreMetric()(p[None], y[None]),
    "curve": lambda p, y: metrics.ThresholdCurveMetric()(GUESS[None].float(), y[None]),
}
TRANSFORMED: dict[str, Callable[[Any], Any]] = {
    "tumour label": lambda y: transforms.TumourLabel(("wt",))(y),
    "tumour regions": lambda y: transforms.TumourRegions(("wt",))(y),
    "small regions": lambda y: transforms.RemoveSmallRegions(2)(y),
    "relabelled": lambda y: transforms.RelabelRegions(split=True)(y),
    "membrane": lambda y: transforms.InstancesToMembrane()(y),
    "targets": lambda y: transforms.RegionTargets()(y)[0],
    "slices": lambda y: torch.stack(transforms.SlicesAround(2)(MASK, y)),
}


def each(table: dict[str, Any]) -> Any:
    return pytest.mark.parametrize("call", table.values(), ids=table.keys())


@pytest.mark.parametrize("dtype", TYPES)
@each(COMPUTED)
def test_computed_scores(call: Callable[[Any, Any], Any], dtype: str) -> None:
    kind = getattr(torch, dtype)
    np.testing.assert_array_equal(call(GUESS.to(kind), MASK.to(kind)), call(GUESS, MASK))


@pytest.mark.parametrize("dtype", TYPES)
@each(ACCUMULATED)
def test_accumulated_scores(call: Callable[[Any, Any], Any], dtype: str) -> None:
    kind = getattr(torch, dtype)
    np.testing.assert_array_equal(call(GUESS.to(kind), MASK.to(kind)), call(GUESS, MASK))


@pytest.mark.parametrize("dtype", TYPES)
@each(TRANSFORMED)
def test_transforms(call: Callable[[Any], Any], dtype: str) -> None:
    np.testing.assert_array_equal(call(MASK.to(getattr(torch, dtype))), call(MASK))


@each({**COMPUTED, **ACCUMULATED})
def test_scores_read_a_header_s_scale(call: Callable[[Any, Any], Any]) -> None:
    scaled = [(values * 0.99997 + 2e-5).float() for values in (GUESS, MASK)]
    np.testing.assert_array_equal(call(*scaled), call(GUESS, MASK))


@each(TRANSFORMED)
def test_transforms_read_a_header_s_scale(call: Callable[[Any], Any]) -> None:
    np.testing.assert_array_equal(call((MASK * 0.99997 + 2e-5).float()), call(MASK))


@each({**COMPUTED, **ACCUMULATED})
def test_scores_refuse_a_half(call: Callable[[Any, Any], Any]) -> None:
    half = MASK.clone()
    half[0, 0, 0, :2] = 0.5
    with pytest.raises(ValueError, match=r"needs whole numbers, got 0\.5 \(2 of 216 values"):
        call(GUESS, half)


@each(TRANSFORMED)
def test_transforms_refuse_a_half(call: Callable[[Any], Any]) -> None:
    half = MASK.clone()
    half[0, 0, 0, :2] = 0.5
    with pytest.raises(ValueError, match=r"needs whole numbers, got .*0\.5"):
        call(half)
