# SPDX-License-Identifier: Apache-2.0
"""The signed distance map of a block, exact up to a radius that decides how far it looks beyond itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monai_boundary._typing import BoolArray, FloatArray
from monai_boundary.kernels.near_other_side import near_along, near_first
from monai_boundary.volumes.block_grid import Block
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.chosen_labels import labels_inside
from monai_boundary.volumes.volume_source import VolumeSource
from monai_boundary.volumes.zarr_output import ZarrOutput


@dataclass(frozen=True)
class BlockInside:
    """Write which voxels of a block are inside: a bit of them is read far faster than the labels, and by many blocks.

    Args:
        label: volume of labels.
        values: labels that are inside; empty takes all but 0.
        output: where the mask goes.
        records: of the blocks that are done.
    """

    label: VolumeSource
    values: tuple[int, ...]
    output: ZarrOutput
    records: BlockRecords

    def __call__(self, block: Block) -> None:
        """Read the block, and write its mask."""
        self.output.write(block, labels_inside(self.label.read(block.core), self.values))
        self.records.write(block.index)


@dataclass(frozen=True)
class BlockDistance:
    """Compute the map of a block from what is within the radius of it.

    Args:
        inside: mask of the volume.
        radius_nm: distances beyond it are not told apart.
        spacing: nm per axis.
        per_section: the map of each section alone.
        output: where the map goes.
        records: of the blocks that are done.
    """

    inside: ZarrOutput
    radius_nm: float
    spacing: tuple[float, ...]
    per_section: bool
    output: ZarrOutput
    records: BlockRecords

    def __call__(self, block: Block) -> None:
        """Read the block with its halo, and write the map of its core."""
        mask = np.ascontiguousarray(self.inside.read_box(block.outer))
        depth, height, width = self.spacing
        sizes = (None if self.per_section else depth, height, width)
        self.output.write(block, near_map(mask, block.inner, sizes, self.radius_nm))
        self.records.write(block.index)


def near_map(
    inside: BoolArray, core: tuple[slice, ...], spacing: tuple[float | None, float, float], radius: float
) -> FloatArray:
    """Return the signed distance map of a part of a mask, clipped to a radius.

    The distance is found axis by axis, the last one first, and what is not of the core along an axis is looked at, but
    not computed: the halo costs most in the first step, which is the fastest.

    Args:
        inside: (z, y, x), with a halo as wide as the radius, or up to the end of the volume.
        core: the part.
        spacing: size of a voxel along each axis; ``None`` for the first one takes each section alone.
        radius: in the unit of ``spacing``; what is farther, and where there is no border, is plus or minus it.

    Example:
        >>> row = np.array([[[True, False, False, False, False]]])
        >>> near_map(row, (slice(0, 1), slice(0, 1), slice(0, 5)), (1.0, 1.0, 1.0), 2.0).tolist()
        [[[-0.5, 0.5, 1.5, 2.0, 2.0]]]
    """
    z, y, x = core
    limit = radius * (1 + 1e-6)  # what is as far is beyond the radius, also once it is rounded
    rows = inside.reshape(-1, inside.shape[2])
    squared = np.empty((*inside.shape[:2], x.stop - x.start), dtype=np.float32)
    near_first(rows, spacing[2], limit, x.start, squared.reshape(len(rows), -1))
    squared = _lowered(squared, y, spacing[1], limit)
    if spacing[0] is None:
        squared = squared[z]
    else:
        lines = squared.reshape(1, len(inside), -1)
        squared = _lowered(lines, z, spacing[0], limit).reshape(-1, *squared.shape[1:])
    distance = np.abs(squared)
    np.sqrt(distance, out=distance)
    np.minimum(distance, radius, out=distance)
    return np.copysign(distance, squared, out=distance)


def _lowered(squared: FloatArray, part: slice, size: float, limit: float) -> FloatArray:
    """The step along the middle axis, of which a part is wanted."""
    found = np.empty((squared.shape[0], part.stop - part.start, squared.shape[2]), dtype=np.float32)
    near_along(squared, size, limit, part.start, found)
    return found
