# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr

from monai_boundary.data import open_em_stack
from monai_boundary.volumes.block_grid import BlockGrid
from monai_boundary.volumes.zarr_output import make_zarr_output, ome_attributes


@pytest.mark.parametrize("whole_blocks", [False, True])
def test_every_chunk_is_there_and_no_two_blocks_share_one(
    whole_blocks: bool, tmp_path: Path, rng: np.random.Generator
) -> None:
    values = rng.integers(0, 3, (5, 300, 7)).astype(np.uint32)
    values[:, :256] = 0
    grid = BlockGrid(values.shape, (2, 256, 4), (0, 0, 0))
    output = make_zarr_output(
        tmp_path / "a.zarr",
        values.shape,
        grid.block,
        np.uint32,
        spacing=(40, 4, 4),
        offset=(80, 0, 8),
        whole_blocks=whole_blocks,
    )
    chunk = (2, 256, 4) if whole_blocks else (2, 128, 4)
    assert zarr.open_array(str(tmp_path / "a.zarr" / "0"), mode="r").chunks == chunk
    for block in grid:
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
        output.write(block, values[block.core])
        assert all(path.stat().st_mtime_ns == time for path, time in before.items()), "a chunk is written by one block"
        np.testing.assert_array_equal(output.read(block), values[block.core])
    files = [path for path in (tmp_path / "a.zarr" / "0").rglob("*") if path.is_file() and path.name != ".zarray"]
    assert len(files) == np.prod([-(-n // c) for n, c in zip(values.shape, chunk, strict=True)])
    assert make_zarr_output(tmp_path / "a.zarr", values.shape, grid.block, np.uint32) == output
    with open_em_stack(tmp_path / "a.zarr") as stack:
        np.testing.assert_array_equal(stack.read(), values)
        assert (stack.geometry.spacing, stack.geometry.offset) == ((40, 4, 4), (80, 0, 8))


def test_nothing_is_stated_of_a_size_that_is_not_known() -> None:
    image = ome_attributes("a", None)["multiscales"][0]
    assert all("unit" not in axis for axis in image["axes"])
    assert [axis["name"] for axis in image["axes"]] == ["z", "y", "x"]
    assert image["datasets"][0]["coordinateTransformations"] == [{"type": "scale", "scale": [1, 1, 1]}]


def test_chunks_of_a_block_that_cannot_be_divided_well(tmp_path: Path) -> None:
    for block, chunk in [((256, 129, 131), (128, 43, 131)), ((1, 400, 200), (1, 100, 100))]:
        path = tmp_path / f"{block[0]}.zarr"
        make_zarr_output(path, (500, 500, 500), block, np.uint8)
        assert zarr.open_array(str(path / "0"), mode="r").chunks == chunk
