# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_boundary.volumes.block_floods import BlockFlood, FloodSettings
from monai_boundary.volumes.block_grid import BlockGrid
from monai_boundary.volumes.block_markers import NO_CELL
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.face_fronts import NONE
from monai_boundary.volumes.global_ids import JoinedComponents
from monai_boundary.volumes.zarr_output import make_zarr_output


def test_two_blocks_in_two_rounds(tmp_path: Path) -> None:
    """A front of the only marker goes on in the second block in the second round; a third one finds nothing new."""
    grid = BlockGrid((1, 1, 6), (1, 1, 3), (0, 0, 0))
    greys, pieces, labels = (
        make_zarr_output(tmp_path / f"{name}.zarr", grid.shape, grid.block, dtype, whole_blocks=True)
        for name, dtype in (("greys", np.uint8), ("pieces", np.int32), ("labels", np.int32))
    )
    for block, row, marker in zip(grid, ([4, 4, 9], [7, 7, NO_CELL]), ([1, 0, 0], [0, 0, 0]), strict=True):
        greys.write(block, np.array([[row]], np.uint8))
        pieces.write(block, np.array([[marker]], np.int32))
    numbers = JoinedComponents(0, np.array([12]), np.array([0, 1, 1])).save(tmp_path / "numbers", ids=np.array([12]))
    found = BlockRecords(tmp_path / "found")
    settings = FloodSettings(greys, pieces, numbers, None, labels, found, grid, False)
    rounds = tuple(BlockRecords(tmp_path / f"round{k}") for k in range(3))
    work = [BlockFlood(settings, rounds[: k + 1], False) for k in range(3)]
    for block in grid:
        work[0](block)
    assert work[0].records is rounds[0]
    assert labels.read(grid[0]).tolist() == [[[1, 1, 1]]]
    assert labels.read(grid[1]).tolist() == [[[0, 0, 0]]]
    first, second = rounds[0].read(0), rounds[0].read(1)
    assert first["high2"].tolist() == [[9 << 40 | 9], [12]], "it had to pay in the last voxel, so no steps since"
    assert (first["changed"].tolist(), second["changed"].tolist()) == (["high2"], [])
    assert second["low2"].tolist() == [[int(NONE)], [0]]
    work[1](grid[1])
    assert labels.read(grid[1]).tolist() == [[[1, 1, 0]]]
    assert found.read(1)["markers"].tolist() == [12]
    assert (found.read(1)["sizes"].tolist(), found.read(1)["firsts"].tolist()) == ([2], [3])
    assert rounds[1].read(1)["low2"].tolist() == [[9 << 40 | 1 << 8 | 9], [12]]
    work[2](grid[0])
    assert rounds[2].read(0)["changed"].tolist() == [], "the front that comes back is a later one"
