# SPDX-License-Identifier: Apache-2.0
"""From predictions to segmentations."""

from __future__ import annotations

from monai_boundary.transforms.post.instances import (
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
from monai_boundary.transforms.post.tumour_label import TumourLabel, TumourLabelD, TumourLabeld, TumourLabelDict

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
