# SPDX-License-Identifier: Apache-2.0
"""Metrics of the segments that boundaries close: ``compute_*`` functions on arrays, and a Metric class for each."""

from __future__ import annotations

from monai_boundary.metrics.adapted_rand import AdaptedRandMetric, AdaptedRandScore, compute_adapted_rand
from monai_boundary.metrics.border import truth_border_mask
from monai_boundary.metrics.cremi import CREMIScore, CREMIScoreMetric, compute_cremi_score
from monai_boundary.metrics.instance_metric import InstanceMetric
from monai_boundary.metrics.threshold_curve import ThresholdCurve, ThresholdCurveMetric, compute_threshold_curve
from monai_boundary.metrics.voi import VariationOfInformationMetric, VOIScore, compute_voi

__all__ = [
    "AdaptedRandMetric",
    "AdaptedRandScore",
    "CREMIScore",
    "CREMIScoreMetric",
    "InstanceMetric",
    "ThresholdCurve",
    "ThresholdCurveMetric",
    "VOIScore",
    "VariationOfInformationMetric",
    "compute_adapted_rand",
    "compute_cremi_score",
    "compute_threshold_curve",
    "compute_voi",
    "truth_border_mask",
]
