# SPDX-License-Identifier: Apache-2.0
"""Metrics of segments, lesions and boundaries: ``compute_*`` functions on arrays, and Metric classes over them."""

from __future__ import annotations

from monai_boundary.metrics.adapted_rand import AdaptedRandMetric, AdaptedRandScore, compute_adapted_rand
from monai_boundary.metrics.betti_error import BettiError, BettiErrorMetric, compute_betti_error
from monai_boundary.metrics.border import truth_border_mask
from monai_boundary.metrics.boundary_iou import compute_boundary_iou
from monai_boundary.metrics.component_scores import (
    ComponentRow,
    ComponentScores,
    ComponentScoresMetric,
    compute_component_scores,
)
from monai_boundary.metrics.cremi import CREMIScore, CREMIScoreMetric, compute_cremi_score
from monai_boundary.metrics.hausdorff_mm import compute_hausdorff_mm
from monai_boundary.metrics.instance_matching import (
    InstanceMatching,
    InstanceMatchingMetric,
    InstanceRow,
    compute_instance_matching,
)
from monai_boundary.metrics.instance_metric import InstanceMetric
from monai_boundary.metrics.instance_scores import InstanceScoresMetric
from monai_boundary.metrics.item_metric import ItemMetric
from monai_boundary.metrics.lesion_detection import LesionDetection, compute_lesion_detection
from monai_boundary.metrics.lesion_masks import lesion_masks
from monai_boundary.metrics.lesion_scores import LesionScores, LesionScoresMetric, compute_lesion_scores
from monai_boundary.metrics.lesion_table import (
    LesionRow,
    LesionStratum,
    LesionTable,
    LesionTableMetric,
    compute_lesion_table,
)
from monai_boundary.metrics.lesion_wise import (
    LesionWiseRow,
    LesionWiseScores,
    LesionWiseScoresMetric,
    compute_lesion_wise_scores,
)
from monai_boundary.metrics.mask_metric import MaskMetric
from monai_boundary.metrics.millimetre_metric import MillimetreMetric
from monai_boundary.metrics.surface_metric import SurfaceScoresMetric
from monai_boundary.metrics.surface_pair import SurfaceDistances, SurfacePair, measure_surfaces
from monai_boundary.metrics.surface_scores import SurfaceScores, compute_surface_scores
from monai_boundary.metrics.threshold_curve import ThresholdCurve, ThresholdCurveMetric, compute_threshold_curve
from monai_boundary.metrics.trimap_iou import TrimapIoUMetric, compute_trimap_iou
from monai_boundary.metrics.tumour_scores import RegionScores, TumourScoresMetric, compute_tumour_scores
from monai_boundary.metrics.voi import VariationOfInformationMetric, VOIScore, compute_voi
from monai_boundary.metrics.volume_difference import VolumeDifference, VolumeDifferenceMetric, compute_volume_difference
from monai_boundary.metrics.volume_scores import VolumeScoresMetric

__all__ = [
    "AdaptedRandMetric",
    "AdaptedRandScore",
    "BettiError",
    "BettiErrorMetric",
    "CREMIScore",
    "CREMIScoreMetric",
    "ComponentRow",
    "ComponentScores",
    "ComponentScoresMetric",
    "InstanceMatching",
    "InstanceMatchingMetric",
    "InstanceMetric",
    "InstanceRow",
    "InstanceScoresMetric",
    "ItemMetric",
    "LesionDetection",
    "LesionRow",
    "LesionScores",
    "LesionScoresMetric",
    "LesionStratum",
    "LesionTable",
    "LesionTableMetric",
    "LesionWiseRow",
    "LesionWiseScores",
    "LesionWiseScoresMetric",
    "MaskMetric",
    "MillimetreMetric",
    "RegionScores",
    "SurfaceDistances",
    "SurfacePair",
    "SurfaceScores",
    "SurfaceScoresMetric",
    "ThresholdCurve",
    "ThresholdCurveMetric",
    "TrimapIoUMetric",
    "TumourScoresMetric",
    "VOIScore",
    "VariationOfInformationMetric",
    "VolumeDifference",
    "VolumeDifferenceMetric",
    "VolumeScoresMetric",
    "compute_adapted_rand",
    "compute_betti_error",
    "compute_boundary_iou",
    "compute_component_scores",
    "compute_cremi_score",
    "compute_hausdorff_mm",
    "compute_instance_matching",
    "compute_lesion_detection",
    "compute_lesion_scores",
    "compute_lesion_table",
    "compute_lesion_wise_scores",
    "compute_surface_scores",
    "compute_threshold_curve",
    "compute_trimap_iou",
    "compute_tumour_scores",
    "compute_voi",
    "compute_volume_difference",
    "lesion_masks",
    "measure_surfaces",
    "truth_border_mask",
]
