# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import h5py
import numpy as np
import pytest

from monai_boundary.data.em.arrays import list_datasets, pick_dataset
from monai_boundary.data.em.geometry import EMGeometry
from monai_boundary.data.em.open import read_em_source
from tests.zarr_stores import make_array, make_group


@pytest.fixture
def volume(rng):
    return rng.integers(0, 60000, (4, 20, 30)).astype(np.uint16)


def write_cremi(path, raw, ids, resolution=(40.0, 4.0, 4.0), offset=None):
    with h5py.File(path, "w") as file:
        for name, values in (("volumes/raw", raw), ("volumes/labels/neuron_ids", ids)):
            made = file.create_dataset(name, data=values)
            made.attrs["resolution"] = resolution
            if offset is not None:
                made.attrs["offset"] = offset


def test_missing_dataset_lists_what_is_there(tmp_path, volume):
    write_cremi(tmp_path / "a.hdf", volume, volume)
    listed = r"It holds: volumes/labels/neuron_ids \(4, 20, 30\), volumes/raw \(4, 20, 30\)"
    with pytest.raises(ValueError, match=rf"`dataset` needs a dataset of .*a.hdf, got 'volumes/row'. {listed}"):
        read_em_source(f"{tmp_path / 'a.hdf'}::volumes/row")
    with pytest.raises(ValueError, match=r"got 'volumes'\. It holds"):
        read_em_source(f"{tmp_path / 'a.hdf'}::volumes")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["x"] = volume
        file["y"] = volume
    with pytest.raises(ValueError, match=r"`dataset` needs a name, .*b.h5 holds none of .* It holds: x .*, y"):
        read_em_source(tmp_path / "b.h5")
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with pytest.raises(ValueError, match=r"It holds: nothing"):
        read_em_source(tmp_path / "empty.h5")


def test_only_dataset_is_taken(tmp_path, volume):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["odd/name"] = volume
    assert pick_dataset(tmp_path / "a.h5", None) == "odd/name"
    assert list_datasets(tmp_path / "a.h5") == {"odd/name": (4, 20, 30)}


def test_leading_axes_of_length_one_are_dropped(tmp_path, volume):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"] = volume[None]
        file["two"] = np.stack([volume, volume])
        file["line"] = volume[0, 0]
    np.testing.assert_array_equal(read_em_source(f"{tmp_path / 'a.h5'}::raw@1")[0], volume[1])
    for name in ("two", "line"):
        with pytest.raises(ValueError, match=r"`dataset` needs 2 or 3 spatial axes, got shape"):
            read_em_source(f"{tmp_path / 'a.h5'}::{name}")


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.7])
def test_cut_hdf5_is_named(tmp_path, volume, kept):
    path = tmp_path / "cut.h5"
    write_cremi(path, volume, volume)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(ValueError, match=r"could not read .*cut.h5"):
        read_em_source(f"{path}::volumes/raw")


# --- what links lead to


def test_every_link_is_followed(tmp_path, volume):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["deep/ids"] = volume + 1
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["store/one"] = volume
        file["hard"] = file["store/one"]
        file["volumes/raw"] = h5py.SoftLink("/store/one")
        file["volumes/labels"] = h5py.ExternalLink("other.h5", "/deep")
        file["store/up"] = h5py.SoftLink("/")  # leads back
        file["size"] = 3.0
        file["table"] = np.arange(4)
    held = list_datasets(tmp_path / "a.h5")
    assert {name for name, shape in held.items() if shape == volume.shape} >= {
        *("store/one", "hard", "volumes/raw", "volumes/labels/ids")
    }
    for name in ("store/one", "hard", "volumes/raw", "/volumes/raw/"):
        np.testing.assert_array_equal(read_em_source(f"{tmp_path / 'a.h5'}::{name}@1")[0], volume[1])
    np.testing.assert_array_equal(read_em_source(f"{tmp_path / 'a.h5'}::volumes/labels/ids")[0], volume + 1)


def test_names_of_one_array_are_one(tmp_path, volume):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = volume
        file["y"] = file["x"]
        file["note"] = np.arange(3)
    assert pick_dataset(tmp_path / "a.h5", None) == "x", "the only array of voxels, under two names"
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["raw"] = file["x"]
        file["image"] = volume
    with pytest.raises(ValueError, match=r"`dataset` needs a name, since .*a\.h5 holds several: raw, image\."):
        pick_dataset(tmp_path / "a.h5", None)
    assert pick_dataset(tmp_path / "a.h5", None, leave_out=["y"]) == "image"


