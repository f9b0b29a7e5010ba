# SPDX-License-Identifier: Apache-2.0
"""Training targets from labels."""

from __future__ import annotations

from monai_boundary.transforms.targets.distance import (
    SignedDistanceMap,
    SignedDistanceMapD,
    SignedDistanceMapd,
    SignedDistanceMapDict,
)
from monai_boundary.transforms.targets.distance_check import (
    CheckSignedDistanceMapD,
    CheckSignedDistanceMapd,
    CheckSignedDistanceMapDict,
    RestoreDistanceSign,
    RestoreDistanceSignD,
    RestoreDistanceSignd,
    RestoreDistanceSignDict,
)
from monai_boundary.transforms.targets.edges import EdgeMask, EdgeMaskD, EdgeMaskd, EdgeMaskDict
from monai_boundary.transforms.targets.potential import (
    PotentialField,
    PotentialFieldD,
    PotentialFieldd,
    PotentialFieldDict,
)
from monai_boundary.transforms.targets.regions import (
    RegionTargets,
    RegionTargetsD,
    RegionTargetsd,
    RegionTargetsDict,
    ReseedRegions,
    ReseedRegionsD,
    ReseedRegionsd,
    ReseedRegionsDict,
)

__all__ = [
    "CheckSignedDistanceMapD",
    "CheckSignedDistanceMapDict",
    "CheckSignedDistanceMapd",
    "EdgeMask",
    "EdgeMaskD",
    "EdgeMaskDict",
    "EdgeMaskd",
    "PotentialField",
    "PotentialFieldD",
    "PotentialFieldDict",
    "PotentialFieldd",
    "RegionTargets",
    "RegionTargetsD",
    "RegionTargetsDict",
    "RegionTargetsd",
    "ReseedRegions",
    "ReseedRegionsD",
    "ReseedRegionsDict",
    "ReseedRegionsd",
    "RestoreDistanceSign",
    "RestoreDistanceSignD",
    "RestoreDistanceSignDict",
    "RestoreDistanceSignd",
    "SignedDistanceMap",
    "SignedDistanceMapD",
    "SignedDistanceMapDict",
    "SignedDistanceMapd",
]
