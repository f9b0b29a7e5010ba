# SPDX-License-Identifier: Apache-2.0
"""The surfaces of two masks measured against each other block by block, exactly up to a radius."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from monai_boundary._typing import AnyArray, BoolArray, DoubleArray
from monai_boundary.kernels.surface_elements import surface_cubes
from monai_boundary.metrics.surface_pair import SurfaceDistances, surface_areas
from monai_boundary.volumes.block_grid import Block, BlockGrid
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.chosen_labels import labels_inside
from monai_boundary.volumes.volume_source import VolumeSource

_SLACK = 1 + 1e-9
_SIDES = ("pred", "true")


@dataclass(frozen=True)
class BlockSurfaces:
    """Measure the surface elements of a block: for each class how much area lies at each distance.

    An element is the cube between eight voxels; it is the block's where its first voxel is, or would be just outside
    the volume. What is outside the volume is background.

    Args:
        pred: predicted labels.
        truth: true labels.
        classes: labels of each class.
        records: of the blocks.
        grid: of the volume, with the halo of :func:`surface_halo`.
        radius_nm: distances beyond it are not told apart.
        spacing: nm per axis.
    """

    pred: VolumeSource
    truth: VolumeSource
    classes: Mapping[str, Sequence[int]]
    records: BlockRecords
    grid: BlockGrid
    radius_nm: float
    spacing: tuple[float, ...]

    def __call__(self, block: Block) -> None:
        """Read the block with its halo, and measure each class."""
        volumes = [source.read(block.outer) for source in (self.pred, self.truth)]
        frame = [
            (int(part.start == 0), int(part.stop == n)) for part, n in zip(block.outer, self.grid.shape, strict=True)
        ]
        found: dict[str, AnyArray] = {}
        for number, labels in enumerate(self.classes.values()):
            masks = [labels_inside(values, tuple(labels)) for values in volumes]
            inner = [mask[block.inner] for mask in masks]
            counts = [np.count_nonzero(part) for part in (*inner, inner[0] & inner[1])]
            found[f"voxels{number}"] = np.array(counts)
            padded = [np.pad(mask, frame) for mask in masks]
            for side, table in zip(_SIDES, self._tables(block, frame, *padded), strict=True):
                found[f"{side}{number}"] = table
        self.records.write(block.index, **found)

    def _tables(
        self, block: Block, frame: Sequence[tuple[int, int]], pred: BoolArray, true: BoolArray
    ) -> tuple[DoubleArray, DoubleArray]:
        """Distances and their areas of both surfaces, (2, distances) each; infinity is beyond the radius."""
        index, codes = surface_cubes(pred, true)
        # a cube before the first voxel of the volume is its first block's
        first = index + [part.start - before for part, (before, _) in zip(block.outer, frame, strict=True)]
        owned = np.ones(len(index), dtype=np.bool_)
        for axis, core in enumerate(block.core):
            owned &= (np.maximum(first[:, axis], 0) >= core.start) & (first[:, axis] < core.stop)
        on = (codes != 0) & (codes != 255)
        places, area = first * np.asarray(self.spacing), surface_areas(self.spacing)
        return (
            self._table(places, owned & on[:, 0], on[:, 1], area[codes[:, 0]]),
            self._table(places, owned & on[:, 1], on[:, 0], area[codes[:, 1]]),
        )

    def _table(self, places: DoubleArray, here: BoolArray, there: BoolArray, area: DoubleArray) -> DoubleArray:
        distance = np.where(there, 0.0, np.inf)
        alone = here & ~there
        if alone.any() and there.any():
            limit = self.radius_nm * _SLACK
            distance[alone] = KDTree(places[there]).query(places[alone], distance_upper_bound=limit)[0]
        # what is equal but for the rounding of coordinates is one distance
        steps, which = np.unique(np.round(distance[here] / min(self.spacing), 9), return_inverse=True)
        return np.stack([steps * min(self.spacing), np.bincount(which, area[here], steps.size)])


def surface_halo(radius_nm: float, spacing: tuple[float, ...]) -> tuple[int, ...]:
    """Return how far beyond a block the voxels of elements within the radius are, in voxels along each axis.

    Args:
        radius_nm: the largest distance that is told.
        spacing: nm per axis.

    Example:
        >>> surface_halo(12.0, (40.0, 4.0, 4.0))
        (1, 4, 4)
    """
    return tuple(math.floor(radius_nm / size * _SLACK) + 1 for size in spacing)


def whole_surfaces(records: BlockRecords, blocks: int, number: int) -> tuple[SurfaceDistances, SurfaceDistances]:
    """Return the surfaces of prediction and truth in the whole volume; infinite distances are beyond the radius.

    Args:
        records: of :class:`BlockSurfaces`.
        blocks: how many there are.
        number: of the class.
    """
    pred, true = (
        _merged([records.read(k, f"{side}{number}")[f"{side}{number}"] for k in range(blocks)]) for side in _SIDES
    )
    return pred, true


def _merged(tables: Sequence[DoubleArray]) -> SurfaceDistances:
    distances, areas = np.concatenate(tables, axis=1)
    known, which = np.unique(distances, return_inverse=True)
    return SurfaceDistances(known, np.bincount(which, areas, known.size).astype(np.float64))
