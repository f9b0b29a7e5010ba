# SPDX-License-Identifier: Apache-2.0
"""Label conventions of data sets: clean-up of membrane labels, membranes from instances."""

from __future__ import annotations

from monai_boundary.transforms.labels.drawn_membrane import (
    InstancesToMembrane,
    InstancesToMembraneD,
    InstancesToMembraned,
    InstancesToMembraneDict,
)
from monai_boundary.transforms.labels.membrane import (
    CleanMembraneLabel,
    CleanMembraneLabelD,
    CleanMembraneLabeld,
    CleanMembraneLabelDict,
)
from monai_boundary.transforms.labels.tumour_regions import (
    TumourRegions,
    TumourRegionsD,
    TumourRegionsd,
    TumourRegionsDict,
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
    "TumourRegions",
    "TumourRegionsD",
    "TumourRegionsDict",
    "TumourRegionsd",
]
