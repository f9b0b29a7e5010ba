# SPDX-License-Identifier: Apache-2.0
"""The markers of watershed and barrier cut by blocks: exactly those of the whole volume."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from monai_boundary._typing import AnyArray, BoolArray, UInt8Array
from monai_boundary.kernels.component_labels import component_labels
from monai_boundary.ops.barrier import quantise_probability
from monai_boundary.volumes.block_components import cell_phase, component_record
from monai_boundary.volumes.block_grid import Block, BlockGrid
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.global_ids import join_components
from monai_boundary.volumes.volume_source import VolumeSource
from monai_boundary.volumes.zarr_output import ZarrOutput

NO_CELL = np.uint8(255)


@dataclass(frozen=True)
class BlockCores:
    """Label the components of the cell phase in a block, and find the voxels that are deep inside it.

    The labels go to a store, negative where a voxel is deep; the record has ``cored`` too, which components have such
    voxels in this block. What will be flooded goes to another one.

    Args:
        membrane: probability of the membrane.
        greys: where the steps of the probability go, ``NO_CELL`` outside of the cell phase, which is below 255 always.
        labels: where the labels go.
        records: of the blocks.
        grid: of the volume, with the halo of :func:`~monai_boundary.volumes.block_grid.centre_halo`.
        threshold: probabilities at or above it are membrane.
        depth: distance from the membrane phase, at least, of what is deep; in the unit of ``spacing``.
        spacing: size of a voxel along each axis.
        per_section: sections are not connected, and distances are taken in each alone.
    """

    membrane: VolumeSource
    greys: ZarrOutput
    labels: ZarrOutput
    records: BlockRecords
    grid: BlockGrid
    threshold: float
    depth: float
    spacing: tuple[float, ...]
    per_section: bool

    def __call__(self, block: Block) -> None:
        """Read the block with its halo, and label the core."""
        values = self.membrane.read(block.outer)
        cells = cell_phase(values, self.threshold)
        core = np.ascontiguousarray(cells[block.inner])
        self.greys.write(block, np.where(core, grey_steps(values[block.inner]), NO_CELL))
        del values
        deep = deep_voxels(cells, self.depth, self.spacing, self.per_section)[block.inner]
        labels = np.empty(block.shape, dtype=np.int32)
        sizes, firsts = component_labels(core, self.per_section, labels)
        cored = np.zeros(sizes.size, dtype=np.bool_)
        cored[labels[deep]] = True
        record = component_record(labels, sizes, firsts, block, self.grid)
        self.labels.write(block, np.where(deep, -labels, labels))
        self.records.write(block.index, cored=cored[1:], **record)


@dataclass(frozen=True)
class BlockMarkers:
    """Label the markers inside a block: what is deep, and components of the volume in which nothing is.

    Args:
        labels: of :class:`BlockCores`.
        cored: folder of :func:`save_cored`.
        markers: where the markers' labels go.
        records: of the blocks.
        grid: of the volume.
        per_section: sections are not connected.
    """

    labels: ZarrOutput
    cored: Path
    markers: ZarrOutput
    records: BlockRecords
    grid: BlockGrid
    per_section: bool

    def __call__(self, block: Block) -> None:
        """Read the labels of the block, and label its markers."""
        start, stop = np.load(self.cored / "starts.npy", mmap_mode="r")[block.index : block.index + 2]
        flat = np.concatenate([[False], ~np.load(self.cored / "cored.npy", mmap_mode="r")[start:stop]])
        labels = self.labels.read(block)
        marked = (labels < 0) | flat[np.abs(labels)]
        sizes, firsts = component_labels(marked, self.per_section, labels)
        self.markers.write(block, labels)
        self.records.write(block.index, **component_record(labels, sizes, firsts, block, self.grid))


def deep_voxels(cells: BoolArray, depth: float, spacing: tuple[float, ...], per_section: bool) -> BoolArray:
    """Return the voxels of the cell phase that are no nearer to the membrane phase than the depth; the frame is none.

    Args:
        cells: (z, y, x).
        depth: in the unit of ``spacing``.
        spacing: size of a voxel along each axis.
        per_section: distances are taken in each section alone.

    Example:
        >>> row = np.array([[[True, True, True, False, True]]])
        >>> deep_voxels(row, 2.0, (1.0, 1.0, 1.0), False).tolist()
        [[[True, True, False, False, False]]]
    """
    if per_section:
        return np.stack([_deep(section, depth, spacing[1:]) for section in cells])
    return _deep(cells, depth, spacing)


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


def save_cored(folder: Path, components: BlockRecords, pairs: BlockRecords, grid: BlockGrid) -> Path:
    """Write which components of each block belong to one of the volume that is deep somewhere, and return the folder.

    Args:
        folder: gets ``cored.npy`` and ``starts.npy``; one that is there is replaced.
        components: records of :class:`BlockCores`.
        pairs: of what touches over faces.
        grid: of the volume.
    """
    joined = join_components(components, pairs, grid)
    cored = np.zeros(joined.number, dtype=np.bool_)
    cored[joined.instance[np.concatenate([components.read(k, "cored")["cored"] for k in range(len(grid))])]] = True
    return joined.save(folder, cored=cored[joined.instance])


def _deep(cells: BoolArray, depth: float, spacing: tuple[float, ...]) -> BoolArray:
    if cells.all() or not cells.any():  # SciPy's transform is not defined without any membrane
        return cells.copy()
    return cells & (ndimage.distance_transform_edt(cells, sampling=spacing) >= depth)
