# SPDX-License-Identifier: Apache-2.0
"""Label conventions of data sets: clean-up of membrane labels, membranes from instances."""

from __future__ import annotations

from monai_boundary.transforms.labels.array import CleanMembraneLabel, InstancesToMembrane, TumourRegions
from monai_boundary.transforms.labels.dictionary import (
    CleanMembraneLabelD,
    CleanMembraneLabeld,
    CleanMembraneLabelDict,
    InstancesToMembraneD,
    InstancesToMembraned,
    InstancesToMembraneDict,
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
