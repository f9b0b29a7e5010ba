# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from monai_boundary.data.em_arrays import list_datasets, pick_dataset
from monai_boundary.data.em_open import open_em_stack, read_em_source
from monai_boundary.data.em_picture import list_pictures
from monai_boundary.data.em_source import GEOMETRY_FILE, EMGeometry, EMSource

TIF_KINDS = {
    "plain": {"photometric": "minisblack"},
    "planes": {"photometric": "rgb", "planarconfig": "separate"},
    "bare": {"photometric": "minisblack", "metadata": None},
    "imagej": {"imagej": True, "metadata": {"axes": "ZYX"}},
    "zlib": {"photometric": "minisblack", "compression": "zlib"},
    "bigtiff": {"photometric": "minisblack", "bigtiff": True, "metadata": None},
}


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


# --- pictures


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_picture_keeps_rows_and_columns(tmp_path, rng, suffix):
    values = rng.integers(0, 255, (5, 9)).astype(np.uint8)
    Image.fromarray(values).save(tmp_path / f"a{suffix}")
    read, geometry = read_em_source(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(read, values)
    assert geometry == EMGeometry()


def test_picture_modes(tmp_path):
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    pictures = {
        "bits": (Image.fromarray(grey > 5), (grey > 5).astype(np.uint8)),
        "sixteen": (Image.fromarray(grey.astype(np.uint16) * 5000), grey.astype(np.uint16) * 5000),
        "rgb": (Image.fromarray(grey).convert("RGB"), grey),
        "rgba": (Image.fromarray(grey).convert("RGBA"), grey),
        "la": (Image.fromarray(grey).convert("LA"), grey),
        "p": (Image.fromarray(grey).convert("P"), grey),
    }
    indexed = Image.fromarray(grey).convert("P")
    indexed.putpalette([c for k in range(256) for c in (k, 255 - k, 7)])
    pictures["colours"] = (indexed, grey)
    for name, (picture, expected) in pictures.items():
        picture.save(tmp_path / f"{name}.png")
        read, _ = read_em_source(tmp_path / f"{name}.png")
        np.testing.assert_array_equal(read, expected, err_msg=name)
        with open_em_stack(tmp_path / f"{name}.png") as stack:
            assert stack.dtype == read.dtype == expected.dtype, name


def test_colour_is_refused(tmp_path):
    Image.fromarray(np.arange(36, dtype=np.uint8).reshape(3, 4, 3)).save(tmp_path / "c.png")
    with pytest.raises(ValueError, match=r"needs grey values, got colour \(mode RGB\) in .*c.png"):
        read_em_source(tmp_path / "c.png")
    tifffile.imwrite(tmp_path / "c.tif", np.arange(36, dtype=np.uint8).reshape(3, 4, 3), photometric="rgb")
    with pytest.raises(ValueError, match=r"needs grey values, got colour of shape \(3, 4, 3\) in .*c.tif"):
        read_em_source(tmp_path / "c.tif")


@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.9])
def test_cut_png_is_named(tmp_path, rng, kept):
    path = tmp_path / "07.png"
    Image.fromarray(rng.integers(0, 255, (64, 64)).astype(np.uint8)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(ValueError, match=r"could not read .*07.png"):
        read_em_source(path)


# --- TIF


@pytest.mark.parametrize("kind", TIF_KINDS)
def test_tif_stack_whole_section_and_block(tmp_path, volume, kind):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, volume, **TIF_KINDS[kind])
    np.testing.assert_array_equal(read_em_source(path)[0], volume)
    np.testing.assert_array_equal(read_em_source(f"{path}@2")[0], volume[2])
    np.testing.assert_array_equal(read_em_source(f"{path}@1:3")[0], volume[1:3])


@pytest.mark.parametrize("kind", TIF_KINDS)
@pytest.mark.parametrize("kept", [0.01, 0.5, 0.95])
def test_cut_tif_is_named(tmp_path, volume, kind, kept):
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, volume, **TIF_KINDS[kind])
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(ValueError, match=r"cut.tif"):
        read_em_source(path)


def test_single_page_tif_is_a_section(tmp_path, volume):
    tifffile.imwrite(tmp_path / "a.tif", volume[0], photometric="minisblack")
    assert read_em_source(tmp_path / "a.tif")[0].shape == (20, 30)


