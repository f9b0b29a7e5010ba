# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from monai_boundary.data.em.open import open_em_stack
from monai_boundary.data.em.source import EMSource
from monai_boundary.data.em.stored_chunks import absent_hdf5_chunks, absent_zarr_chunks, check_blosc_chunks
from tests.zarr_stores import make_array

WHOLE = (slice(0, 8), slice(0, 8), slice(0, 8))


@pytest.mark.parametrize("sharded", [False, True])
def test_chunks_that_zarr_never_wrote(sharded: bool, tmp_path: Path) -> None:
    shards = (4, 8, 8) if sharded else None
    array = make_array(
        tmp_path / "a.zarr",
        zarr_format=3,
        shape=(1, 8, 8, 8),
        chunks=(1, 4, 4, 8),
        dtype="u1",
        fill_value=0,
        shards=None if shards is None else (1, *shards),
    )
    array[:, :4, :4] = 1
    with open_em_stack(tmp_path / "a.zarr") as stack:
        assert stack.chunks == (shards or (4, 4, 8))
        assert stack.absent_chunks is not None
        absent = [Path(name).relative_to(tmp_path / "a.zarr").as_posix() for name in stack.absent_chunks(WHOLE)]
        assert absent == (["c/0/1/0/0"] if sharded else ["c/0/0/1/0", "c/0/1/0/0", "c/0/1/1/0"])
        assert stack.absent_chunks((slice(0, 4), slice(0, 4), slice(2, 3))) == []
        assert stack.read_box((slice(3, 5), slice(3, 5), slice(0, 1))).ravel().tolist() == [1, 0, 0, 0]
    assert len(absent_zarr_chunks(array, EMSource(tmp_path / "a.zarr"), WHOLE)) == len(absent)


def test_chunks_that_hdf5_never_wrote(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        made = file.create_dataset("main", (2, 8, 8), "u1", chunks=(2, 4, 4))
        made[:, :4, :4] = 1
        assert absent_hdf5_chunks(made, (slice(0, 2), slice(2, 6), slice(0, 4))) == ["chunk (0, 4, 0) of /main"]
        assert absent_hdf5_chunks(made, (slice(0, 1), slice(0, 4), slice(1, 2))) == []


def test_a_blosc_chunk_that_states_another_length(tmp_path: Path) -> None:
    values = np.arange(64, dtype="u1").reshape(8, 8)
    array = make_array(tmp_path / "a.zarr", data=values, chunks=(4, 8), zarr_format=3, codec="blosc")
    chunk, source = tmp_path / "a.zarr" / "c" / "1" / "0", EMSource(tmp_path / "a.zarr")
    chunk.write_bytes(chunk.read_bytes()[:20])
    check_blosc_chunks(array, source, (slice(0, 4), slice(0, 8)))
    with pytest.raises(ValueError, match=f"`source` needs whole chunks, {chunk} of .* is cut short"):
        check_blosc_chunks(array, source, (slice(0, 5), slice(0, 8)))
