# SPDX-License-Identifier: Apache-2.0
"""The seed of each region of a volume, found by blocks: the voxel that is farthest from the region's boundary."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monai_boundary._output_file import atomic_output
from monai_boundary._typing import AnyArray, DoubleArray, IntArray, LongArray
from monai_boundary.kernels.region_depth import squared_region_depth
from monai_boundary.volumes.block_grid import Block, BlockGrid
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.zarr_output import ZarrOutput

_TIE = 1e-9


@dataclass(frozen=True)
class BlockSeeds:
    """Find the deepest voxel of each region inside a block.

    Args:
        regions: ids of the regions.
        records: get ``ids``, the greatest ``depths`` and ``places``, the voxel in raster order of the volume.
        grid: of the volume.
        radius: depths beyond it are not told apart; in the unit of ``spacing``.
        spacing: size of a voxel along each axis.
        per_section: distances are taken in each section alone.
    """

    regions: ZarrOutput
    records: BlockRecords
    grid: BlockGrid
    radius: float
    spacing: tuple[float, ...]
    per_section: bool

    def __call__(self, block: Block) -> None:
        """Read the block with its halo."""
        ids = self.regions.read_box(block.outer)
        known, marks = _numbered(ids)
        sizes = np.array((np.inf if self.per_section else self.spacing[0], *self.spacing[1:]))
        depth = np.sqrt(squared_region_depth(marks, sizes)[block.inner])
        found = deepest(marks[block.inner], np.minimum(depth, self.radius))
        places = np.unravel_index(found[1], block.shape)
        there = tuple(k + part.start for k, part in zip(places, block.core, strict=True))
        self.records.write(
            block.index,
            ids=known[found[0] - 1].astype(np.int64),
            depths=found[2],
            places=np.ravel_multi_index(there, self.grid.shape).astype(np.int64),
        )


def _numbered(ids: AnyArray) -> tuple[AnyArray, IntArray]:
    """The ids that there may be, and the place of each voxel's among them, from 1; small ones as they are."""
    largest = int(ids.max(initial=0))
    if largest <= ids.size:
        return np.arange(1, largest + 1), ids.astype(np.int32)
    known, marks = np.unique(ids, return_inverse=True)
    return known[known > 0], marks.reshape(ids.shape).astype(np.int32) + (known[0] != 0)


def deepest(marks: AnyArray, depth: DoubleArray) -> tuple[LongArray, LongArray, DoubleArray]:
    """Return the labels that there are, the place of the deepest voxel of each and its depth; on a tie the first place.

    Args:
        marks: labels, 0 is none.
        depth: of each voxel.

    Example:
        >>> marks, depth = np.array([1, 1, 2, 2, 2]), np.array([1.0, 2.0, 1.0, 3.0, 3.0])
        >>> [part.tolist() for part in deepest(marks, depth)]
        [[1, 2], [1, 3], [2.0, 3.0]]
    """
    inside = np.flatnonzero(marks)
    names, depths = marks.ravel()[inside], depth.ravel()[inside]
    best = np.zeros(int(names.max(initial=0)) + 1)
    np.maximum.at(best, names, depths)
    most = depths >= best[names] * (1 - _TIE)
    labels, first = np.unique(names[most], return_index=True)
    return labels.astype(np.int64), inside[most][first], best[labels]


def save_seeds(
    file: Path, found: Sequence[Mapping[str, AnyArray]], grid: BlockGrid, sizes: LongArray, per_section: bool
) -> Path:
    """Write the seed of each region 1..K as its place in raster order of the volume, int64 ``.npy``; return the file.

    Args:
        file: one that is there is replaced.
        found: the record of :class:`BlockSeeds` of each block.
        grid: of the volume.
        sizes: voxels of the regions.
        per_section: a region that fills its section has no boundary.
    """
    ids, depths, places = (np.concatenate([part[name] for part in found]) for name in ("ids", "depths", "places"))
    best = np.zeros(sizes.size + 1)
    np.maximum.at(best, ids, depths)
    most = depths >= best[ids] * (1 - _TIE)
    seeds = np.full(sizes.size + 1, np.iinfo(np.int64).max)
    np.minimum.at(seeds, ids[most], places[most])
    shape = (1, *grid.shape[1:]) if per_section else grid.shape
    full = np.flatnonzero(sizes == math.prod(shape)) + 1  # without any boundary: the middle
    middle = np.ravel_multi_index(tuple(n // 2 for n in shape), shape)
    seeds[full] += middle  # the first voxel of all is nowhere deeper than another
    with atomic_output(file, overwrite=True) as partial:
        np.save(partial, seeds[1:])
    return file


def seeds_in_box(file: Path, box: tuple[slice, ...], shape: tuple[int, ...], ids: LongArray) -> LongArray:
    """Return the seeds of some regions as places in a box, in raster order of it; -1 of those that lie outside.

    Args:
        file: of :func:`save_seeds`.
        box: slices of the volume.
        shape: of the volume.
        ids: of the regions, from 1.
    """
    places = np.stack(np.unravel_index(np.load(file, mmap_mode="r")[ids - 1], shape))
    starts, stops = (np.array([[getattr(part, name)] for part in box]) for name in ("start", "stop"))
    inside = ((places >= starts) & (places < stops)).all(axis=0)
    found = np.full(ids.size, -1, dtype=np.int64)
    size = tuple(part.stop - part.start for part in box)
    found[inside] = np.ravel_multi_index(tuple((places - starts)[:, inside]), size)
    return found
