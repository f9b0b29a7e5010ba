# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import h5py
import numpy as np
import pytest
import tifffile
from monai.transforms import LoadImaged
from PIL import Image

from monai_boundary.data import EMReader, detect_label_kind, em_datalist, split_sections
from tests.zarr_stores import make_array, make_group


def save(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


@pytest.fixture
def image(rng):
    return rng.integers(0, 255, (3, 20, 30)).astype(np.uint8)


@pytest.fixture
def mask(image):
    return np.where(image > 128, 255, 0).astype(np.uint8)


@pytest.fixture
def ids():
    """Twelve cells of 6 x 6 voxels or so, and some without an id."""
    cells = np.kron(np.arange(15, dtype=np.uint16).reshape(3, 5), np.ones((6, 6), np.uint16))
    return np.pad(np.stack([cells] * 3), ((0, 0), (0, 2), (0, 0)))


def write_sections(root, image, label, image_name="image/{:02d}.png", label_name="label/{:02d}.png"):
    for k in range(len(image)):
        save(root / image_name.format(k), image[k])
        save(root / label_name.format(k), label[k])


# --- folders


@pytest.mark.parametrize(
    ("image_name", "label_name"),
    [
        ("image/{:02d}.png", "label/{:02d}.png"),
        ("images/image_{:04d}.png", "labels/label_{:04d}.png"),
        ("raw/s{}.tif", "membrane/s{}.png"),
        ("Images/{}.png", "Masks/{}_mask.png"),
        ("img/a{}.bmp", "gt/a{:03d}.bmp"),
    ],
)
def test_folders(tmp_path, image, mask, image_name, label_name):
    write_sections(tmp_path, image, mask, image_name, label_name)
    items = em_datalist(tmp_path)
    assert [i["image"] for i in items] == [str(tmp_path / image_name.format(k)) for k in range(3)]
    assert [i["label"] for i in items] == [str(tmp_path / label_name.format(k)) for k in range(3)]
    assert [i["section"] for i in items] == [0, 1, 2]
    assert {i["label_kind"] for i in items} == {"membrane"}
    assert not any("label_instances" in i for i in items)
    assert {i["volume"] for i in items} == {tmp_path.name}


def test_folders_in_natural_order_with_numbers_from_the_names(tmp_path, image, mask):
    for k, name in enumerate(("9", "10", "100")):
        save(tmp_path / "image" / f"{name}.png", image[k])
        save(tmp_path / "label" / f"{name}.png", mask[k])
    assert [i["section"] for i in em_datalist(tmp_path)] == [9, 10, 100]


def test_folders_as_a_volume_load_as_one(tmp_path, image, ids):
    write_sections(tmp_path, image, ids)
    (item,) = em_datalist(tmp_path, mode="volume", spacing=(50, 4, 4))
    assert item["sections"] == [0, 3]
    assert item["spacing"] == [50, 4, 4]
    assert item["label_instances"] == item["label"]
    data = LoadImaged(["image", "label"], reader=EMReader)(item)
    np.testing.assert_array_equal(data["image"].numpy(), image)
    np.testing.assert_array_equal(data["label"].numpy(), ids)


def test_subfolders_are_volumes(tmp_path, image, mask):
    write_sections(tmp_path / "b", image, mask)
    write_sections(tmp_path / "a", image[:2], mask[:2])
    items = em_datalist(tmp_path)
    assert [(i["volume"], i["section"]) for i in items] == [("a", 0), ("a", 1), ("b", 0), ("b", 1), ("b", 2)]


def test_folders_of_stacks(tmp_path, image, mask):
    for folder, values in (("images", image), ("labels", mask)):
        (tmp_path / folder).mkdir()
        for name in "ab":
            tifffile.imwrite(tmp_path / folder / f"{name}.tif", values, photometric="minisblack")
    assert [i["volume"] for i in em_datalist(tmp_path, mode="volume")] == ["a", "b"]
    assert len(em_datalist(tmp_path)) == 6


def test_unmatched_sections_are_named(tmp_path, image, mask):
    write_sections(tmp_path, image, mask)
    (tmp_path / "label" / "01.png").unlink()
    save(tmp_path / "label" / "17.png", mask[0])
    with pytest.raises(ValueError, match=r"no partner for: .*label/17.png, .*image/01.png"):
        em_datalist(tmp_path)


def test_shape_mismatch_names_both_files(tmp_path, image, mask):
    write_sections(tmp_path, image, mask)
    save(tmp_path / "label" / "02.png", mask[0].T)
    words = r"`label` needs the shape of `image`, \(20, 30\), got \(30, 20\): .*label/02.png and .*image/02.png"
    with pytest.raises(ValueError, match=words):
        em_datalist(tmp_path)


def test_unreadable_section_is_named(tmp_path, image, mask):
    write_sections(tmp_path, image, mask)
    (tmp_path / "label" / "01.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"could not read .*label/01.png"):
        em_datalist(tmp_path)


def test_pictures_alone(tmp_path, image):
    for k in range(3):
        save(tmp_path / f"{k}.png", image[k])
    with pytest.raises(ValueError, match=r"needs a label for every image \(or require_labels=False\)"):
        em_datalist(tmp_path)
    items = em_datalist(tmp_path, require_labels=False)
    assert len(items) == 3
    assert not any("label" in i for i in items)
    (item,) = em_datalist(tmp_path / "1.png", require_labels=False)
    assert item["image"].endswith("1.png")
    (item,) = em_datalist(tmp_path, require_labels=False, mode="volume")
    assert item["sections"] == [0, 3]


def test_volume_mode_refuses_folders_with_other_sections_in_between(tmp_path, image, mask):
    write_sections(tmp_path, image, mask)
    save(tmp_path / "image" / "test_07.png", image[0])
    assert len(em_datalist(tmp_path)) == 3
    with pytest.raises(ValueError, match="to hold the matched sections alone, in order"):
        em_datalist(tmp_path, mode="volume")


# --- TIF, HDF5, Zarr


def test_tif_pair_without_the_unlabelled_test_stack(tmp_path, image, mask):
    for name, values in (("train-volume", image), ("train-labels", mask), ("test-volume", image)):
        tifffile.imwrite(tmp_path / f"{name}.tif", values, photometric="minisblack")
    items = em_datalist(tmp_path)
    assert [i["image"] for i in items] == [f"{tmp_path / 'train-volume.tif'}@{k}" for k in range(3)]
    assert items[2]["label"] == f"{tmp_path / 'train-labels.tif'}@2"
    np.testing.assert_array_equal(LoadImaged("label", reader=EMReader)(items[2])["label"].numpy(), mask[2])
    (item,) = em_datalist(tmp_path / "test-volume.tif", mode="volume", require_labels=False)
    assert item["image"] == str(tmp_path / "test-volume.tif")


def test_tif_pair_of_different_depth(tmp_path, image, mask):
    tifffile.imwrite(tmp_path / "train-volume.tif", image, photometric="minisblack")
    tifffile.imwrite(tmp_path / "train-labels.tif", mask[:2], photometric="minisblack")
    with pytest.raises(ValueError, match=r"`label` needs the shape of `image`, \(3, 20, 30\), got \(2, 20, 30\)"):
        em_datalist(tmp_path)


def write_cremi(path, image, ids):
    with h5py.File(path, "w") as file:
        for name, values in (("volumes/raw", image), ("volumes/labels/neuron_ids", ids.astype(np.uint64))):
            file[name] = values
            file[name].attrs["resolution"] = (40.0, 4.0, 4.0)
        file["volumes/labels/clefts"] = ids


def test_cremi_folder_and_file(tmp_path, image, ids):
    for name in "BA":
        write_cremi(tmp_path / f"sample_{name}_20160501.hdf", image, ids)
    items = em_datalist(tmp_path, mode="volume")
    assert [i["volume"] for i in items] == ["sample_A_20160501", "sample_B_20160501"]
    assert items[0]["spacing"] == [40, 4, 4]
    assert items[0]["label_instances"].endswith("sample_A_20160501.hdf::volumes/labels/neuron_ids")
    items = em_datalist(tmp_path / "sample_B_20160501.hdf")
    assert items[1]["image"].endswith("B_20160501.hdf::volumes/raw@1")
    assert items[1]["label"] == items[1]["label_instances"]


def test_other_dataset_names(tmp_path, image, mask):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["em/grey"] = image
        file["em/walls"] = mask
        file["em/other"] = mask
    (item,) = em_datalist(tmp_path, mode="volume", image_dataset="em/grey", label_dataset="em/walls")
    assert item["image"].endswith("a.h5::em/grey")
    assert item["label"].endswith("a.h5::em/walls")
    assert item["label_kind"] == "membrane"
    for given in ({"image_dataset": "em/gray", "label_dataset": "em/walls"}, {"label_dataset": "em/wall"}):
        with pytest.raises(ValueError, match=r"got 'em/(gray|wall)'. It holds: em/grey .*em/other .*em/walls"):
            em_datalist(tmp_path, **given)


def test_wrong_label_dataset_is_not_replaced_by_a_usual_one(tmp_path, image, ids):
    write_cremi(tmp_path / "a.hdf", image, ids)
    with pytest.raises(ValueError, match=r"got 'volumes/labels/neurons'. It holds: .*volumes/labels/neuron_ids"):
        em_datalist(tmp_path, label_dataset="volumes/labels/neurons")
    (item,) = em_datalist(tmp_path, label_dataset="volumes/labels/clefts", mode="volume")
    assert item["label"].endswith("::volumes/labels/clefts")


def test_hdf5_pair_of_files(tmp_path, image, ids):
    for name, values in (("train-image.h5", image), ("train-gt.lzf.h5", ids.astype(np.int32))):
        with h5py.File(tmp_path / name, "w") as file:
            file["stack"] = values
    (item,) = em_datalist(tmp_path, mode="volume")
    assert item["image"].endswith("train-image.h5::stack")
    assert item["label_instances"].endswith("train-gt.lzf.h5::stack")


def test_raw_hdf5_alone(tmp_path, image):
    with h5py.File(tmp_path / "a.hdf", "w") as file:
        file["volumes/raw"] = image
    assert len(em_datalist(tmp_path, require_labels=False)) == 3
    with pytest.raises(ValueError, match=r"needs a label for every image .*a.hdf::volumes/raw"):
        em_datalist(tmp_path)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("inside", [True, False], ids=["in a folder", "the store itself"])
def test_zarr(tmp_path, image, ids, version, inside):
    store = tmp_path / "a.zarr"
    root = make_group(store, version)
    for name, values in (("volumes/raw", image), ("volumes/labels/neuron_ids", ids.astype(np.uint64))):
        make_array(root, name, data=values, chunks=(1, 20, 30), attributes={"resolution": [40, 4, 4]})
    items = em_datalist(tmp_path if inside else store)
    assert len(items) == 3
    assert items[0]["spacing"] == [4, 4]
    data = LoadImaged(["image", "label_instances"], reader=EMReader)(items[1])
    np.testing.assert_array_equal(data["image"].numpy(), image[1])
    np.testing.assert_array_equal(data["label_instances"].numpy(), ids[1])


# --- kinds, and what is no data set


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ([[True, False]], "membrane"),
        ([[0, 1, 1]], "membrane"),
        ([[0, 255]], "membrane"),
        ([[7, 7]], "membrane"),
        ([[0, 0, 0, 0, 40, 255, 255, 255, 255, 255]], "membrane"),
        ([[0.0, 0.3, 0.8]], "membrane"),
        ([[0, 1, 2]], "instances"),
        (np.kron([[0, 3, 4, 250, 17]], np.ones((6, 6), int)), "instances"),
        ([[0, 0, 0, 0, 0, 300, 300, 300, 2**40]], "instances"),
    ],
)
def test_label_kind(label, kind):
    assert detect_label_kind(np.array(label)) == kind


