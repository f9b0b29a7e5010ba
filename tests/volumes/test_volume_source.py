# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from monai_boundary._typing import AnyArray
from monai_boundary.data.em.writer import write_em_segmentation
from monai_boundary.volumes.volume_source import VolumeSource, check_one_volume_grid, open_volume, voxel_size
from tests.zarr_stores import chunk_file, chunk_files, make_array, make_group

BOX = (slice(2, 9), slice(1, 14), slice(5, 6))


@pytest.fixture
def volume(rng: np.random.Generator) -> AnyArray:
    return rng.integers(1, 60000, (10, 17, 12)).astype(np.uint16)


@pytest.mark.parametrize("kind", ["zarr", "shards", "h5", "tif"])
def test_a_box_of_every_format(kind: str, store: Callable[..., str], tmp_path: Path, volume: AnyArray) -> None:
    if kind in ("zarr", "shards"):
        path = store(
            "a", volume, **({"shards": (8, 16, 8)} if kind == "shards" else {}), attributes={"resolution": [40, 4, 4]}
        )
    else:
        path = str(write_em_segmentation(tmp_path / f"a.{kind}", volume, spacing=(40, 4, 4)))
    opened = open_volume(path)
    assert (opened.shape, opened.dtype, opened.spacing) == (volume.shape, "uint16", (40, 4, 4))
    assert opened.chunks == {"zarr": (8, 8, 8), "shards": (8, 16, 8), "h5": (10, 17, 12), "tif": None}[kind]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(opened)).read(BOX), volume[BOX])
    part = open_volume(f"{path}@3:9")
    assert part.shape == (6, 17, 12)
    assert part.offset is not None
    assert part.offset[0] == 3 * 40
    np.testing.assert_array_equal(part.read((slice(1, 5), *BOX[1:])), volume[4:8, 1:14, 5:6])


@pytest.mark.parametrize("version", [2, 3])
def test_a_chunk_that_is_not_there_is_named(version: int, store: Callable[..., str], volume: AnyArray) -> None:
    path = Path(store("a", volume, zarr_format=version))
    lost = chunk_file(path, 1, 0, 0)
    lost.unlink()
    opened = open_volume(str(path))
    np.testing.assert_array_equal(opened.read((slice(0, 8), *BOX[1:])), volume[:8, 1:14, 5:6])
    with pytest.raises(ValueError, match=f"`source` needs every chunk, .* lacks {lost}; .* absent_chunks='fill'"):
        opened.read(BOX)
    filled = open_volume(str(path), "fill").read(BOX)
    assert (filled[:6] == volume[BOX][:6]).all()
    assert not filled[6:, :7].any()
    with pytest.raises(ValueError, match="`absent_chunks` needs one of 'error', 'fill', got 'zero'"):
        open_volume(str(path), "zero")


def test_a_chunk_of_hdf5_that_was_never_written_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        made = file.create_dataset("main", (8, 8, 8), "u1", chunks=(4, 8, 8))
        made[:4] = 1
    opened = open_volume(str(tmp_path / "a.h5"))
    assert opened.read((slice(0, 4), slice(0, 8), slice(0, 8))).all()
    with pytest.raises(ValueError, match=r"lacks chunk \(4, 0, 0\) of /main"):
        opened.read((slice(2, 6), slice(0, 8), slice(0, 8)))
    assert not open_volume(str(tmp_path / "a.h5"), "fill").read((slice(4, 6), slice(0, 8), slice(0, 8))).any()


@pytest.mark.parametrize("compressor", ["none", "zstd", "blosc"])
def test_a_chunk_that_is_cut_short_is_an_error(compressor: str, store: Callable[..., str], volume: AnyArray) -> None:
    path = Path(store("a", volume, codec=compressor))
    chunk = chunk_files(path)[0]
    os.truncate(chunk, chunk.stat().st_size // 2)
    with pytest.raises(ValueError, match=str(path)):
        open_volume(str(path)).read(BOX)


def test_the_digest_notices_a_chunk_that_changed(store: Callable[..., str], volume: AnyArray) -> None:
    path = Path(store("a", volume))
    opened = open_volume(str(path))
    before = opened.digest()
    assert open_volume(str(path)).digest() == before
    os.utime(chunk_files(path)[0], (1, 1))
    assert opened.digest() != before


def test_what_is_no_volume(store: Callable[..., str], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`source` needs a volume \(z, y, x\), got shape \(4, 5\)"):
        open_volume(store("flat", np.zeros((4, 5)), chunks=(4, 4)))
    with pytest.raises(ValueError, match="`source` needs an existing file or folder"):
        open_volume(tmp_path / "nowhere.zarr")


def test_scales_of_an_ome_store(volume: AnyArray, tmp_path: Path) -> None:
    """The first scale is read, whatever others there are; one that is stated and not there is an error."""
    group = tmp_path / "scales.zarr"
    make_group(group, 2)
    scales = [
        {"path": name, "coordinateTransformations": [{"type": "scale", "scale": [size] * 3}]}
        for size, name in ((8, "0"), (16, "1"))
    ]
    axes = [{"name": a, "type": "space", "unit": "nanometer"} for a in "zyx"]
    attributes = {"multiscales": [{"version": "0.4", "axes": axes, "datasets": scales}]}
    (group / ".zattrs").write_text(json.dumps(attributes))
    with pytest.raises(ValueError, match=r"scales\.zarr"):
        open_volume(group)
    for name, values in (("0", volume), ("1", volume[::2, ::2, ::2])):
        make_array(group / name, data=values, chunks=(5, 6, 6), zarr_format=2)
    opened = open_volume(group)
    assert (opened.shape, opened.spacing) == (volume.shape, (8, 8, 8))


def test_voxel_size(store: Callable[..., str], volume: AnyArray) -> None:
    without = open_volume(store("a", volume))
    stated = open_volume(store("b", volume, attributes={"resolution": [40, 4, 4]}))
    assert voxel_size(None, without, stated) == (40, 4, 4)
    assert voxel_size(8, without, stated) == (8, 8, 8)
    assert voxel_size(None, without) is None
    with pytest.raises(
        ValueError, match=r"`spacing` needs 3 entries \(nm per axis\) for a border: no volume states any"
    ):
        voxel_size(None, without, needed_for="a border")
    with pytest.raises(ValueError, match=r"`spacing` needs 3 entries \(nm per axis\), got 2"):
        voxel_size((4, 4), without)


def test_one_grid_is_one_place_voxel_by_voxel() -> None:
    def stating(spacing: tuple[float, ...] | None, offset: tuple[float, ...] | None = None) -> VolumeSource:
        return VolumeSource("a", (2, 2, 2), "uint8", None, spacing, offset)

    one = stating((40, 4, 4), (400, 0, 0))
    rounded = stating((40.01, 4, 4), (400.4, 0.3, 0))
    for other in (one, rounded, stating((40, 4, 4)), stating(None), stating(None, (9, 9, 9))):
        check_one_volume_grid("pred", other, "truth", one, given=False)
        check_one_volume_grid("pred", one, "truth", other, given=False)
    for other, words in [
        (stating((40, 4, 8), (400, 0, 0)), "voxels of 40, 4, 8 against 40, 4, 4 nm. If"),
        (stating((40, 4, 4), (440, 0, 0)), "offsets of 440, 0, 0 against 400, 0, 0 nm. If"),
    ]:
        with pytest.raises(ValueError, match=f"`pred` needs the grid of `truth`, got {words}"):
            check_one_volume_grid("pred", other, "truth", one, given=False)
        check_one_volume_grid("pred", other, "truth", one, given=True)
