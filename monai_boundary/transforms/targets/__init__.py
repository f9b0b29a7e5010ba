# SPDX-License-Identifier: Apache-2.0
"""Training targets from labels."""

from __future__ import annotations

from monai_boundary.transforms.targets.array import (
    EdgeMask,
    PotentialField,
    RegionTargets,
    ReseedRegions,
)
from monai_boundary.transforms.targets.dictionary import (
    EdgeMaskD,
    EdgeMaskd,
    EdgeMaskDict,
    PotentialFieldD,
    PotentialFieldd,
    PotentialFieldDict,
    RegionTargetsD,
    RegionTargetsd,
    RegionTargetsDict,
    ReseedRegionsD,
    ReseedRegionsd,
    ReseedRegionsDict,
)
from monai_boundary.transforms.targets.distance import (
    CheckSignedDistanceMapD,
    CheckSignedDistanceMapd,
    CheckSignedDistanceMapDict,
    RestoreDistanceSign,
    RestoreDistanceSignD,
    RestoreDistanceSignd,
    RestoreDistanceSignDict,
    SignedDistanceMap,
    SignedDistanceMapD,
    SignedDistanceMapd,
    SignedDistanceMapDict,
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
