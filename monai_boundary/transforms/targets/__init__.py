# SPDX-License-Identifier: Apache-2.0
"""Training targets from labels."""

from __future__ import annotations

from monai_boundary.transforms.targets.array import RegionTargets, ReseedRegions
from monai_boundary.transforms.targets.dictionary import (
    RegionTargetsD,
    RegionTargetsd,
    RegionTargetsDict,
    ReseedRegionsD,
    ReseedRegionsd,
    ReseedRegionsDict,
)

__all__ = [
    "RegionTargets",
    "RegionTargetsD",
    "RegionTargetsDict",
    "RegionTargetsd",
    "ReseedRegions",
    "ReseedRegionsD",
    "ReseedRegionsDict",
    "ReseedRegionsd",
]
