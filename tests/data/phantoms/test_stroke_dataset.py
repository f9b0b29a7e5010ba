# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from monai.transforms import Compose, LoadImaged, ResampleToMatchd

from monai_boundary.data import isles2018_datalist, isles2022_datalist, write_stroke_phantom
from tests.data.nifti_files import write

SMALL = {"shape": (32, 32, 12), "patients": 2}


@pytest.fixture(scope="module")
def bids(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("isles2022")
    write_stroke_phantom(folder, **SMALL)
    return folder


def test_the_reader_finds_every_modality(bids: Path, tmp_path: Path) -> None:
    items = isles2022_datalist(bids, modalities=("dwi", "adc", "flair"))
    assert [item["patient"] for item in items] == ["sub-strokecase0001", "sub-strokecase0002"]
    write_stroke_phantom(tmp_path, layout="isles2018", **SMALL)
    items = isles2018_datalist(tmp_path)
    assert [item["case"] for item in items] == ["TRAINING-case_1", "TRAINING-case_2"]
    assert {nibabel.load(item[m]).shape for item in items for m in ("cbf", "mtt", "cbv", "tmax", "label")} == {
        (32, 32, 12)
    }


def test_the_flair_has_a_grid_of_its_own_and_shows_the_same_head(bids: Path) -> None:
    for item in isles2022_datalist(bids, modalities=("dwi", "flair")):
        raw = nibabel.load(item["flair"])
        assert raw.shape == (48, 48, 8)
        keys = ["dwi", "flair", "label"]
        data = Compose([LoadImaged(keys, ensure_channel_first=True), ResampleToMatchd("flair", "dwi")])(item)
        flair, dwi, lesion = (data[k][0].numpy() for k in ("flair", "dwi", "label"))
        inside = np.s_[:, :, 2:-2]
        agree = np.corrcoef(flair[inside].ravel(), dwi[inside].ravel())[0, 1]
        assert agree > 0.9, "placed by the header, the two show one head"
        assert np.corrcoef(np.roll(flair, 3, 0)[inside].ravel(), dwi[inside].ravel())[0, 1] < agree - 0.05
        brain = dwi > 0
        assert dwi[lesion > 0].mean() > 1.4 * dwi[brain].mean(), "lesions are bright on DWI"


def test_lesions_are_dark_on_adc_and_cbf(bids: Path, tmp_path: Path) -> None:
    perfusion = write_stroke_phantom(tmp_path, layout="isles2018", **SMALL)[0]
    for item, name in [(isles2022_datalist(bids)[0], "adc"), (perfusion, "cbf")]:
        image, lesion = (np.asarray(nibabel.load(item[key]).dataobj) for key in (name, "label"))
        assert image[lesion > 0].mean() < 0.8 * image[image > 0].mean()


def test_it_is_written_once_and_foreign_files_stay(bids: Path, tmp_path: Path) -> None:
    stamps = {p: p.stat().st_mtime_ns for p in bids.rglob("*.nii.gz")}
    write_stroke_phantom(bids, **SMALL)
    assert {p: p.stat().st_mtime_ns for p in bids.rglob("*.nii.gz")} == stamps
    write(tmp_path / "mine.nii.gz")
    with pytest.raises(ValueError, match=r"`directory` needs to be empty or to hold an earlier phantom, got .*mine"):
        write_stroke_phantom(tmp_path, **SMALL)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"layout": "isles"}, "`layout` needs one of 'isles2022', 'isles2018', got 'isles'"), ({"patients": 0}, "`pati")],
)
def test_bad_arguments(tmp_path: Path, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_stroke_phantom(tmp_path, **options)
