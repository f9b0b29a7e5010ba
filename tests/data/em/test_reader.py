# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.data import CacheDataset, DataLoader, Dataset, MetaTensor, decollate_batch
from monai.transforms import (
    Compose,
    Flipd,
    Invertd,
    LoadImage,
    LoadImaged,
    RandCropByPosNegLabeld,
    Spacingd,
    SpatialCropd,
)
from PIL import Image

from monai_boundary.data import EMReader, compact_ids, em_datalist, write_em_hdf5

BIG = 2**60


@pytest.fixture
def cremi(tmp_path, rng):
    raw = rng.integers(0, 255, (5, 32, 48)).astype(np.uint8)
    ids = np.zeros((5, 32, 48), np.uint64)
    ids[:, 1:15] = 7
    ids[:, 17:] = BIG + 1
    path = tmp_path / "a.hdf"
    arrays = {"volumes/raw": raw, "volumes/labels/neuron_ids": ids}
    write_em_hdf5(path, arrays, spacing=(40, 4, 4), offset=(80, 8, 12))
    return path, raw, ids


@pytest.mark.parametrize(
    "reader", ["monai_boundary.data.EMReader", EMReader, EMReader()], ids=["text", "class", "object"]
)
def test_works_in_load_image(cremi, reader):
    path, raw, _ = cremi
    image = LoadImage(reader=reader)(f"{path}::volumes/raw")
    assert isinstance(image, MetaTensor)
    assert image.dtype == torch.float32
    np.testing.assert_array_equal(image.numpy(), raw)
    expected = [[40, 0, 0, 80], [0, 4, 0, 8], [0, 0, 4, 12], [0, 0, 0, 1]]
    np.testing.assert_array_equal(image.affine.numpy(), expected)
    assert image.meta["spacing"] == [40, 4, 4]
    assert image.meta["offset"] == [80, 8, 12]
    assert image.meta["units"] == "nm"
    assert image.meta["dataset"] == "volumes/raw"
    assert image.meta["section"] == -1
    assert image.meta["filename_or_obj"] == f"{path}::volumes/raw"


def test_section(cremi):
    path, raw, _ = cremi
    image = LoadImage(reader=EMReader, ensure_channel_first=True)(f"{path}::volumes/raw@3")
    np.testing.assert_array_equal(image[0].numpy(), raw[3])
    np.testing.assert_array_equal(image.affine.numpy(), [[4, 0, 8], [0, 4, 12], [0, 0, 1]])
    assert image.pixdim.tolist() == [4, 4]
    assert image.meta["section"] == 3
    assert image.meta["spacing"] == [4, 4]


def test_rows_stay_rows_unlike_the_default_reader(tmp_path):
    values = np.arange(15, dtype=np.uint8).reshape(3, 5)
    Image.fromarray(values).save(tmp_path / "a.png")
    np.testing.assert_array_equal(LoadImage(reader=EMReader)(tmp_path / "a.png").numpy(), values)


def test_unknown_spacing_is_said_to_be_in_voxels(tmp_path):
    Image.fromarray(np.ones((4, 4), np.uint8)).save(tmp_path / "a.png")
    image = LoadImage(reader=EMReader)(tmp_path / "a.png")
    assert image.meta["units"] == "voxel"
    assert image.meta["spacing"] == [1, 1]
    image = LoadImage(reader=EMReader(spacing=(50, 4, 6)))(tmp_path / "a.png")
    assert image.meta["units"] == "nm"
    assert image.meta["spacing"] == [4, 6]


def test_given_spacing_wins_and_moves_blocks(cremi):
    path, _, _ = cremi
    block = LoadImage(reader=EMReader(spacing=(30, 5, 5)))(f"{path}::volumes/raw@2:4")
    assert block.meta["spacing"] == [30, 5, 5]
    assert block.meta["offset"] == [80 + 2 * 30, 8, 12]
    with pytest.raises(ValueError, match=r"`spacing` needs 3 entries .* for .*a.hdf::volumes/raw, got \(5.0, 5.0\)"):
        LoadImage(reader=EMReader(spacing=(5, 5)))(f"{path}::volumes/raw")
    assert LoadImage(reader=EMReader(spacing=(5, 5)))(f"{path}::volumes/raw@0").meta["spacing"] == [5, 5]
    assert LoadImage(reader=EMReader(spacing=5.0))(f"{path}::volumes/raw@0").meta["spacing"] == [5, 5]


