# SPDX-License-Identifier: Apache-2.0
"""Transforms by task: ``labels`` (conventions of files), ``targets`` (for training) and ``post`` (of predictions)."""

from __future__ import annotations

from monai_boundary.transforms.labels import (
    CleanMembraneLabel,
    CleanMembraneLabelD,
    CleanMembraneLabeld,
    CleanMembraneLabelDict,
    InstancesToMembrane,
    InstancesToMembraneD,
    InstancesToMembraned,
    InstancesToMembraneDict,
)
from monai_boundary.transforms.post import (
    MembraneToInstances,
    MembraneToInstancesD,
    MembraneToInstancesd,
    MembraneToInstancesDict,
    RelabelRegions,
    RelabelRegionsD,
    RelabelRegionsd,
    RelabelRegionsDict,
    RemoveSmallRegions,
    RemoveSmallRegionsD,
    RemoveSmallRegionsd,
    RemoveSmallRegionsDict,
)
from monai_boundary.transforms.targets import (
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
    "CleanMembraneLabel",
    "CleanMembraneLabelD",
    "CleanMembraneLabelDict",
    "CleanMembraneLabeld",
    "InstancesToMembrane",
    "InstancesToMembraneD",
    "InstancesToMembraneDict",
    "InstancesToMembraned",
    "MembraneToInstances",
    "MembraneToInstancesD",
    "MembraneToInstancesDict",
    "MembraneToInstancesd",
    "RegionTargets",
    "RegionTargetsD",
    "RegionTargetsDict",
    "RegionTargetsd",
    "RelabelRegions",
    "RelabelRegionsD",
    "RelabelRegionsDict",
    "RelabelRegionsd",
    "RemoveSmallRegions",
    "RemoveSmallRegionsD",
    "RemoveSmallRegionsDict",
    "RemoveSmallRegionsd",
    "ReseedRegions",
    "ReseedRegionsD",
    "ReseedRegionsDict",
    "ReseedRegionsd",
]
