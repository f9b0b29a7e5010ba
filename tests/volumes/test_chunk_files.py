# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import zarr

from monai_boundary.volumes.chunk_files import ChunkFiles, make_array


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "uint64", "float16"])
def test_what_zarr_reads_and_the_other_way(dtype: str, tmp_path: Path, rng: np.random.Generator) -> None:
    values = rng.integers(0, 2, (5, 7, 9)).astype(dtype)
    make_array(tmp_path, values.shape, (2, 4, 9), dtype)
    array = ChunkFiles.open(tmp_path)
    array.write((slice(0, 4), slice(0, 4), slice(0, 9)), values[:4, :4])
    array.write((slice(4, 5), slice(0, 7), slice(0, 9)), values[4:])
    array.write((slice(0, 4), slice(4, 7), slice(0, 9)), values[:4, 4:])
    np.testing.assert_array_equal(zarr.open_array(str(tmp_path), mode="r")[:], values)
    zarr.open_array(str(tmp_path), mode="r+")[:] = values[::-1]
    for box in [(slice(0, 5), slice(0, 7), slice(0, 9)), (slice(1, 3), slice(3, 5), slice(2, 4))]:
        np.testing.assert_array_equal(array.read(box), values[::-1][box])
    np.testing.assert_array_equal(array.read((slice(2, 4), slice(0, 4), slice(0, 9))), values[::-1][2:4, :4])
    assert not list(tmp_path.rglob("*.partial"))


def test_chunks_that_are_not_there_or_cut_short(tmp_path: Path) -> None:
    make_array(tmp_path, (4, 4), (2, 4), "uint8")
    array = ChunkFiles.open(tmp_path)
    array.write((slice(0, 2), slice(0, 4)), np.arange(8, dtype=np.uint8).reshape(2, 4))
    with pytest.raises(ValueError, match=rf"`path` needs whole chunks, {tmp_path}/1/0 is not there or cut short"):
        array.read((slice(0, 4), slice(0, 4)))
    for size in (19, 3):
        os.truncate(tmp_path / "0" / "0", size)
        with pytest.raises(ValueError, match=rf"{tmp_path}/0/0 is not there or cut short"):
            array.read((slice(0, 1), slice(0, 4)))