def test_dataset_argument(cremi):
    path, _, ids = cremi
    labels = LoadImage(reader=EMReader(dataset="volumes/labels/neuron_ids"), dtype=np.int32)(path)
    np.testing.assert_array_equal(labels.numpy() > 0, ids > 0)


def test_uint64_ids_survive_even_the_float32_of_the_default(cremi):
    path, _, ids = cremi
    source = f"{path}::volumes/labels/neuron_ids"
    for dtype in (np.float32, np.int32, np.int64):
        labels = LoadImage(reader=EMReader, dtype=dtype)(source)
        np.testing.assert_array_equal(labels.numpy(), np.select([ids == 7, ids == BIG + 1], [1, 2], 0))


@pytest.mark.parametrize("dtype", [np.uint32, np.int32, np.int64, np.uint64])
def test_ids_up_to_max_id_are_kept(tmp_path, dtype):
    ids = np.array([[0, 5], [2**24, 9]], dtype=dtype)
    write_em_hdf5(tmp_path / "a.h5", {"ids": ids}, spacing=None)
    np.testing.assert_array_equal(LoadImage(reader=EMReader)(tmp_path / "a.h5").numpy(), ids)
    ids[1, 0] += 1
    write_em_hdf5(tmp_path / "a.h5", {"ids": ids}, spacing=None, overwrite=True)
    np.testing.assert_array_equal(LoadImage(reader=EMReader)(tmp_path / "a.h5").numpy(), [[0, 1], [3, 2]])
    kept = LoadImage(reader=EMReader(max_id=2**31 - 1), dtype=np.int32)(tmp_path / "a.h5")
    np.testing.assert_array_equal(kept.numpy(), ids)


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        (np.bool_, np.uint8),
        (np.uint8, np.uint8),
        (np.int16, np.int16),
        (np.uint16, np.int32),
        (np.dtype(">i2"), np.int16),
        (np.dtype(">u8"), np.int32),
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.float64, np.float64),
    ],
)
def test_types_are_ones_that_torch_computes_with(tmp_path, stored, read):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.array([[0, 1], [1, 0]]).astype(stored)
    reader = EMReader()
    values, _ = reader.get_data(reader.read(tmp_path / "a.h5"))
    assert values.dtype == read
    np.testing.assert_array_equal(torch.as_tensor(values), [[0, 1], [1, 0]])


def test_list_of_sources_is_stacked_as_channels(cremi):
    path, raw, _ = cremi
    image = LoadImage(reader=EMReader, ensure_channel_first=True)([f"{path}::volumes/raw@1", f"{path}::volumes/raw@2"])
    np.testing.assert_array_equal(image.numpy(), raw[1:3])
    with pytest.raises(ValueError, match=r"channels of one shape and geometry, got \(5, 32, 48\) .* \(32, 48\)"):
        LoadImage(reader=EMReader)([f"{path}::volumes/raw", f"{path}::volumes/raw@2"])


def test_damage_is_reported_by_the_files_name_and_not_as_a_missing_reader(tmp_path, rng):
    path = tmp_path / "03.png"
    Image.fromarray(rng.integers(0, 255, (64, 64)).astype(np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(ValueError, match=r"could not read .*03\.png"):
        LoadImaged("image", reader=EMReader)({"image": path})
    with pytest.raises(RuntimeError, match="applying transform") as raised:
        Compose([LoadImaged("image", reader=EMReader)])({"image": path})
    assert "03.png" in str(raised.value.__cause__)


def test_verify_suffix(tmp_path):
    reader = EMReader()
    for name in ("a.png", "a.h5::x@3", "a.zarr::raw", "a.nii.gz", ["a.tif@1:2", "b.TIF"], str(tmp_path)):
        assert reader.verify_suffix(name)
    for name in ("a.dcm", ["a.png", "b.dcm"]):
        assert not reader.verify_suffix(name)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"spacing": (1, 2, 3, 4)}, "`spacing` needs 2 or 3 entries"),
        ({"spacing": (4, 0)}, "`spacing` needs finite entries > 0"),
        ({"max_id": 2**31}, "`max_id` needs an integer in 1"),
    ],
)
def test_bad_arguments(kwargs, words):
    with pytest.raises(ValueError, match=words):
        EMReader(**kwargs)


