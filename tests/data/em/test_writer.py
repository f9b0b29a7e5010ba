# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import resource
import signal

import h5py
import nibabel
import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.data import MetaTensor, NibabelReader
from monai.transforms import Compose, Flipd, LoadImage, LoadImaged, SpatialCropd

from monai_boundary.data import EMReader, SaveEMSegmentationd, read_em_source, write_em_hdf5, write_em_segmentation
from monai_boundary.data.em.writer import em_output_names

FORMATS = (".h5", ".hdf", ".tif", ".nii", ".nii.gz")
SPACING, OFFSET = (50.0, 4.0, 6.0), (100.0, 8.0, 0.5)


@pytest.fixture
def ids(rng):
    return rng.integers(0, 900, (4, 12, 15))


def left_over(folder):
    return sorted(p.name for p in folder.iterdir())


# --- round trips


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize(
    ("largest", "stored"),
    [(9, "uint16"), (65535, "uint16"), (65536, "uint32"), (2**32 - 1, "uint32"), (2**32, "uint64")],
)
def test_ids_come_back_with_type_axes_and_geometry(tmp_path, ids, suffix, ndim, largest, stored):
    ids = ids[0] if ndim == 2 else ids
    ids.flat[7] = largest
    path = write_em_segmentation(tmp_path / f"a{suffix}", ids, spacing=SPACING[-ndim:], offset=OFFSET[-ndim:])
    read, geometry = read_em_source(path)
    np.testing.assert_array_equal(read, ids.astype(np.uint64))
    assert read.dtype == stored
    assert geometry.spacing == SPACING[-ndim:]
    assert geometry.offset == OFFSET[-ndim:]
    assert left_over(tmp_path) == [f"a{suffix}"]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("depth", [1, 3, 4])
def test_probabilities_and_depths_that_look_like_colour(tmp_path, rng, suffix, depth):
    values = rng.random((depth, 6, 4))
    path = write_em_segmentation(tmp_path / f"a{suffix}", values, spacing=SPACING)
    read, geometry = read_em_source(path)
    np.testing.assert_array_equal(read, values.astype(np.float32))
    assert geometry.offset == (0, 0, 0)


@pytest.mark.parametrize("suffix", FORMATS)
def test_sections_of_what_was_written(tmp_path, ids, suffix):
    path = write_em_segmentation(tmp_path / f"a{suffix}", ids, spacing=SPACING, offset=OFFSET)
    for source in (f"{path}@2", f"{path}@1:3"):
        read, geometry = read_em_source(source)
        np.testing.assert_array_equal(read, ids[2] if source.endswith("2") else ids[1:3])
        assert geometry.spacing == SPACING[-read.ndim :]
        assert geometry.offset == ((150.0, 8.0, 0.5) if read.ndim == 3 else (8.0, 0.5))


@given(
    spacing=st.tuples(*[st.floats(0.1, 5000).map(lambda v: round(v, 3))] * 3),
    offset=st.tuples(*[st.floats(-9e5, 9e5).map(lambda v: round(v, 1))] * 3),
)
def test_any_geometry_survives(tmp_path_factory, spacing, offset):
    folder = tmp_path_factory.mktemp("geometry")
    for suffix, tolerance in ((".h5", 0), (".tif", 0), (".nii", 1e-6)):
        for dtype in (np.uint16, np.uint32):
            path = folder / f"a{suffix}"
            ones = np.ones((2, 3, 4), dtype)
            write_em_segmentation(path, ones, spacing=spacing, offset=offset, dtype=dtype, overwrite=True)
            geometry = read_em_source(path)[1]
            np.testing.assert_allclose(geometry.spacing, spacing, rtol=tolerance)
            np.testing.assert_allclose(geometry.offset, offset, rtol=tolerance, atol=1e-6 * (suffix == ".nii"))


@pytest.mark.parametrize("suffix", FORMATS)
def test_no_spacing_is_stated_when_none_is_known(tmp_path, ids, suffix):
    path = write_em_segmentation(tmp_path / f"a{suffix}", ids, spacing=None)
    read, geometry = read_em_source(path)
    np.testing.assert_array_equal(read, ids)
    assert geometry.spacing is None


@pytest.mark.parametrize("suffix", FORMATS)
def test_tensors_booleans_and_a_forced_type(tmp_path, suffix):
    mask = torch.zeros(2, 5, 6, dtype=torch.bool)
    mask[1, 2] = True
    read, _ = read_em_source(write_em_segmentation(tmp_path / f"a{suffix}", mask, spacing=SPACING))
    np.testing.assert_array_equal(read, mask.numpy())
    assert read.dtype == np.uint8
    path = write_em_segmentation(tmp_path / f"b{suffix}", mask.int(), spacing=SPACING, dtype=np.uint64)
    assert read_em_source(path)[0].dtype == np.uint64