def test_forced_label_kind(tmp_path, image, mask):
    write_sections(tmp_path, image, mask)
    items = em_datalist(tmp_path, label_kind="instances")
    assert items[0]["label_instances"] == items[0]["label"]


def test_a_dataset_named_ids_holds_instances_even_with_one_cell(tmp_path, image):
    write_cremi(tmp_path / "a.hdf", image, np.ones_like(image, dtype=np.uint16))
    assert em_datalist(tmp_path)[0]["label_kind"] == "instances"


def test_what_is_no_data_set(tmp_path, image):
    with pytest.raises(ValueError, match=r"`dataset_dir` needs an existing folder or file, got .*none"):
        em_datalist(tmp_path / "none")
    with pytest.raises(ValueError, match=r"`dataset_dir` needs image/ and label/ folders .* with: nothing"):
        em_datalist(tmp_path)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"with: empty/, notes.txt"):
        em_datalist(tmp_path)
    save(tmp_path / "a.png", image[0])
    with pytest.raises(ValueError, match=r"\(layout='hdf5'\)"):
        em_datalist(tmp_path, layout="hdf5")
    with pytest.raises(ValueError, match="`mode` 'volume' needs a stack"):
        em_datalist(tmp_path / "a.png", mode="volume", require_labels=False)


@pytest.mark.parametrize("name", ["mode", "layout", "label_kind"])
def test_bad_choices(tmp_path, name):
    with pytest.raises(ValueError, match=f"`{name}` needs one of .* got 'no'"):
        em_datalist(tmp_path, **{name: "no"})


