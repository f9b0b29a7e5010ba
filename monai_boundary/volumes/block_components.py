# SPDX-License-Identifier: Apache-2.0
"""The components of a membrane probability inside each block, and what of them touches at the faces of blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from monai_boundary._typing import AnyArray, BoolArray, IntArray, LongArray
from monai_boundary.kernels.component_labels import component_labels
from monai_boundary.ops.segmentation import OVERSHOOT
from monai_boundary.volumes.block_grid import Block, BlockGrid
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.volume_source import VolumeSource
from monai_boundary.volumes.zarr_output import ZarrOutput


@dataclass(frozen=True)
class BlockComponents:
    """Label the components of a block; the labels go to a store, sizes, first voxels and faces to the record.

    Args:
        membrane: probability of the membrane.
        labels: where the labels go, 1..K in each block.
        records: of the blocks.
        grid: of the volume.
        threshold: probabilities at or above it are membrane.
        per_section: sections are not connected.
    """

    membrane: VolumeSource
    labels: ZarrOutput
    records: BlockRecords
    grid: BlockGrid
    threshold: float
    per_section: bool

    def __call__(self, block: Block) -> None:
        """Read the block and label it."""
        cells = cell_phase(self.membrane.read(block.core), self.threshold)
        labels = np.empty(block.shape, dtype=np.int32)
        sizes, firsts = component_labels(cells, self.per_section, labels)
        self.labels.write(block, labels)
        self.records.write(block.index, **component_record(labels, sizes, firsts, block, self.grid))


@dataclass(frozen=True)
class FacePairs:
    """Find which components of a block touch which of the blocks that follow along each axis.

    Where the records have ``values``, only components of the same value touch.

    Args:
        components: records of :class:`BlockComponents`.
        records: of the pairs.
        grid: of the volume.
        per_section: sections are not connected.
    """

    components: BlockRecords
    records: BlockRecords
    grid: BlockGrid
    per_section: bool

    def __call__(self, block: Block) -> None:
        """Read the faces of the block and of those that follow."""
        mine, found = self.components.read(block.index), {}
        names = ("values",) if "values" in mine else ()
        for axis, other in neighbour_faces(self.components, self.grid, block, self.per_section, *names):
            pairs = contacts(mine[f"high{axis}"], other[f"low{axis}"])[:, :2]
            if names:
                pairs = pairs[mine["values"][pairs[:, 0] - 1] == other["values"][pairs[:, 1] - 1]]
            found[f"pairs{axis}"] = pairs
        self.records.write(block.index, **found)


def cell_phase(membrane: AnyArray, threshold: float) -> BoolArray:
    """Return where a membrane probability is below the threshold, as `membrane_to_instances` does.

    Args:
        membrane: floats in [0, 1], compared in their own type; unsigned integers are shares of the greatest one: 255 of
            uint8 is 1.
        threshold: in (0, 1].

    Raises:
        ValueError: if a value is NaN or outside [0, 1].
        TypeError: if the type is none of these.

    Example:
        >>> cell_phase(np.array([0, 127, 128, 255], np.uint8), 0.5)
        array([ True,  True, False, False])
    """
    if membrane.dtype.kind == "u":
        greatest = np.iinfo(membrane.dtype).max
        # the slack keeps 0.6 of 255 at 153: what a product is above a whole number by rounding is that number
        limit = min(int(np.ceil(threshold * greatest * (1 - 1e-12))), greatest)
        below: BoolArray = np.less(membrane, membrane.dtype.type(limit))
        return below
    if membrane.dtype.kind != "f":
        raise TypeError(f"`membrane` needs floats in [0, 1] or unsigned integers, got {membrane.dtype}.")
    low, high = membrane.min(), membrane.max()
    if not (low >= -OVERSHOOT and high <= 1 + OVERSHOOT):
        raise ValueError(
            f"`membrane` needs values in [0, 1], got {low:g} to {high:g}: apply a sigmoid to logits first."
        )
    share: BoolArray = np.less(membrane, membrane.dtype.type(threshold))
    return share


def contacts(face: IntArray, other: IntArray) -> LongArray:
    """Return the pairs of labels opposite each other on two faces with the number of voxels, (pairs, 3); none with 0.

    Args:
        face: labels of one block.
        other: labels of the block that follows, of the same shape.

    Example:
        >>> contacts(np.array([[1, 1, 0, 2]]), np.array([[3, 3, 3, 0]])).tolist()
        [[1, 3, 2]]
    """
    both = (face > 0) & (other > 0)
    packed, counts = np.unique((face[both].astype(np.int64) << 32) | other[both], return_counts=True)
    return np.stack([packed >> 32, packed & 0xFFFFFFFF, counts], axis=1)


def component_record(
    labels: IntArray, sizes: LongArray, firsts: LongArray, block: Block, grid: BlockGrid
) -> dict[str, AnyArray]:
    """Return what is kept of the labels of a block: sizes, first voxels in the volume, and the faces.

    Args:
        labels: 0..K in the block's core.
        sizes: voxels of each label, (K + 1,).
        firsts: place of its first voxel in the core, (K + 1,).
        block: whose they are.
        grid: of the volume.
    """
    return {"sizes": sizes[1:], "firsts": places_in_volume(firsts[1:], block, grid), **_faces(labels)}


def neighbour_faces(
    records: BlockRecords, grid: BlockGrid, block: Block, per_section: bool, *names: str
) -> Iterator[tuple[int, dict[str, AnyArray]]]:
    """Yield each axis along which a block follows, with the lower face of that block.

    Args:
        records: of :func:`component_record`.
        grid: of the volume.
        block: whose neighbours are wanted.
        per_section: sections are not connected.
        *names: what is read of the neighbour beside its face.
    """
    for axis in range(1 if per_section else 0, len(grid.shape)):
        following = grid.next_along(block, axis)
        if following is not None:
            yield axis, records.read(following, f"low{axis}", *names)


def _faces(labels: IntArray) -> dict[str, IntArray]:
    faces = {}
    for axis in range(labels.ndim):
        faces[f"low{axis}"], faces[f"high{axis}"] = (np.take(labels, k, axis) for k in (0, -1))
    return faces


def places_in_volume(places: LongArray, block: Block, grid: BlockGrid) -> LongArray:
    """Return places in a block as places in the volume, both in raster order.

    Args:
        places: in the block's core.
        block: whose they are.
        grid: of the volume.
    """
    inside = np.unravel_index(places, block.shape)
    moved = tuple(k + part.start for k, part in zip(inside, block.core, strict=True))
    found: LongArray = np.ravel_multi_index(moved, grid.shape).astype(np.int64)
    return found