# --- what the formats promise to other programs


def test_hdf5_is_in_the_layout_of_cremi(tmp_path, ids):
    path = write_em_segmentation(tmp_path / "a.hdf", ids, spacing=SPACING, offset=OFFSET)
    with h5py.File(path) as file:
        made = file["volumes/labels/neuron_ids"]
        np.testing.assert_array_equal(made[:], ids)
        assert tuple(made.attrs["resolution"]) == SPACING
        assert tuple(made.attrs["offset"]) == OFFSET
    path = write_em_segmentation(tmp_path / "p.hdf", ids / 900, spacing=SPACING)
    with h5py.File(path) as file:
        assert list(file["volumes"]) == ["predictions"]
    path = write_em_segmentation(tmp_path / "q.hdf", ids, spacing=SPACING, dataset="seg/mine")
    with h5py.File(path) as file:
        assert file["seg/mine"].shape == ids.shape


def test_several_datasets_in_one_file(tmp_path, ids):
    arrays = {"volumes/raw": ids.astype(np.uint8), "volumes/labels/neuron_ids": ids.astype(np.uint64)}
    path = write_em_hdf5(tmp_path / "a.h5", arrays, spacing=SPACING)
    with h5py.File(path) as file:
        for name, values in arrays.items():
            np.testing.assert_array_equal(file[name][:], values)
            assert file[name].dtype == values.dtype
            assert tuple(file[name].attrs["offset"]) == (0, 0, 0)


@pytest.mark.parametrize(("dtype", "unit"), [(np.uint16, "nm"), (np.float32, "nm"), (np.uint32, None)])
def test_tif_has_a_page_per_section_and_a_resolution(tmp_path, ids, dtype, unit):
    path = write_em_segmentation(tmp_path / "a.tif", ids, spacing=SPACING, dtype=dtype)
    with tifffile.TiffFile(path) as file:
        np.testing.assert_array_equal(file.asarray(), ids)
        assert len(file.pages) == len(ids)
        tags = file.pages[0].tags
        per_unit = [tags[name].value[0] / tags[name].value[1] for name in ("XResolution", "YResolution")]
        if unit:
            assert file.imagej_metadata["unit"] == "nm"
            assert file.imagej_metadata["spacing"] == 50
            assert per_unit == pytest.approx([1 / 6, 1 / 4])
        else:
            assert tags["ResolutionUnit"].value.name == "CENTIMETER"
            assert per_unit == pytest.approx(
                [1e7 / 6, 1e7 / 4], rel=1e-5
            )  # tifffile of Python 3.10 rounds the fraction


def test_nifti_is_in_micrometres_and_x_y_z(tmp_path, ids):
    path = write_em_segmentation(tmp_path / "a.nii.gz", ids, spacing=SPACING, offset=OFFSET)
    image = nibabel.load(path)
    assert image.header.get_xyzt_units()[0] == "micron"
    np.testing.assert_array_equal(np.asarray(image.dataobj), ids.transpose(2, 1, 0))
    np.testing.assert_allclose(np.diag(image.affine), [0.006, 0.004, 0.05, 1])
    np.testing.assert_allclose(image.affine[:3, 3], [0.0005, 0.008, 0.1], rtol=1e-6)
    other = LoadImage(reader=NibabelReader)(path)
    np.testing.assert_array_equal(other.numpy(), ids.transpose(2, 1, 0))


def test_nifti_of_someone_else_in_millimetres_states_no_em_spacing(tmp_path):
    image = nibabel.Nifti1Image(np.ones((4, 5, 6), np.uint8), np.diag([0.8, 0.8, 5, 1]))
    image.header.set_xyzt_units("mm")
    nibabel.save(image, tmp_path / "a.nii")
    read, geometry = read_em_source(tmp_path / "a.nii")
    assert read.shape == (6, 5, 4)
    assert geometry.spacing is None


