# SPDX-License-Identifier: Apache-2.0
from .adapted_rand import AdaptedRandMetric, compute_adapted_rand
from .betti_error import BettiError, BettiErrorMetric, compute_betti_error
from .border import truth_border_mask
from .boundary_iou import compute_boundary_iou
from .component_scores import (
    ComponentRow,
    ComponentScores,
    ComponentScoresMetric,
    compute_component_scores,
)
from .cremi import CREMIScoreMetric, compute_cremi_score
from .hausdorff_mm import compute_hausdorff_mm
from .instance_matching import (
    InstanceMatching,
    InstanceMatchingMetric,
    InstanceRow,
    compute_instance_matching,
)
from .instance_metric import InstanceMetric
from .instance_scores import InstanceScoresMetric
from .item_metric import ItemMetric
from .lesion_detection import LesionDetection, compute_lesion_detection
from .lesion_masks import lesion_masks
from .lesion_scores import LesionScores, LesionScoresMetric, compute_lesion_scores
from .lesion_table import (
    LesionRow,
    LesionStratum,
    LesionTable,
    LesionTableMetric,
    compute_lesion_table,
)
from .lesion_wise import (
    LesionWiseRow,
    LesionWiseScores,
    LesionWiseScoresMetric,
    compute_lesion_wise_scores,
)
from .mask_metric import MaskMetric
from .millimetre_metric import MillimetreMetric
from .surface_metric import SurfaceScoresMetric
from .surface_pair import SurfaceDistances, SurfacePair, measure_surfaces
from .surface_scores import SurfaceScores, compute_surface_scores
from .table_scores import AdaptedRandScore, CREMIScore, VOIScore
from .threshold_curve import ThresholdCurve, ThresholdCurveMetric, compute_threshold_curve
from .trimap_iou import TrimapIoUMetric, compute_trimap_iou
from .tumour_scores import RegionScores, TumourScoresMetric, compute_tumour_scores
from .voi import VariationOfInformationMetric, compute_voi
from .volume_difference import VolumeDifference, VolumeDifferenceMetric, compute_volume_difference
from .volume_scores import VolumeScoresMetric

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
