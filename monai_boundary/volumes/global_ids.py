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
from monai_boundary._typing import LongArray
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
    measures = [components.read(index, "sizes", "firsts") for index in range(len(grid))]
    sizes, firsts = (np.concatenate([record[name] for record in measures]) for name in ("sizes", "firsts"))
    starts = np.cumsum([0, *(record["sizes"].size for record in measures)])
    joined = np.concatenate([np.zeros((0, 2), dtype=np.int64), *_joined(pairs, grid, starts)])
    graph = sparse.coo_array((np.ones(len(joined), dtype=np.bool_), tuple(joined.T)), shape=(sizes.size, sizes.size))
    number, instance = connected_components(graph, directed=False)
    voxels = np.zeros(number, dtype=np.int64)
    np.add.at(voxels, instance, sizes)
    first = np.full(number, np.iinfo(np.int64).max)
    np.minimum.at(first, instance, firsts)
    kept = np.flatnonzero(voxels >= max(1, min_size))
    order = kept[np.argsort(first[kept])]
    ids = np.zeros(number, dtype=np.int64)
    ids[order] = np.arange(1, order.size + 1)
    return InstanceNumbers(ids[instance], starts, voxels[order], number - order.size)


def _joined(pairs: BlockRecords, grid: BlockGrid, starts: LongArray) -> Iterator[LongArray]:
    for block in grid:
        for name, found in pairs.read(block.index).items():
            following = grid.next_along(block, int(name.removeprefix("pairs")))
            assert following is not None
            yield found - 1 + [starts[block.index], starts[following]]


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
    with atomic_output(folder, overwrite=True) as made:
        made.mkdir()
        np.save(made / "ids.npy", numbers.ids)
        np.save(made / "starts.npy", numbers.starts)
    return folder
