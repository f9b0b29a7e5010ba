# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr

from monai_boundary.data.em.chunk_files import ChunkFiles, chunk_places, make_array
from monai_boundary.data.em.open import open_em_stack
from tests import zarr_stores

WHOLE = (slice(0, 8), slice(0, 8), slice(0, 8))


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
    with pytest.raises(ValueError, match=rf"`source` needs every chunk, {tmp_path}/1/0 is not there"):
        array.read((slice(0, 4), slice(0, 4)))
    assert array.read((slice(1, 3), slice(0, 4)), 9).tolist() == [[4, 5, 6, 7], [9, 9, 9, 9]]
    for size in (19, 3):
        os.truncate(tmp_path / "0" / "0", size)
        with pytest.raises(ValueError, match=rf"`source` needs whole chunks, {tmp_path}/0/0 is cut short"):
            array.read((slice(0, 1), slice(0, 4)))


@pytest.mark.parametrize("codec", ["none", "zstd", "blosc"])
@pytest.mark.parametrize("version", [2, 3])
def test_decodes_what_zarr_has_written(codec: str, version: int, tmp_path: Path, rng: np.random.Generator) -> None:
    values = rng.integers(0, 2**31, (5, 7, 9)).astype(np.uint32)
    zarr_stores.make_array(tmp_path / "a", data=values, chunks=(2, 4, 5), zarr_format=version, codec=codec)
    array = ChunkFiles.open(tmp_path / "a")
    assert (array.dtype, array.compressor) == (np.uint32, "" if codec == "none" else codec)
    for box in [(slice(0, 5), slice(0, 7), slice(0, 9)), (slice(1, 3), slice(3, 7), slice(5, 9))]:
        np.testing.assert_array_equal(array.read(box), values[box])
    chunk = zarr_stores.chunk_file(tmp_path / "a", 0, 0, 0)
    for cut in (chunk.read_bytes()[:-1], b"", zarr_stores.chunk_file(tmp_path / "a", 1, 0, 0).read_bytes()[:30]):
        chunk.write_bytes(cut)
        with pytest.raises(ValueError, match=f"`source` needs whole chunks, {chunk} is cut short or damaged"):
            array.read((slice(0, 1), slice(0, 1), slice(0, 1)))


@pytest.mark.parametrize("codec", ["none", "zstd", "blosc"])
def test_a_chunk_of_another_size(codec: str, tmp_path: Path) -> None:
    """It is whole, but would leave a part of the voxels as they were in memory."""
    for name, side in (("a", 4), ("b", 8)):
        ones = np.ones((side, side), np.uint16)
        zarr_stores.make_array(tmp_path / name, data=ones, chunks=ones.shape, zarr_format=2, codec=codec)
    (tmp_path / "b" / "0.0").write_bytes((tmp_path / "a" / "0.0").read_bytes())
    with pytest.raises(ValueError, match=r"needs whole chunks, .*0\.0 is cut short or damaged"):
        ChunkFiles.open(tmp_path / "b").read((slice(0, 8), slice(0, 8)))


@pytest.mark.parametrize("kind", ["", "checksum", "no length"])
@pytest.mark.parametrize("size", [100, 300, 70_000])
def test_frames_of_zstd(kind: str, size: int, tmp_path: Path) -> None:
    """Their headers state the length in one, two and four bytes, or not at all."""
    values = np.arange(size).astype(np.uint8)
    about = {"zarr_format": 2, "shape": [size], "chunks": [size], "dtype": "|u1", "order": "C", "filters": None}
    about |= {"compressor": {"id": "zstd", "level": 1}, "fill_value": 0}
    (tmp_path / ".zarray").write_text(json.dumps(about))
    frame = numcodecs.Zstd(1, checksum=kind == "checksum").encode(values)
    if kind == "no length":  # RFC 8878: no flags, a window, one block that is the last and not compressed
        frame = b"\x28\xb5\x2f\xfd\x00\x58" + (size << 3 | 1).to_bytes(3, "little") + values.tobytes()
    (tmp_path / "0").write_bytes(frame)
    np.testing.assert_array_equal(ChunkFiles.open(tmp_path).read((slice(0, size),)), values)


