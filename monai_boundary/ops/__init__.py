# SPDX-License-Identifier: Apache-2.0
"""The functional core: regions, seeds, contours, membranes and barrier cuts of arrays. No Modules."""

from __future__ import annotations

from monai_boundary.ops.contour import contour_mask, region_boundaries
from monai_boundary.ops.membrane import clean_membrane_label, instances_to_membrane
from monai_boundary.ops.regions import (
    label_regions,
    region_cells,
    region_neighbours,
    region_seeds,
    reseed_regions,
    seed_map,
    seed_points,
)

__all__ = [
    "clean_membrane_label",
    "contour_mask",
    "instances_to_membrane",
    "label_regions",
    "region_boundaries",
    "region_cells",
    "region_neighbours",
    "region_seeds",
    "reseed_regions",
    "seed_map",
    "seed_points",
]
