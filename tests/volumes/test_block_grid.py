# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_boundary.volumes import block_grid
from monai_boundary.volumes.block_grid import (
    BLOCK_VOXELS,
    BlockGrid,
    centre_halo,
    chosen_block,
    face_halo,
    whole_chunks,
)


def test_drawn() -> None:
    grid = BlockGrid((5, 4, 9), (3, 4, 4), (1, 2, 1))
    assert (grid.counts, len(grid)) == ((2, 1, 3), 6)
    block = grid[4]  # second along z, second along x
    assert block.place == (1, 0, 1)
    assert block.core == (slice(3, 5), slice(0, 4), slice(4, 8))
    assert block.outer == (slice(2, 5), slice(0, 4), slice(3, 9))
    assert block.inner == (slice(1, 3), slice(0, 4), slice(1, 5))
    assert str(block) == "block 4 at (3, 0, 4) of shape (2, 4, 4)"
    assert [grid.next_along(grid[1], axis) for axis in range(3)] == [4, None, 2]
    assert [grid.next_along(block, axis) for axis in range(3)] == [None, None, 5]
    assert [grid.next_along(block, axis, -1) for axis in range(3)] == [1, None, 3]


def test_cores_cover_the_volume_once_and_lie_in_what_is_read(rng: np.random.Generator) -> None:
    for _ in range(20):
        shape, size = tuple(rng.integers(1, 12, 3).tolist()), tuple(rng.integers(1, 14, 3).tolist())
        halo = tuple(rng.integers(0, 5, 3).tolist())
        volume, seen = rng.random(shape), np.zeros(shape, int)
        for block in BlockGrid(shape, size, halo):
            seen[block.core] += 1
            np.testing.assert_array_equal(volume[block.outer][block.inner], volume[block.core])
        assert (seen == 1).all()


def test_a_grid_that_is_none() -> None:
    for arguments, words in [
        (((4, 4), (2,), (0, 0)), r"`block` needs 2 entries >= 1 \(voxels per axis\), got \(2,\)"),
        (((4, 0), (2, 2), (0, 0)), "`shape` needs"),
        (((4, 4), (2, 0), (0, 0)), "`block` needs"),
        (((4, 4), (2, 2), (0, -1)), "`halo` needs"),
    ]:
        with pytest.raises(ValueError, match=words):
            BlockGrid(*arguments)
    with pytest.raises(IndexError):
        BlockGrid((4,), (2,), (0,))[2]


def test_chosen_block() -> None:
    assert chosen_block(7, (10, 5, 20), None) == (7, 5, 7)
    assert chosen_block((7, 9, 1), (10, 5, 20), None) == (7, 5, 1)
    assert chosen_block(None, (1024,) * 3, (128,) * 3) == (256,) * 3
    assert chosen_block(None, (1024,) * 3, (100, 100, 100)) == (200, 200, 400)
    assert chosen_block(None, (20, 30, 40), (8, 8, 8)) == (20, 30, 40)
    assert chosen_block(None, (600, 600, 600), (600, 600, 600)) == (600, 600, 600), "a chunk is never cut"
    assert np.prod(chosen_block(None, (4000,) * 3, None)) <= BLOCK_VOXELS
    for block in ((3, 4), (1, 0, 2), 0):
        with pytest.raises(ValueError, match="`block` needs 3 entries >= 1"):
            chosen_block(block, (10, 10, 10), None)


def test_centre_halo() -> None:
    assert centre_halo(0.0, (4, 4, 4), False) == (0, 0, 0)
    assert centre_halo(3 * 0.1, (0.1, 0.1, 0.2), False) == (3, 3, 2), "0.1 + 0.1 + 0.1 are 0.3"
    assert centre_halo(12.0, (40.0, 4.0, 4.0), True) == (0, 3, 3)
    assert centre_halo(12.1, (40.0, 4.0, 4.0), False) == (1, 4, 4)


def test_the_halo_of_faces() -> None:
    for radius in (0.5, 4.0, 6.0, 33.3):
        for size, halo in zip((8.0, 4.0, 2.0), face_halo(radius, (8.0, 4.0, 2.0), False), strict=True):
            assert (halo + 1 - 0.5) * size > radius, "the near face of a voxel that is not read is beyond the radius"
            assert (halo - 1 - 0.5) * size <= radius, "no more than a voxel too many"
    assert face_halo(33.3, (8.0, 4.0, 2.0), True)[0] == 0


def test_parts_of_whole_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of stores with chunks of 4 x 2 and 2 x 3: every 4th row may be cut, and every 6th column."""
    box = (slice(3, 10), slice(0, 13))
    monkeypatch.setattr(block_grid, "PART_VOXELS", 1)
    parts = list(whole_chunks(box, (4, 2), (2, 3)))
    rows, columns = [slice(3, 4), slice(4, 8), slice(8, 10)], [slice(0, 6), slice(6, 12), slice(12, 13)]
    assert parts == [(row, column) for row in rows for column in columns]
    monkeypatch.setattr(block_grid, "PART_VOXELS", 48)
    assert list(whole_chunks(box, (4, 2), (2, 3))) == [
        (row, column) for row in (slice(3, 8), slice(8, 10)) for column in columns
    ], "8 x 6 voxels"
    assert list(whole_chunks(box, (4, 2), None)) == [box]
