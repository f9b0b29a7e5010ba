# SPDX-License-Identifier: Apache-2.0
"""The functional core: distances, regions, seeds, contours, membranes and barrier cuts of arrays. No Modules."""

from __future__ import annotations

from monai_boundary.ops.activation import to_probabilities
from monai_boundary.ops.anisotropic import anisotropic_kernels, anisotropic_potential, ray_directions, ray_sum
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
from monai_boundary.ops.class_masks import class_masks, target_masks
from monai_boundary.ops.contour import contour_mask, region_boundaries
from monai_boundary.ops.distance_backends import available_backends, choose_backend
from monai_boundary.ops.distance_check import check_distance_map, restore_distance_sign
from monai_boundary.ops.distance_weights import distance_weights
from monai_boundary.ops.edges import edge_masks, label_edges
from monai_boundary.ops.equipotential import equipotential_values
from monai_boundary.ops.equipotential_lines import LineValues, line_region, line_values
from monai_boundary.ops.equipotential_terms import PotentialTerm, Rays
from monai_boundary.ops.grid import affine_spacing, check_same_grid
from monai_boundary.ops.label_values import LABEL_TOLERANCE, binary_mask, whole_label
from monai_boundary.ops.membrane import clean_membrane_label, instances_to_membrane
from monai_boundary.ops.persistence import persistence_pairs
from monai_boundary.ops.region_ids import relabel_regions, remove_small_regions
from monai_boundary.ops.regions import (
    label_regions,
    region_cells,
    region_neighbours,
    region_seeds,
    reseed_regions,
    seed_map,
    seed_points,
)
from monai_boundary.ops.segmentation import membrane_to_instances
from monai_boundary.ops.semantic_edges import semantic_edges
from monai_boundary.ops.signed_distance import batch_signed_distance, inner_border, signed_distance_map
from monai_boundary.ops.slices import slices_around
from monai_boundary.ops.tumour_regions import TUMOUR_LABEL_MAPS, TUMOUR_REGIONS, tumour_label, tumour_regions

__all__ = [
    "LABEL_TOLERANCE",
    "TUMOUR_LABEL_MAPS",
    "TUMOUR_REGIONS",
    "Contours",
    "LineValues",
    "PotentialTerm",
    "Rays",
    "affine_spacing",
    "anisotropic_kernels",
    "anisotropic_potential",
    "available_backends",
    "barrier_cut",
    "barrier_distance",
    "barrier_partition",
    "batch_boundary_weights",
    "batch_signed_distance",
    "binary_mask",
    "boundary_weights",
    "check_distance_map",
    "check_same_grid",
    "choose_backend",
    "class_masks",
    "clean_membrane_label",
    "contour_mask",
    "distance_weights",
    "edge_masks",
    "equipotential_values",
    "inner_border",
    "instances_to_membrane",
    "label_edges",
    "label_regions",
    "leak_contour",
    "leaked_regions",
    "line_region",
    "line_values",
    "membrane_to_instances",
    "partition_contours",
    "persistence_pairs",
    "quantise_probability",
    "ray_directions",
    "ray_sum",
    "region_boundaries",
    "region_cells",
    "region_neighbours",
    "region_seeds",
    "relabel_regions",
    "remove_small_regions",
    "reseed_regions",
    "restore_distance_sign",
    "seed_map",
    "seed_points",
    "semantic_edges",
    "signed_distance_map",
    "slices_around",
    "target_masks",
    "to_probabilities",
    "tumour_label",
    "tumour_regions",
    "whole_label",
]
