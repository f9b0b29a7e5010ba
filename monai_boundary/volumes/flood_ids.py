# SPDX-License-Identifier: Apache-2.0
"""From the floods of blocks to instances of the volume: one for each marker, and orphans go where they touch most."""

from __future__ import annotations

import numpy as np

from monai_boundary._typing import LongArray
from monai_boundary.volumes.block_grid import BlockGrid
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.global_ids import InstanceNumbers, block_starts, global_pairs, instance_measures, numbered


def number_floods(floods: BlockRecords, pairs: BlockRecords, grid: BlockGrid, min_size: int = 0) -> InstanceNumbers:
    """Give every label of every block its instance, and number them 1..K in raster order of their first voxel.

    What has a marker of the volume is that marker's instance in every block. An orphan, a piece of the cell phase with
    no marker in its block or the overlap, goes to the instance that it shares most voxel faces with across the faces of
    blocks, the one of the smaller id on a tie; orphans that only touch orphans wait for those.

    Args:
        floods: records with ``markers``, ``sizes`` and ``firsts`` of each block.
        pairs: of :class:`OrphanContacts`.
        grid: of the volume.
        min_size: instances of fewer voxels are left out.
    """
    starts = block_starts(floods, grid)
    marker = np.concatenate([floods.read(index, "markers")["markers"] for index in range(len(grid))])
    none = np.zeros((0, 3), dtype=np.int64)
    found = [np.concatenate([pair, more], axis=1) for pair, more in global_pairs(pairs, grid, starts)]
    touches = np.concatenate([none, *found])
    _place_orphans(marker, np.concatenate([touches, touches[:, [1, 0, 2]]]))
    left = marker == 0  # that touch nothing: none, since every component of the volume has a marker
    marker[left] = marker.max(initial=0) + 1 + np.arange(np.count_nonzero(left))
    names, instance = np.unique(marker, return_inverse=True)
    voxels, first = instance_measures(floods, grid, instance, names.size)
    ids, sizes = numbered(voxels, first, min_size)
    return InstanceNumbers(ids[instance], starts, sizes, names.size - sizes.size)


def _place_orphans(marker: LongArray, touches: LongArray) -> None:
    """Fill the zeros of ``marker`` in place; ``touches`` has label, other label and faces, in both directions."""
    while True:
        ready = (marker[touches[:, 0]] == 0) & (marker[touches[:, 1]] > 0)
        if not ready.any():
            return
        orphan, other, faces = touches[ready].T
        pairs, place = np.unique(np.stack([orphan, marker[other]], axis=1), axis=0, return_inverse=True)
        shared = np.bincount(place.ravel(), faces)
        order = np.lexsort((pairs[:, 1], -shared, pairs[:, 0]))
        first = np.unique(pairs[order, 0], return_index=True)[1]
        marker[pairs[order[first], 0]] = pairs[order[first], 1]
