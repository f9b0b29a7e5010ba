# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_boundary.volumes.block_grid import BlockGrid
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.global_ids import WriteIds, number_instances, save_numbers
from monai_boundary.volumes.zarr_output import make_zarr_output

GRID = BlockGrid((1, 1, 9), (1, 1, 3), (0, 0, 0))


def drawn(folder: Path) -> tuple[BlockRecords, BlockRecords]:
    """Three blocks in a row, ``1 0 2 | 1 1 0 | 1 2 2`` (the last as of sections that join elsewhere): 2-1 touch."""
    components, pairs = BlockRecords(folder / "components"), BlockRecords(folder / "faces")
    components.write(0, sizes=[1, 1], firsts=[0, 2])
    components.write(1, sizes=[2], firsts=[3])
    components.write(2, sizes=[1, 2], firsts=[7, 6])
    pairs.write(0, pairs2=np.array([[2, 1]]))
    pairs.write(1, pairs2=np.zeros((0, 2), np.int64))
    pairs.write(2)
    return components, pairs


def test_drawn(tmp_path: Path) -> None:
    numbers = number_instances(*drawn(tmp_path), GRID)
    assert numbers.starts.tolist() == [0, 2, 3, 5]
    assert numbers.ids.tolist() == [1, 2, 2, 4, 3], "in raster order of the first voxel"
    assert (numbers.sizes.tolist(), numbers.removed) == ([1, 3, 2, 1], 0)
    numbers = number_instances(*drawn(tmp_path), GRID, min_size=2)
    assert numbers.ids.tolist() == [0, 1, 1, 0, 2], "a piece of one voxel stays where its instance is larger"
    assert (numbers.sizes.tolist(), numbers.removed) == ([3, 2], 2)


def test_ids_beyond_32_bits_are_written(tmp_path: Path) -> None:
    numbers = number_instances(*drawn(tmp_path), GRID)._replace(ids=np.array([1, 2, 2, 2**40, 3]))
    labels = make_zarr_output(tmp_path / "labels.zarr", GRID.shape, GRID.block, np.int32, whole_blocks=True)
    for block, values in zip(GRID, ([1, 0, 2], [1, 1, 0], [1, 2, 2]), strict=True):
        labels.write(block, np.array([[values]], np.int32))
    output = make_zarr_output(tmp_path / "ids.zarr", GRID.shape, GRID.block, np.uint64)
    write = WriteIds(
        labels, output, save_numbers(tmp_path / "numbers", numbers), BlockRecords(tmp_path / "ids"), "uint64"
    )
    for block in GRID:
        write(block)
    assert [output.read(block).ravel().tolist() for block in GRID] == [[1, 0, 2], [2, 2, 0], [2**40, 3, 3]]
    assert all(block.index in write.records for block in GRID)