# --- the real data


def test_isbi_2012(real_data):
    folder = real_data("em_isbi2012")
    items = em_datalist(folder)
    train, val = split_sections(items, n_train=16, n_val=8)
    assert (len(train), len(val)) == (16, 8)
    assert [i["section"] for i in items] == list(range(24))
    assert items[0]["label_kind"] == "membrane"
    slices = em_datalist(folder, layout="tif")
    both = [LoadImaged(["image", "label"], reader=EMReader)(i) for i in (items[3], slices[3])]
    for key in ("image", "label"):
        np.testing.assert_array_equal(both[0][key].numpy(), both[1][key].numpy())


def test_fib25(real_data):
    folder = real_data("em_fib25")
    (item,) = em_datalist(folder, mode="volume")
    assert item["spacing"] == [10, 10, 10]
    assert item["label_kind"] == "instances"
    labels = LoadImaged("label", reader=EMReader, dtype=np.int32)(item)["label"]
    with h5py.File(next(folder.glob("*.hdf"))) as file:
        np.testing.assert_array_equal(labels.numpy(), file["volumes/labels/neuron_ids"][:])


def test_gala(real_data):
    folder = real_data("em_gala_fib")
    (item,) = em_datalist(folder, mode="volume")
    data = LoadImaged(["image", "label_instances"], reader=EMReader)(item)
    assert tuple(data["image"].shape) == (50, 100, 200)
    with h5py.File(folder / "train-gt.lzf.h5") as file:
        np.testing.assert_array_equal(data["label_instances"].numpy(), file["stack"][:])


def test_cremi2d(real_data):
    items = em_datalist(real_data("em_cremi2d"))
    assert [i["section"] for i in items] == [114, 117]
    assert {i["label_kind"] for i in items} == {"membrane"}
