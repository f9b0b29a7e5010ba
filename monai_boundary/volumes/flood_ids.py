# SPDX-License-Identifier: Apache-2.0
"""From the floods of blocks to instances of the volume, one for each marker."""

from __future__ import annotations

import numpy as np

from monai_boundary.volumes.block_grid import BlockGrid
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.global_ids import InstanceNumbers, block_starts, instance_measures, numbered


def number_floods(floods: BlockRecords, grid: BlockGrid, min_size: int = 0) -> InstanceNumbers:
    """Give every label of every block its instance, that of its marker, 1..K in raster order of their first voxel.

    Args:
        floods: records with ``markers``, ``sizes`` and ``firsts`` of each block.
        grid: of the volume.
        min_size: instances of fewer voxels are left out.
    """
    starts = block_starts(floods, grid)
    markers = np.concatenate([floods.read(index, "markers")["markers"] for index in range(len(grid))])
    names, instance = np.unique(markers, return_inverse=True)
    voxels, first = instance_measures(floods, grid, instance, names.size)
    ids, sizes = numbered(voxels, first, min_size)
    return InstanceNumbers(ids[instance], starts, sizes, names.size - sizes.size)
