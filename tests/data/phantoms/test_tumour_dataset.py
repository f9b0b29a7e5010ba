# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from monai.transforms import LoadImaged, Orientationd

from monai_boundary.data import TumourPhantom, brats_datalist, write_tumour_phantom
from monai_boundary.transforms import TumourRegionsd
from tests.data.phantoms.test_lesion_dataset import stamps

SMALL = (32, 32, 16)


@pytest.mark.parametrize("layout", ["brats2018", "brats2021", "brats2023"])
def test_layouts_hold_the_same_voxels(tmp_path: Path, layout: str) -> None:
    items = write_tumour_phantom(tmp_path, layout=layout, patients=4, shape=SMALL)
    assert len(items) == 4
    assert items == brats_datalist(tmp_path)
    item = items[0] if layout != "brats2018" else next(i for i in items if i["case"] == "Brats18_P0_1")
    keys = ["image", "label"]
    loaded = Orientationd(keys, "RAS", labels=None)(LoadImaged(keys, ensure_channel_first=True)(item))
    scan = TumourPhantom(shape=SMALL, low_grade=False).draw(np.random.default_rng([0, 0]))
    np.testing.assert_allclose(loaded["image"], np.flip(np.stack(scan[:4]), 1), atol=0.51)
    enhancing = 3 if layout == "brats2023" else 4
    np.testing.assert_array_equal(loaded["label"][0] == enhancing, np.flip(scan.label == 4, 0))
    assert TumourRegionsd("label")(loaded)["label"].flatten(1).any(1).all()


def test_files_are_as_those_of_brats(tmp_path: Path) -> None:
    (item,) = write_tumour_phantom(tmp_path, patients=1, shape=SMALL)
    assert item["image"][0] == str(tmp_path / "BraTS2021_00000" / "BraTS2021_00000_t1ce.nii.gz")
    image, label = nibabel.load(item["image"][0]), nibabel.load(item["label"])
    assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")
    assert (image.get_data_dtype(), label.get_data_dtype()) == (np.int16, np.uint8)
    np.testing.assert_allclose(image.header.get_zooms(), TumourPhantom(shape=SMALL).mm, rtol=1e-5)
    middle = image.affine @ [*((n - 1) / 2 for n in SMALL), 1]
    np.testing.assert_allclose(middle[:3], 0, atol=1e-4)
    (late,) = write_tumour_phantom(tmp_path / "late", layout="brats2023", patients=1, shape=SMALL)
    assert nibabel.load(late["label"]).get_data_dtype() == np.float32
    assert late["patient"] == "BraTS-GLI-00000"


def test_low_grade_patients(tmp_path: Path) -> None:
    items = write_tumour_phantom(tmp_path, layout="brats2018", patients=4, shape=SMALL)
    by_site = {item["site"]: item for item in items}
    assert sorted(item["site"] for item in items) == ["HGG", "HGG", "HGG", "LGG"]
    assert 4 not in np.asarray(nibabel.load(by_site["LGG"]["label"]).dataobj)
    items = write_tumour_phantom(tmp_path / "all", patients=2, shape=SMALL, low_grade=True)
    assert not any(4 in np.asarray(nibabel.load(item["label"]).dataobj) for item in items)


def test_written_once(tmp_path: Path) -> None:
    write_tumour_phantom(tmp_path, patients=2, shape=SMALL)
    before = stamps(tmp_path)
    write_tumour_phantom(tmp_path, patients=2, shape=SMALL)
    assert stamps(tmp_path) == before
    items = write_tumour_phantom(tmp_path, layout="brats2023", patients=1, shape=SMALL)
    assert len(items) == 1
    assert not list(tmp_path.glob("BraTS2021*")), "another layout replaces the earlier one"


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`layout` needs one of 'brats2018', 'brats2021', 'brats2023', got 'msd'"):
        write_tumour_phantom(tmp_path, layout="msd")
    with pytest.raises(ValueError, match="`patients` needs an integer >= 1, got 0"):
        write_tumour_phantom(tmp_path, patients=0)