def test_a_link_that_leads_nowhere_is_named(tmp_path, volume, caplog):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"] = volume
        file["gone"] = h5py.ExternalLink("none.h5", "/x")
        file["lost"] = h5py.SoftLink("/nowhere")
    assert list(list_datasets(tmp_path / "a.h5")) == ["raw"]
    assert "links that lead nowhere: gone, lost" in caplog.text
    with pytest.raises(ValueError, match=r"`dataset` needs a dataset of .*a\.h5, got 'lost'"):
        pick_dataset(tmp_path / "a.h5", "lost")


@pytest.mark.parametrize(
    ("units", "expected"), [("um", (50000.0, 4000.0, 4000.0)), (["nm", "nm", "um"], (50.0, 4.0, 4000.0))]
)
def test_units_of_a_resolution(tmp_path, volume, units, expected):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"] = volume
        file["raw"].attrs["resolution"] = (50.0, 4.0, 4.0)
        file["raw"].attrs["units"] = units
    assert read_em_source(tmp_path / "a.h5")[1].spacing == expected


def test_a_flipped_bit_in_a_compressed_chunk_is_named(tmp_path, volume):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        made = file.create_dataset("raw", data=volume, chunks=(4, 20, 30), compression="gzip")
        place = made.id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[place + 100] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"could not read .*a\.h5"):
        read_em_source(path)


# --- Zarr


@pytest.mark.parametrize("version", [2, 3])
def test_zarr_store(tmp_path, volume, version):
    path = tmp_path / "a.zarr"
    stated = {"resolution": [40, 4, 4], "offset": [80, 0, 4]}
    make_array(make_group(path, version), "volumes/raw", data=volume, chunks=(1, 20, 30), attributes=stated)
    assert list_datasets(path) == {"volumes/raw": volume.shape}
    read, geometry = read_em_source(path)
    np.testing.assert_array_equal(read, volume)
    assert geometry == EMGeometry((40, 4, 4), (80, 0, 4))
    np.testing.assert_array_equal(read_em_source(f"{path}::volumes/raw@2")[0], volume[2])
    with pytest.raises(ValueError, match=r"got 'raw'\. It holds: volumes/raw \(4, 20, 30\)"):
        read_em_source(f"{path}::raw")


@pytest.mark.parametrize("version", [2, 3])
def test_zarr_array_without_a_group(tmp_path, volume, version):
    path = tmp_path / "a.zarr"
    make_array(path, data=volume, chunks=(1, 20, 30), zarr_format=version)
    np.testing.assert_array_equal(read_em_source(f"{path}@1:3")[0], volume[1:3])


def test_damaged_zarr_chunk_is_named(tmp_path, volume):
    path = tmp_path / "a.zarr"
    make_array(make_group(path), "raw", data=volume, chunks=(1, 20, 30))
    chunk = path / "raw" / "c" / "2" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:20])
    np.testing.assert_array_equal(read_em_source(f"{path}::raw@1")[0], volume[1])
    with pytest.raises(ValueError, match=r"could not read .*a.zarr::raw@2"):
        read_em_source(f"{path}::raw@2")


@pytest.mark.parametrize("version", [2, 3])
def test_a_blosc_chunk_that_is_cut_short_is_named(tmp_path, volume, version):
    """Blosc itself decodes such a chunk to anything."""
    group = make_group(tmp_path / "a.zarr", version)
    make_array(group, "raw", data=volume.astype("uint16"), chunks=(2, 20, 30), codec="blosc")
    chunk = tmp_path / "a.zarr" / "raw" / ("1.0.0" if version == 2 else "c/1/0/0")
    chunk.write_bytes(chunk.read_bytes()[:-40])
    np.testing.assert_array_equal(read_em_source(f"{tmp_path / 'a.zarr'}@1")[0], volume[1])
    with pytest.raises(ValueError, match=r"`source` needs whole chunks, .*a\.zarr/raw/.* is cut short"):
        read_em_source(f"{tmp_path / 'a.zarr'}@2")
