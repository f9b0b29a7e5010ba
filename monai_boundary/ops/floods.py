# SPDX-License-Identifier: Apache-2.0
"""Watershed and barrier cut from markers: the same whatever the order in which voxels are visited, or the blocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monai_boundary._typing import BoolArray, IntArray, UInt8Array
from monai_boundary._validation import check_choice, check_spacing
from monai_boundary.kernels.flood import Fronts, flood, flood_labels
from monai_boundary.ops.regions import region_seeds

FLOODS = ("watershed", "barrier_cut")
DEEPEST_SEED = 64.0
"""How deep in a marker its voxel lies at most, in voxels of the smallest side: as far blocks have to look for it."""


def no_fronts(number: int = 0) -> Fronts:
    """Return the states of some voxels that no front has reached."""
    bytes_, ints = np.zeros((2, number), np.uint8), np.zeros((2, number), np.int32)
    return Fronts(bytes_[0], bytes_[1], ints[0], ints[1])


def flood_markers(
    image: UInt8Array,
    markers: IntArray,
    method: str,
    domain: BoolArray | None = None,
    spacing: Sequence[float] | float | None = None,
) -> IntArray:
    """Give every voxel of a domain to a marker.

    - ``"watershed"``: to the one from which the way to it climbs least high, from all voxels of the marker.
    - ``"barrier_cut"``: to the one whose front reaches it at the least barrier, the largest grey of the way less the
      smallest, from one voxel of each marker: its deepest, or the first that is 64 voxels deep (`region_seeds`). A
      front keeps one pair of them per voxel (`barrier_distance`).

    Of equally good ones it goes to the front that is there in the fewest steps since it last had to pay, then to the
    one of the smaller largest grey, then of the smaller id. So the ids alone decide what greys and distances do not.

    Args:
        image: grey values 0..255, 2-D or 3-D.
        markers: ids, 0 is none, of the same shape.
        method: ``"watershed"`` or ``"barrier_cut"``.
        domain: mask of the same shape, in which all markers lie, and the fronts stay; everywhere by default.
        spacing: size of a voxel along each axis, by which a marker's voxel is chosen; 1 by default.

    Returns:
        int32 ids of the same shape, 0 outside of the domain and in pieces of it without a marker.

    Raises:
        ValueError: if the method is unknown.

    Example:
        >>> image = np.array([[0, 9, 5, 5, 5, 5, 9, 0]], dtype=np.uint8)
        >>> flood_markers(image, np.array([[1, 0, 0, 0, 0, 0, 0, 2]], np.int32), "watershed")
        array([[1, 1, 1, 1, 2, 2, 2, 2]], dtype=int32)
    """
    check_choice("method", method, FLOODS)
    climb = method == "watershed"
    if climb:
        marks = markers
    else:
        sizes = check_spacing(spacing, image.ndim, unit="voxel size")
        marks = region_seeds(markers, sizes, limit=DEEPEST_SEED * min(sizes))
    seeds = np.flatnonzero(marks)
    within = np.ones(image.shape, np.bool_) if domain is None else domain
    lead = (1,) * (3 - image.ndim)
    greys: UInt8Array = np.ascontiguousarray(image.reshape(lead + image.shape))
    cells: BoolArray = np.ascontiguousarray(within.reshape(lead + image.shape))
    nowhere = np.zeros(0, np.int64)
    _, reached, _ = flood(greys, cells, seeds, marks.flat[seeds], nowhere, no_fronts(), climb, False)
    found = np.empty(greys.shape, np.int32)
    flood_labels(reached, found)
    return found.reshape(image.shape)
