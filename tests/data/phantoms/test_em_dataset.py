# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from monai.transforms import LoadImaged

from monai_boundary.data import EMReader, make_em_phantom, read_em_source, write_em_phantom

SMALL = {"shape": (3, 48, 64), "seed": 4}


@pytest.fixture(scope="module")
def phantom():
    return make_em_phantom(**SMALL)


@pytest.mark.parametrize("layout", ["folders", "hdf5"])
def test_sections_hold_the_phantom_and_its_spacing(tmp_path, phantom, layout):
    image, instances = phantom
    items = write_em_phantom(tmp_path, layout=layout, **SMALL)
    assert len(items) == 3
    load = LoadImaged(["image", "label", "label_instances"], reader=EMReader)
    for k, item in enumerate(items):
        data = load(item)
        np.testing.assert_array_equal(data["image"].numpy(), image[k])
        np.testing.assert_array_equal(data["label_instances"].numpy(), instances[k])
        assert data["image"].meta["spacing"] == item["spacing"] == [4, 4]
        assert item["section"] == k
        assert item["label"] == item["label_instances"]
        assert item["label_kind"] == "instances"


@pytest.mark.parametrize("layout", ["folders", "hdf5"])
def test_volume(tmp_path, phantom, layout):
    (item,) = write_em_phantom(tmp_path, layout=layout, mode="volume", **SMALL)
    data = LoadImaged(["image", "label_instances"], reader=EMReader)(item)
    np.testing.assert_array_equal(data["image"].numpy(), phantom[0])
    np.testing.assert_array_equal(data["label_instances"].numpy(), phantom[1])
    assert data["image"].meta["spacing"] == [50, 4, 4]


def test_one_section(tmp_path):
    (item,) = write_em_phantom(tmp_path, shape=(32, 40), seed=1)
    np.testing.assert_array_equal(read_em_source(item["image"])[0], make_em_phantom((32, 40), seed=1)[0])


def test_the_same_phantom_is_not_written_again_and_another_one_replaces_it(tmp_path):
    first = write_em_phantom(tmp_path, shape=(3, 32, 32), seed=0)
    stamp = (tmp_path / "image" / "00.png").stat().st_mtime_ns
    assert write_em_phantom(tmp_path, shape=(3, 32, 32), seed=0) == first
    assert (tmp_path / "image" / "00.png").stat().st_mtime_ns == stamp
    assert len(write_em_phantom(tmp_path, shape=(2, 32, 32), seed=0)) == 2
    items = write_em_phantom(tmp_path, shape=(2, 32, 32), seed=1)
    np.testing.assert_array_equal(read_em_source(items[0]["image"])[0], make_em_phantom((2, 32, 32), seed=1)[0][0])


def test_an_interrupted_phantom_is_written_again(tmp_path):
    items = write_em_phantom(tmp_path, shape=(2, 32, 32))
    (tmp_path / "phantom.json").write_text('{"unfinished": true}')
    (tmp_path / "label" / "01.png").write_bytes(b"half")
    assert write_em_phantom(tmp_path, shape=(2, 32, 32)) == items
    assert read_em_source(items[1]["label"])[0].max() > 0


def test_bad_layout(tmp_path):
    with pytest.raises(ValueError, match="`layout` needs one of 'folders', 'hdf5', got 'zarr'"):
        write_em_phantom(tmp_path, layout="zarr")


def test_pictures_of_someone_else_are_left_alone(tmp_path):
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "mine.png").write_bytes(b"mine")
    with pytest.raises(
        ValueError, match=r"`directory` needs to be empty or to hold an earlier phantom, got .*mine\.png"
    ):
        write_em_phantom(tmp_path, shape=(2, 32, 32))
    assert (tmp_path / "image" / "mine.png").read_bytes() == b"mine"
    assert not (tmp_path / "phantom.json").exists()