# --- whole or not at all


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_there_stays_unless_asked(tmp_path, ids, suffix):
    path = write_em_segmentation(tmp_path / f"a{suffix}", ids, spacing=SPACING)
    with pytest.raises(ValueError, match=rf"`path` needs a new name, or overwrite=True .*a\{suffix}"):
        write_em_segmentation(path, ids + 1, spacing=SPACING)
    np.testing.assert_array_equal(read_em_source(path)[0], ids)
    write_em_segmentation(path, ids + 1, spacing=SPACING, overwrite=True)
    np.testing.assert_array_equal(read_em_source(path)[0], ids + 1)
    assert left_over(tmp_path) == [f"a{suffix}"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_full_disk_names_the_file_and_leaves_the_old_one(tmp_path, rng, suffix, monkeypatch):
    path = write_em_segmentation(tmp_path / f"a{suffix}", np.ones((2, 8, 8), int), spacing=SPACING)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # no file may grow beyond that
    try:
        with pytest.raises(OSError, match=rf"could not write .*a\{suffix}: "):
            write_em_segmentation(path, rng.integers(0, 60000, (9, 64, 64)), spacing=SPACING, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert left_over(tmp_path) == [f"a{suffix}"]


def test_missing_folders_are_made(tmp_path, ids):
    assert write_em_segmentation(tmp_path / "x" / "y" / "a.h5", ids, spacing=SPACING).is_file()


@pytest.mark.parametrize(
    ("array", "kwargs", "words"),
    [
        (np.array([[-1, 2]]), {}, "`array` needs ids >= 0, got -1"),
        (np.zeros(4, int), {}, r"`array` needs shape \(z, y, x\) or \(y, x\), got \(4,\)"),
        (np.zeros((1, 2, 3, 4), int), {}, "`array` needs shape"),
        (np.zeros((0, 3), int), {}, "`array` needs shape"),
        (np.zeros((2, 3), int), {"spacing": (1.0, 2.0, 3.0)}, r"`spacing` needs 2 entries \(nm per axis\), got 3"),
        (np.zeros((2, 3), int), {"offset": (1.0,)}, r"`offset` needs 2 finite entries \(nm per axis\), got \(1.0,\)"),
        (np.zeros((2, 3), int), {"path": "a.png"}, r"`path` needs a suffix of .h5 .* got .*a.png"),
    ],
)
def test_bad_arguments(tmp_path, array, kwargs, words):
    path = tmp_path / kwargs.pop("path", "a.h5")
    with pytest.raises(ValueError, match=words):
        write_em_segmentation(path, array, **{"spacing": (4.0, 4.0)[: array.ndim], **kwargs})
    assert left_over(tmp_path) == []


# --- the transform


@pytest.fixture
def source(tmp_path, ids):
    raw = (ids % 256).astype(np.uint8)
    return write_em_hdf5(tmp_path / "in" / "sample_A.hdf", {"volumes/raw": raw}, spacing=SPACING, offset=OFFSET)


@pytest.mark.parametrize("extension", [".h5", ".tif", ".nii.gz"])
@pytest.mark.parametrize(
    ("asked", "name"), [("", "sample_A"), ("@2", "sample_A_s0002"), ("@1:3", "sample_A_s0001-0002")]
)
def test_transform_writes_with_the_sources_geometry(tmp_path, source, extension, asked, name):
    data = LoadImaged("image", reader=EMReader, ensure_channel_first=True)({"image": f"{source}::volumes/raw{asked}"})
    data["pred"] = (data["image"] > 100).int()
    out = SaveEMSegmentationd("pred", tmp_path / "out", extension=extension)(data)
    assert out["pred_saved"] == str(tmp_path / "out" / f"{name}_seg{extension}")
    assert "pred_saved" not in data
    saved = LoadImage(reader=EMReader, ensure_channel_first=True)(out["pred_saved"])
    np.testing.assert_array_equal(saved.numpy(), data["pred"].numpy())
    np.testing.assert_allclose(saved.affine.numpy(), data["image"].affine.numpy(), rtol=1e-12)


def test_transform_after_a_crop(tmp_path, source):
    keys = {"image": f"{source}::volumes/raw"}
    crop = SpatialCropd("image", roi_start=(1, 2, 3), roi_end=(3, 9, 9))
    data = Compose([LoadImaged("image", reader=EMReader, ensure_channel_first=True), crop])(keys)
    saved = SaveEMSegmentationd("image", tmp_path / "out", dtype=np.uint8)(data)["image_saved"]
    assert read_em_source(saved)[1].offset == (150, 16, 18.5)


def test_transform_refuses_a_flip_that_was_not_inverted(tmp_path, source):
    load = LoadImaged("image", reader=EMReader, ensure_channel_first=True)
    data = Compose([load, Flipd("image", 1)])({"image": f"{source}::volumes/raw"})
    with pytest.raises(ValueError, match="`affine` needs a positive diagonal"):
        SaveEMSegmentationd("image", tmp_path / "out")(data)


def test_transform_takes_the_geometry_of_another_key(tmp_path, source):
    data = LoadImaged("image", reader=EMReader, ensure_channel_first=True)({"image": f"{source}::volumes/raw"})
    data["pred"] = torch.ones(1, 4, 12, 15)
    data["ids"] = torch.ones(1, 4, 12, 15, dtype=torch.int32)
    save = SaveEMSegmentationd(["pred", "ids"], tmp_path / "out", postfix=["membrane", "cells"], meta_from="image")
    out = save(data)
    assert left_over(tmp_path / "out") == ["sample_A_cells.h5", "sample_A_membrane.h5"]
    assert read_em_source(out["ids_saved"])[1].spacing == SPACING
    assert read_em_source(out["pred_saved"])[0].dtype == np.float32


def test_transform_states_no_spacing_that_it_does_not_know(tmp_path):
    data = {"pred": MetaTensor(torch.ones(1, 3, 4), affine=torch.eye(3), meta={"units": "voxel"})}
    assert read_em_source(SaveEMSegmentationd("pred", tmp_path)(data)["pred_saved"])[1].spacing is None


def test_transform_names_folders_of_sections_after_the_data_set(tmp_path, ids):
    folder = tmp_path / "isbi" / "image"
    for k in range(2):
        write_em_segmentation(folder / f"{k}.tif", ids[k], spacing=None)
    data = LoadImaged("image", reader=EMReader, ensure_channel_first=True)({"image": str(folder)})
    assert SaveEMSegmentationd("image", tmp_path)(data)["image_saved"].endswith("/isbi_seg.h5")


def test_no_two_sources_get_one_name(tmp_path, ids):
    """Dots, folders and sections: each source has its own output, also when nobody knows all sources before."""
    sources = [
        "in/a.1.tif",
        "in/a.2.tif",
        "A/image/x.tif",
        "B/image/x.tif",
        "in/sample.A.tif",
        "in/a.tif",
        "b/in/a.tif",
    ]
    save = SaveEMSegmentationd("image", tmp_path / "out", extension=".h5", meta_from="image")
    load = LoadImaged("image", reader=EMReader, ensure_channel_first=True)
    for k, source in enumerate(sources):
        write_em_segmentation(tmp_path / source, ids + 1000 * k, spacing=None)
        save(load({"image": str(tmp_path / source)}))
        save.overwrite = True
        save(load({"image": str(tmp_path / source)}))  # the same source again has the same name
        save.overwrite = False
    assert left_over(tmp_path / "out") == sorted(
        f"{name}_seg.h5" for name in ("a.1", "a.2", "x", "image_x", "sample.A", "a", "in_a")
    )
    values = sorted(int(read_em_source(path)[0].max()) // 1000 for path in (tmp_path / "out").iterdir())
    assert values == list(range(len(sources)))


def test_the_item_may_say_the_name(tmp_path):
    save = SaveEMSegmentationd("pred", tmp_path, extension=".tif")
    data = {"pred": MetaTensor(torch.ones(1, 3, 4), affine=torch.eye(3)), "output_name": "A_x.1"}
    assert save(data)["pred_saved"] == str(tmp_path / "A_x.1_seg.tif")
    with pytest.raises(ValueError, match=r"needs a new name, or overwrite=True .*A_x\.1_seg\.tif"):
        save(data)


def test_names_of_sources(tmp_path):
    for name in ("v1.2/image", "v1.3/image", "flat.x"):
        (tmp_path / name).mkdir(parents=True)
    folders = [str(tmp_path / name) for name in ("v1.2/image", "v1.3/image", "flat.x")]
    assert em_output_names(folders) == ["v1.2", "v1.3", "flat.x"]
    assert em_output_names(["a/t.tif@0", "a/t.tif@1", "b/t.tif@1"]) == ["a_t_s0000", "a_t_s0001", "b_t_s0001"]


def test_a_folder_that_cannot_be_written_is_found_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"needs a folder that can be written, got .*file"):
        SaveEMSegmentationd("pred", tmp_path / "file")


def test_transform_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match="`extension` needs one of"):
        SaveEMSegmentationd("pred", tmp_path, extension=".png")
    with pytest.raises(ValueError, match=r"`postfix` needs 2 entries, got \['a'\]"):
        SaveEMSegmentationd(["pred", "x"], tmp_path, postfix=["a"])
    with pytest.raises(ValueError, match=r"`pred` needs shape \(1, z, y, x\) or \(1, y, x\), got \(2, 4, 4\)"):
        SaveEMSegmentationd("pred", tmp_path)({"pred": torch.ones(2, 4, 4)})
    with pytest.raises(KeyError):
        SaveEMSegmentationd("pred", tmp_path)({})
    assert SaveEMSegmentationd("pred", tmp_path, allow_missing_keys=True)({}) == {}
