# SPDX-License-Identifier: Apache-2.0
"""Watershed and barrier cut of a block, from the markers of the whole volume, with an overlap into its neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skimage.segmentation import watershed

from monai_boundary._typing import AnyArray, BoolArray, IntArray, UInt8Array
from monai_boundary.kernels.component_labels import component_labels
from monai_boundary.ops.barrier import barrier_partition, quantise_probability
from monai_boundary.ops.regions import region_seeds
from monai_boundary.volumes.block_components import cell_phase, component_record, contacts, neighbour_faces
from monai_boundary.volumes.block_grid import Block, BlockGrid
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.volume_source import VolumeSource
from monai_boundary.volumes.zarr_output import ZarrOutput


@dataclass(frozen=True)
class BlockFlood:
    """Give the cell phase of a block to the markers that are in it or in its overlap.

    A piece of the cell phase without a marker there becomes an *orphan*, a marker of its own for now. The labels 1..K
    of the core go to a store; the record has ``markers``, the id of each in the volume, 0 of an orphan.

    Args:
        membrane: probability of the membrane.
        markers: ids of the markers of the volume.
        labels: where the labels go.
        records: of the blocks.
        grid: of the volume, with the overlap as its halo.
        method: ``"watershed"`` or ``"barrier_cut"``.
        threshold: probabilities at or above it are membrane.
        spacing: size of a voxel along each axis.
        per_section: each section is one image.
    """

    membrane: VolumeSource
    markers: ZarrOutput
    labels: ZarrOutput
    records: BlockRecords
    grid: BlockGrid
    method: str
    threshold: float
    spacing: tuple[float, ...]
    per_section: bool

    def __call__(self, block: Block) -> None:
        """Read the block with its overlap, flood it, and write the core."""
        values = self.membrane.read(block.outer)
        cells = cell_phase(values, self.threshold)
        ids = self.markers.read_box(block.outer)
        known = np.unique(ids[ids > 0])
        marks = np.where(ids > 0, np.searchsorted(known, ids) + 1, 0).astype(np.int32)
        del ids
        _mark_orphans(cells, marks, known.size, self.per_section)
        found = self._flood(values, cells, marks)[block.inner]
        here, numbers = np.unique(found, return_inverse=True)
        here, numbers = (here, numbers) if here[0] == 0 else (np.concatenate([[0], here]), numbers + 1)
        flat: IntArray = numbers.ravel().astype(np.int32)
        labels = flat.reshape(block.shape)
        sizes = np.bincount(flat, minlength=here.size)
        firsts = np.zeros(here.size, dtype=np.int64)
        firsts[flat[::-1]] = np.arange(flat.size)[::-1]  # the last that is written is the first
        names = np.concatenate(
            [[0], known.astype(np.int64), np.zeros(int(marks.max(initial=0)) - known.size, np.int64)]
        )
        self.labels.write(block, labels)
        self.records.write(
            block.index, markers=names[here[1:]], **component_record(labels, sizes, firsts, block, self.grid)
        )

    def _flood(self, values: AnyArray, cells: BoolArray, marks: IntArray) -> IntArray:
        one = _watershed if self.method == "watershed" else _barrier_cut
        if not self.per_section:
            return one(values, cells, marks, self.spacing)
        return np.stack([one(*parts, self.spacing[1:]) for parts in zip(values, cells, marks, strict=True)])


@dataclass(frozen=True)
class OrphanContacts:
    """Count over how many voxel faces an orphan of a block touches what lies in the next block, and the other way.

    Args:
        floods: records of :class:`BlockFlood`.
        records: ``pairs0`` ... with columns label here, label there, faces.
        grid: of the volume.
        per_section: sections are not connected.
    """

    floods: BlockRecords
    records: BlockRecords
    grid: BlockGrid
    per_section: bool

    def __call__(self, block: Block) -> None:
        """Read the faces of the block and of those that follow."""
        mine, found = self.floods.read(block.index), {}
        for axis, other in neighbour_faces(self.floods, self.grid, block, self.per_section, "markers"):
            pairs = contacts(mine[f"high{axis}"], other[f"low{axis}"])
            orphans = (mine["markers"][pairs[:, 0] - 1] == 0) | (other["markers"][pairs[:, 1] - 1] == 0)
            found[f"pairs{axis}"] = pairs[orphans]
        self.records.write(block.index, **found)


def grey_steps(values: AnyArray) -> UInt8Array:
    """Return a stored probability in the 256 steps of `quantise_probability`.

    Args:
        values: floats in [0, 1], or unsigned integers as shares of the greatest one.

    Example:
        >>> grey_steps(np.array([0, 128, 255], np.uint8)), grey_steps(np.array([0.5, 1.00005]))
        (array([  0, 128, 255], dtype=uint8), array([127, 255], dtype=uint8))
    """
    if values.dtype.kind == "f":
        return quantise_probability(np.clip(values.astype(np.float64), 0, 1))
    greatest = np.iinfo(values.dtype).max
    if values.dtype.itemsize > 2:
        return quantise_probability(values / np.float64(greatest))
    steps: UInt8Array = quantise_probability(np.arange(greatest + 1) / greatest)[values]
    return steps


def _mark_orphans(cells: BoolArray, marks: IntArray, number: int, per_section: bool) -> None:
    """Make a marker, in place, of each piece of the cell phase that has none, from ``number`` + 1 on."""
    pieces = np.empty(cells.shape, dtype=np.int32)
    sizes, _ = component_labels(cells, per_section, pieces)
    orphan = np.ones(sizes.size, dtype=np.bool_)
    orphan[pieces[marks > 0]] = orphan[0] = False
    names = np.zeros(sizes.size, dtype=np.int32)
    names[orphan] = np.arange(number + 1, number + 1 + np.count_nonzero(orphan))
    np.copyto(marks, names[pieces], where=marks == 0)


def _watershed(values: AnyArray, cells: BoolArray, marks: IntArray, _: tuple[float, ...]) -> IntArray:
    if not marks.any():
        return marks
    return np.asarray(watershed(values, marks, mask=cells), dtype=np.int32)


def _barrier_cut(values: AnyArray, cells: BoolArray, marks: IntArray, spacing: tuple[float, ...]) -> IntArray:
    """One seed for each marker: the volume's where all of the marker is here, else the deepest voxel of what is."""
    return barrier_partition(grey_steps(values), region_seeds(marks, spacing), cells)
