# SPDX-License-Identifier: Apache-2.0
"""Losses: for each a pure function, and a Module that stores the arguments and calls it."""

from __future__ import annotations

from monai_boundary.losses.ba import BALoss, ba_loss_terms
from monai_boundary.losses.balanced_cross_entropy import BalancedBCELoss, balanced_cross_entropy
from monai_boundary.losses.compound import CompoundLoss, accepted_targets
from monai_boundary.losses.deep_supervision import DeepSupervisedLoss, resample_target
from monai_boundary.losses.distance_cross_entropy import DistanceWeightedCELoss
from monai_boundary.losses.edge_aware import EdgeAwareLoss
from monai_boundary.losses.equipotential import (
    EquipotentialLineLoss,
    EquipotentialLoss,
    EquipotentialPointLoss,
    equipotential_terms,
)
from monai_boundary.losses.lovasz import LovaszSoftmaxLoss, lovasz_extension
from monai_boundary.losses.masked_overlap import MaskedOverlapLoss
from monai_boundary.losses.persistent_homology import PersistentHomologyLoss, persistence_distance
from monai_boundary.losses.schedules import (
    ConstantSchedule,
    CosineSchedule,
    DelayedSchedule,
    IncreaseSchedule,
    RebalanceSchedule,
)
from monai_boundary.losses.semantic_edge import SEMEDALoss
from monai_boundary.losses.signed_distance import SignedDistanceLoss, signed_distance_loss
from monai_boundary.losses.sobel_edge import SobelEdgeLoss

__all__ = [
    "BALoss",
    "BalancedBCELoss",
    "CompoundLoss",
    "ConstantSchedule",
    "CosineSchedule",
    "DeepSupervisedLoss",
    "DelayedSchedule",
    "DistanceWeightedCELoss",
    "EdgeAwareLoss",
    "EquipotentialLineLoss",
    "EquipotentialLoss",
    "EquipotentialPointLoss",
    "IncreaseSchedule",
    "LovaszSoftmaxLoss",
    "MaskedOverlapLoss",
    "PersistentHomologyLoss",
    "RebalanceSchedule",
    "SEMEDALoss",
    "SignedDistanceLoss",
    "SobelEdgeLoss",
    "accepted_targets",
    "ba_loss_terms",
    "balanced_cross_entropy",
    "equipotential_terms",
    "lovasz_extension",
    "persistence_distance",
    "resample_target",
    "signed_distance_loss",
]