@pytest.mark.parametrize(("unit", "scale"), [("nm", 1.0), ("um", 1000.0), ("micron", 1000.0)])
def test_imagej_spacing(tmp_path, volume, unit, scale):
    meta = {"axes": "ZYX", "spacing": 50 / scale, "unit": unit}
    tifffile.imwrite(tmp_path / "a.tif", volume, imagej=True, resolution=(scale / 5, scale / 4), metadata=meta)
    spacing = read_em_source(tmp_path / "a.tif")[1].spacing
    assert spacing == pytest.approx((50, 4, 5)), "x resolution is the last axis"


def test_tif_without_a_known_unit_takes_the_sidecar(tmp_path, volume):
    tifffile.imwrite(tmp_path / "a.tif", volume, imagej=True, resolution=(0.2, 0.2), metadata={"axes": "ZYX"})
    assert read_em_source(tmp_path / "a.tif")[1] == EMGeometry()
    (tmp_path / GEOMETRY_FILE).write_text('{"spacing_nm": [50, 4, 4]}')
    assert read_em_source(tmp_path / "a.tif")[1].spacing == (50, 4, 4)
    assert read_em_source(f"{tmp_path / 'a.tif'}@1")[1].spacing == (4, 4)


# --- HDF5


def test_cremi_geometry_of_sections_and_blocks(tmp_path, volume):
    write_cremi(tmp_path / "a.hdf", volume, volume.astype(np.uint64), offset=(400.0, 8.0, 0.0))
    source = f"{tmp_path / 'a.hdf'}::volumes/raw"
    read, geometry = read_em_source(source)
    np.testing.assert_array_equal(read, volume)
    assert geometry == EMGeometry((40, 4, 4), (400, 8, 0))
    section, geometry = read_em_source(f"{source}@3")
    np.testing.assert_array_equal(section, volume[3])
    assert geometry == EMGeometry((4, 4), (8, 0))
    block, geometry = read_em_source(f"{source}@1:3")
    np.testing.assert_array_equal(block, volume[1:3])
    assert geometry == EMGeometry((40, 4, 4), (440, 8, 0)), "the block starts one section further on"


def test_block_without_a_stated_offset_starts_at_its_section(tmp_path, volume):
    write_cremi(tmp_path / "a.hdf", volume, volume)
    assert read_em_source(f"{tmp_path / 'a.hdf'}::volumes/raw@2:4")[1].offset == (80, 0, 0)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("resolution", [40, 4, 4]), ("voxel_size", [40, 4, 4]), ("element_size_um", [0.04, 0.004, 0.004])],
)
def test_other_attributes_and_attributes_of_the_file(tmp_path, volume, attribute, value):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["stack"] = volume
        file.attrs[attribute] = value
    assert read_em_source(tmp_path / "a.h5")[1].spacing == pytest.approx((40, 4, 4))


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


def test_only_the_asked_sections_are_read(tmp_path, volume):
    write_cremi(tmp_path / "a.h5", volume, volume)
    with open_em_stack(f"{tmp_path / 'a.h5'}::volumes/raw@2") as stack:
        asked = []
        fetch = stack.fetch
        object.__setattr__(stack, "fetch", lambda part: asked.append(part) or fetch(part))
        stack.read()
    assert asked == [slice(2, 3)]


@pytest.mark.parametrize("asked", ["@4", "@2:5", "@9:12"])
def test_sections_beyond_the_stack_are_refused(tmp_path, volume, asked):
    write_cremi(tmp_path / "a.h5", volume, volume)
    with pytest.raises(ValueError, match=rf"needs sections within 0..3, got .*{asked}"):
        read_em_source(f"{tmp_path / 'a.h5'}::volumes/raw{asked}")


# --- Zarr


@pytest.mark.parametrize("version", [2, 3])
def test_zarr_store(tmp_path, volume, version):
    path = tmp_path / "a.zarr"
    root = zarr.open_group(str(path), mode="w", zarr_format=version)
    made = root.create_array("volumes/raw", shape=volume.shape, chunks=(1, 20, 30), dtype=volume.dtype)
    made[:] = volume
    made.attrs["resolution"] = [40, 4, 4]
    made.attrs["offset"] = [80, 0, 4]
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
    made = zarr.create_array(str(path), shape=volume.shape, chunks=(1, 20, 30), dtype=volume.dtype, zarr_format=version)
    made[:] = volume
    np.testing.assert_array_equal(read_em_source(f"{path}@1:3")[0], volume[1:3])