def test_what_only_zarr_decodes(tmp_path: Path) -> None:
    """Another order of voxels or bytes, a filter, another compressor."""
    values = np.arange(24, dtype=np.int32).reshape(4, 6)
    cases: dict[str, dict[str, Any]] = {
        "plain": {},
        "order": {"order": "F"},
        "bytes": {"dtype": ">i4"},
        "filter": {"filters": [{"id": "delta", "dtype": "<i4"}]},
        "gzip": {"compressor": {"id": "gzip", "level": 1}},
    }
    about = {"zarr_format": 2, "shape": [4, 6], "chunks": [3, 6], "dtype": "<i4", "order": "C", "filters": None}
    about |= {"compressor": {"id": "zstd", "level": 1}, "fill_value": 7}
    for name, other in cases.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / ".zarray").write_text(json.dumps(about | other))
        zarr.open_array(str(tmp_path / name), mode="r+")[:] = values
        assert (ChunkFiles.open(tmp_path / name).dtype is None) == (name != "plain"), name
        (tmp_path / name / "1.0").unlink()
        with open_em_stack(tmp_path / name) as stack:
            box = (slice(2, 4), slice(1, 3))
            assert stack.read_box(box).tolist() == [[13, 14], [7, 7]], name


@pytest.mark.parametrize("sharded", [False, True])
def test_chunks_that_zarr_never_wrote(sharded: bool, tmp_path: Path) -> None:
    shards = (4, 8, 8) if sharded else None
    array = zarr_stores.make_array(
        tmp_path / "a.zarr",
        zarr_format=3,
        shape=(1, 8, 8, 8),
        chunks=(1, 4, 4, 8),
        dtype="u1",
        fill_value=0,
        shards=None if shards is None else (1, *shards),
    )
    array[:, :4, :4] = 1
    assert (ChunkFiles.open(tmp_path / "a.zarr").dtype is None) == sharded
    with open_em_stack(tmp_path / "a.zarr") as stack:
        assert stack.chunks == (shards or (4, 4, 8))
        assert stack.absent_chunks is not None
        absent = [Path(name).relative_to(tmp_path / "a.zarr").as_posix() for name in stack.absent_chunks(WHOLE)]
        assert absent == (["c/0/1/0/0"] if sharded else ["c/0/0/1/0", "c/0/1/0/0", "c/0/1/1/0"])
        assert stack.absent_chunks((slice(0, 4), slice(0, 4), slice(2, 3))) == []
        assert stack.read_box((slice(3, 5), slice(3, 5), slice(0, 1))).ravel().tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("separator", [".", "/"])
@pytest.mark.parametrize("name", ["default", "v2"])
def test_names_of_files(name: str, separator: str, tmp_path: Path) -> None:
    encoding = {"name": name, "separator": separator}
    values = np.arange(16, dtype=np.uint8).reshape(4, 4)
    zarr_stores.make_array(tmp_path / "a", data=values, chunks=(2, 4), zarr_format=3, chunk_key_encoding=encoding)
    array = ChunkFiles.open(tmp_path / "a")
    np.testing.assert_array_equal(array.read((slice(1, 4), slice(0, 4))), values[1:])


def test_names_alone_in_place_of_configurations(tmp_path: Path) -> None:
    about: dict[str, Any] = {"zarr_format": 3, "node_type": "array", "shape": [4], "data_type": "uint8"}
    about |= {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2]}}, "fill_value": 0}
    (tmp_path / "zarr.json").write_text(json.dumps(about | {"chunk_key_encoding": "default", "codecs": ["bytes"]}))
    (tmp_path / "c").mkdir()
    for place in range(2):
        (tmp_path / "c" / str(place)).write_bytes(bytes([place, 7]))
    assert ChunkFiles.open(tmp_path).read((slice(1, 4),)).tolist() == [7, 1, 7]


def test_a_blosc_chunk_that_states_another_length(tmp_path: Path) -> None:
    """Of an array that Zarr decodes, too: it would not say so."""
    values = np.arange(64, dtype="u1").reshape(8, 8)
    zarr_stores.make_array(tmp_path / "a.zarr", data=values, chunks=(4, 8), zarr_format=3, codec="blosc")
    chunk, array = tmp_path / "a.zarr" / "c" / "1" / "0", ChunkFiles.open(tmp_path / "a.zarr")
    chunk.write_bytes(chunk.read_bytes()[:20])
    array.check_lengths((slice(0, 4), slice(0, 8)))
    with pytest.raises(ValueError, match=f"`source` needs whole chunks, {chunk} is cut short"):
        array.check_lengths((slice(0, 5), slice(0, 8)))


def test_places_of_a_box() -> None:
    assert list(chunk_places((1, 8, 8), (1, 4, 8), (slice(3, 5), slice(0, 8)))) == [(0, 0, 0), (0, 1, 0)]
