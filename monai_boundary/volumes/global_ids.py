# SPDX-License-Identifier: Apache-2.0
"""From the components of blocks to instances of the volume: joined over the faces, numbered, small ones left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from monai_boundary._output_file import atomic_output
from monai_boundary._typing import AnyArray, LongArray
from monai_boundary.kernels.label_table import look_up
from monai_boundary.volumes.block_grid import Block, BlockGrid
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.zarr_output import ZarrOutput


class InstanceNumbers(NamedTuple):
    """The id of every component of every block.

    ``ids`` are those of the components one after the other, 0 where the instance is too small; ``starts`` where each
    block's components start among them; ``sizes`` the voxels of the instances 1..K; ``removed`` how many were too
    small.
    """

    ids: LongArray
    starts: LongArray
    sizes: LongArray
    removed: int


def number_instances(
    components: BlockRecords, pairs: BlockRecords, grid: BlockGrid, min_size: int = 0
) -> InstanceNumbers:
    """Join the components that touch over faces, and number the instances 1..K in raster order of their first voxel.

    What is needed in memory grows with the number of components, some 100 bytes each, and not with the voxels.

    Args:
        components: records with ``sizes`` and ``firsts`` of each block.
        pairs: records with ``pairs0`` ... of each block.
        grid: of the volume.
        min_size: instances of fewer voxels are left out.
    """
    joined = join_components(components, pairs, grid)
    voxels, first = instance_measures(components, grid, joined.instance, joined.number)
    ids, sizes = numbered(voxels, first, min_size)
    return InstanceNumbers(ids[joined.instance], joined.starts, sizes, joined.number - sizes.size)


class JoinedComponents(NamedTuple):
    """Which components of blocks are one: ``instance`` of each, ``number`` of them, ``starts`` of each block's."""

    number: int
    instance: LongArray
    starts: LongArray

    def save(self, folder: Path, **arrays: AnyArray) -> Path:
        """Write ``starts.npy`` and an array for each name, and return the folder; one that is there is replaced."""
        with atomic_output(folder, overwrite=True) as made:
            made.mkdir()
            for name, array in {"starts": self.starts, **arrays}.items():
                np.save(made / f"{name}.npy", array)
        return folder


def join_components(components: BlockRecords, pairs: BlockRecords, grid: BlockGrid) -> JoinedComponents:
    """Join the components that touch over the faces of blocks.

    Args:
        components: records with ``sizes`` of each block.
        pairs: records with ``pairs0`` ... of each block.
        grid: of the volume.
    """
    starts = block_starts(components, grid)
    joined = np.concatenate(
        [np.zeros((0, 2), dtype=np.int64), *(pair for pair, _ in global_pairs(pairs, grid, starts))]
    )
    size = int(starts[-1])
    graph = sparse.coo_array((np.ones(len(joined), dtype=np.bool_), tuple(joined.T)), shape=(size, size))
    number, instance = connected_components(graph, directed=False)
    return JoinedComponents(number, instance.astype(np.int64), starts)


def block_starts(components: BlockRecords, grid: BlockGrid) -> LongArray:
    """Return where each block's components start among those of all, (blocks + 1,)."""
    return np.cumsum([0, *(components.read(index, "sizes")["sizes"].size for index in range(len(grid)))])


def instance_measures(
    components: BlockRecords, grid: BlockGrid, instance: LongArray, number: int
) -> tuple[LongArray, LongArray]:
    """Return voxels and first voxel of each instance.

    Args:
        components: records with ``sizes`` and ``firsts`` of each block.
        grid: of the volume.
        instance: of each component, 0..number - 1.
        number: of instances.
    """
    measures = [components.read(index, "sizes", "firsts") for index in range(len(grid))]
    sizes, firsts = (np.concatenate([record[name] for record in measures]) for name in ("sizes", "firsts"))
    voxels = np.zeros(number, dtype=np.int64)
    np.add.at(voxels, instance, sizes)
    first = np.full(number, np.iinfo(np.int64).max)
    np.minimum.at(first, instance, firsts)
    return voxels, first


def numbered(voxels: LongArray, first: LongArray, min_size: int) -> tuple[LongArray, LongArray]:
    """Return an id for each instance, 0 where it is too small, and the voxels of those that have one, by their id.

    Args:
        voxels: of each.
        first: voxel of each; the ids follow it.
        min_size: instances of fewer voxels are left out.
    """
    kept = np.flatnonzero(voxels >= max(1, min_size))
    order = kept[np.argsort(first[kept])]
    ids = np.zeros(voxels.size, dtype=np.int64)
    ids[order] = np.arange(1, order.size + 1)
    return ids, voxels[order]


def global_pairs(pairs: BlockRecords, grid: BlockGrid, starts: LongArray) -> Iterator[tuple[LongArray, LongArray]]:
    """Yield what touches over the faces of each block: numbers of components, (pairs, 2), and the columns beside.

    Args:
        pairs: records with ``pairs0`` ... of each block.
        grid: of the volume.
        starts: of :func:`block_starts`.
    """
    for block in grid:
        for name, found in pairs.read(block.index).items():
            following = grid.next_along(block, int(name.removeprefix("pairs")))
            assert following is not None
            yield found[:, :2] - 1 + [starts[block.index], starts[following]], found[:, 2:]


@dataclass(frozen=True)
class WriteIds:
    """Write the instances of a block.

    Args:
        labels: of the components of each block.
        output: where the instances go.
        numbers: folder of the ids of all components, as :func:`save_numbers` wrote it.
        records: of the blocks that are written.
        dtype: of the ids in the store.
    """

    labels: ZarrOutput
    output: ZarrOutput
    numbers: Path
    records: BlockRecords
    dtype: str

    def __call__(self, block: Block) -> None:
        """Read the labels of the block and write its ids."""
        start, stop = np.load(self.numbers / "starts.npy", mmap_mode="r")[block.index : block.index + 2]
        ids = np.load(self.numbers / "ids.npy", mmap_mode="r")[start:stop]
        of_label = np.concatenate([[0], ids]).astype(self.dtype)
        labels = self.labels.read(block)
        found = labels.view(self.dtype) if of_label.itemsize == labels.itemsize else np.empty(labels.shape, self.dtype)
        look_up(labels.reshape(-1), of_label, found.reshape(-1))
        self.output.write(block, found)
        self.records.write(block.index)


def save_numbers(folder: Path, numbers: InstanceNumbers) -> Path:
    """Write what :class:`WriteIds` reads, and return the folder; one that is there is replaced."""
    return JoinedComponents(0, numbers.ids, numbers.starts).save(folder, ids=numbers.ids, sizes=numbers.sizes)