def test_batches_through_loader_and_cache(cremi):
    path, raw, _ = cremi
    items = em_datalist(path)
    load = LoadImaged(["image", "label"], reader=EMReader, ensure_channel_first=True)
    for data in (Dataset(items, load), CacheDataset(items, load, progress=False)):
        batch = next(iter(DataLoader(data, batch_size=2)))
        assert batch["image"].shape == (2, 1, 32, 48)
        second = decollate_batch(batch)[1]["image"]
        np.testing.assert_array_equal(second[0].numpy(), raw[1])
        assert second.meta["section"] == 1
        assert second.pixdim.tolist() == [4, 4]


@pytest.mark.parametrize("mode", ["sections", "volume"])
def test_geometry_follows_spatial_transforms_and_is_inverted(cremi, mode):
    path, raw, _ = cremi
    item = em_datalist(path, mode=mode)[0]
    ndim = 2 if mode == "sections" else 3
    keys = ["image", "label"]
    pre = Compose(
        [
            LoadImaged(keys, reader=EMReader, ensure_channel_first=True),
            SpatialCropd(keys, roi_start=[1, 2, 3][-ndim:], roi_end=[4, 30, 43][-ndim:]),
            Flipd(keys, spatial_axis=0),
            Spacingd(keys, pixdim=[40, 8, 8][-ndim:], mode=["bilinear", "nearest"]),
        ]
    )
    cropped = Compose(pre.transforms[:2])(item)["image"]
    first = [80 + 40, 8 + 2 * 4, 12 + 3 * 4]
    assert cropped.affine[:-1, -1].tolist() == first[-ndim:]
    data = pre(item)
    assert data["image"].pixdim.tolist() == [40, 8, 8][-ndim:]
    data["pred"] = data["label"].clone()
    back = Invertd("pred", pre, orig_keys="image", nearest_interp=True)(data)["pred"]
    assert tuple(back.shape[1:]) == raw.shape[-ndim:]
    expected = np.diag([40.0, 4, 4, 1])[-ndim - 1 :, -ndim - 1 :]
    expected[:-1, -1] = [80, 8, 12][-ndim:]
    np.testing.assert_allclose(back.affine.numpy(), expected)


def test_random_crops_take_the_reader(cremi):
    path, _, _ = cremi
    keys = ["image", "label"]
    crop = RandCropByPosNegLabeld(keys, "label", (16, 16), num_samples=3)
    out = Compose([LoadImaged(keys, reader=EMReader, ensure_channel_first=True), crop])(em_datalist(path)[0])
    assert [tuple(o["image"].shape) for o in out] == [(1, 16, 16)] * 3


# --- ids


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=40))
def test_compact_ids_is_one_to_one_and_in_order(values):
    ids = np.array(values, dtype=np.uint64)
    labels, table = compact_ids(ids)
    meant = np.where(ids == 2**64 - 1, np.uint64(0), ids)
    np.testing.assert_array_equal(table[labels], meant)
    assert labels.dtype == np.int32
    assert labels.max() == len(set(meant.tolist()) - {0})
    assert (np.diff(table.astype(object)) > 0).all()


def test_compact_ids_of_small_cases():
    labels, table = compact_ids(np.array([[9, 9], [4, 9]], dtype=np.int16))
    np.testing.assert_array_equal(labels, [[2, 2], [1, 2]], "no 0 in, no 0 out")
    assert table.tolist() == [0, 4, 9]
    assert compact_ids(np.zeros((2, 0), np.uint8))[0].shape == (2, 0)
    with pytest.raises(TypeError, match="`ids` needs an integer type, got float64"):
        compact_ids(np.zeros(3))