def test_damaged_zarr_chunk_is_named(tmp_path, volume):
    path = tmp_path / "a.zarr"
    root = zarr.open_group(str(path), mode="w", zarr_format=3)
    root.create_array("raw", shape=volume.shape, chunks=(1, 20, 30), dtype=volume.dtype)[:] = volume
    chunk = path / "raw" / "c" / "2" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:20])
    np.testing.assert_array_equal(read_em_source(f"{path}::raw@1")[0], volume[1])
    with pytest.raises(ValueError, match=r"could not read .*a.zarr::raw@2"):
        read_em_source(f"{path}::raw@2")


# --- folders, and what is no source


def test_folder_is_a_stack_in_natural_order(tmp_path, volume):
    for k in (0, 1, 2, 3):
        Image.fromarray(volume[k]).save(tmp_path / f"s{k * 5}.png")
    (tmp_path / "notes.txt").touch()
    Image.fromarray(volume[0]).save(tmp_path / ".hidden.png")
    assert [p.name for p in list_pictures(tmp_path)] == ["s0.png", "s5.png", "s10.png", "s15.png"]
    np.testing.assert_array_equal(read_em_source(tmp_path)[0], volume)
    np.testing.assert_array_equal(read_em_source(f"{tmp_path}@1:3")[0], volume[1:3])
    np.testing.assert_array_equal(read_em_source(f"{tmp_path}@2")[0], volume[2])


def test_folder_with_a_section_of_another_shape(tmp_path, volume):
    Image.fromarray(volume[0]).save(tmp_path / "0.png")
    Image.fromarray(volume[1, :10]).save(tmp_path / "1.png")
    with pytest.raises(ValueError, match=r"sections of one shape, \(20, 30\), got \(10, 30\) in .*1.png"):
        read_em_source(tmp_path)


def test_folder_with_a_cut_section_names_the_section(tmp_path, volume):
    for k in range(2):
        Image.fromarray(volume[k]).save(tmp_path / f"{k}.png")
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:200])
    with pytest.raises(ValueError, match=r"could not read .*1\.png"):
        read_em_source(tmp_path)


def test_folder_of_stacks_is_no_stack(tmp_path, volume):
    tifffile.imwrite(tmp_path / "0.tif", volume, photometric="minisblack")
    with pytest.raises(ValueError, match=r"folder of single sections, got the stack .*0.tif"):
        read_em_source(tmp_path)


def test_what_is_no_source(tmp_path):
    with pytest.raises(ValueError, match=r"needs an existing file or folder, got .*none.png"):
        read_em_source(tmp_path / "none.png")
    with pytest.raises(ValueError, match="needs a folder with pictures"):
        read_em_source(tmp_path)
    (tmp_path / "a.doc").touch()
    with pytest.raises(ValueError, match=r"needs one of \.png .* or a folder, got .*a.doc"):
        read_em_source(tmp_path / "a.doc")


def test_errors_of_the_callers_own_block_pass_through(tmp_path, volume):
    write_cremi(tmp_path / "a.h5", volume, volume)
    Image.fromarray(volume[0]).save(tmp_path / "0.png")
    tifffile.imwrite(tmp_path / "a.tif", volume, photometric="minisblack")
    for source in (f"{tmp_path / 'a.h5'}::volumes/raw", tmp_path / "0.png", tmp_path / "a.tif"):
        with pytest.raises(KeyError, match="mine"), open_em_stack(source):
            raise KeyError("mine")


def test_the_file_is_closed_when_the_block_ends(tmp_path, volume):
    write_cremi(tmp_path / "a.h5", volume, volume)
    read_em_source(EMSource(tmp_path / "a.h5", "volumes/raw"))
    with h5py.File(tmp_path / "a.h5", "a") as file:  # refused while another handle reads
        file.attrs["x"] = 1
    shutil.rmtree(tmp_path)
