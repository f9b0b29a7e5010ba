# SPDX-License-Identifier: Apache-2.0
"""The functional core: regions, seeds, contours, membranes and barrier cuts of arrays. No Modules."""

from __future__ import annotations

from monai_boundary.ops.activation import check_activation, to_probabilities, voxel_cross_entropy
from monai_boundary.ops.barrier import (
    Contours,
    barrier_cut,
    barrier_distance,
    barrier_partition,
    partition_contours,
    quantise_probability,
)
from monai_boundary.ops.barrier_contour import boundary_weights, leak_contour, leaked_regions
from monai_boundary.ops.boundary_batch import batch_boundary_weights
from monai_boundary.ops.channels import select_channels
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
from monai_boundary.ops.segmentation import membrane_to_instances, relabel_regions, remove_small_regions

__all__ = [
    "Contours",
    "barrier_cut",
    "barrier_distance",
    "barrier_partition",
    "batch_boundary_weights",
    "boundary_weights",
    "check_activation",
    "clean_membrane_label",
    "contour_mask",
    "instances_to_membrane",
    "label_regions",
    "leak_contour",
    "leaked_regions",
    "membrane_to_instances",
    "partition_contours",
    "quantise_probability",
    "region_boundaries",
    "region_cells",
    "region_neighbours",
    "region_seeds",
    "relabel_regions",
    "remove_small_regions",
    "reseed_regions",
    "seed_map",
    "seed_points",
    "select_channels",
    "to_probabilities",
    "voxel_cross_entropy",
]
