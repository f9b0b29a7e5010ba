# SPDX-License-Identifier: Apache-2.0
"""From predictions to segmentations."""

from __future__ import annotations

from monai_boundary.transforms.post.array import MembraneToInstances, RelabelRegions, RemoveSmallRegions, TumourLabel
from monai_boundary.transforms.post.dictionary import (
    MembraneToInstancesD,
    MembraneToInstancesd,
    MembraneToInstancesDict,
    RelabelRegionsD,
    RelabelRegionsd,
    RelabelRegionsDict,
    RemoveSmallRegionsD,
    RemoveSmallRegionsd,
    RemoveSmallRegionsDict,
    TumourLabelD,
    TumourLabeld,
    TumourLabelDict,
)

__all__ = [
    "MembraneToInstances",
    "MembraneToInstancesD",
    "MembraneToInstancesDict",
    "MembraneToInstancesd",
    "RelabelRegions",
    "RelabelRegionsD",
    "RelabelRegionsDict",
    "RelabelRegionsd",
    "RemoveSmallRegions",
    "RemoveSmallRegionsD",
    "RemoveSmallRegionsDict",
    "RemoveSmallRegionsd",
    "TumourLabel",
    "TumourLabelD",
    "TumourLabelDict",
    "TumourLabeld",
]
