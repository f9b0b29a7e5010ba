# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from monai.transforms import Compose, LoadImaged, ResampleToMatchd

from monai_boundary.data import isles2018_datalist, isles2022_datalist
from tests.data.nifti_files import OBLIQUE, label, write
from tests.data.volume_trees import Patient, patients, put, tree


def bids(root: Path, case: str, flat: bool) -> None:
    """A session of ISLES 2022: of the organisers' repository (flat), or of the released archive."""
    sub, ses = case.split("_")
    raw = root / "rawdata" if flat else root
    for suffix, kind in (("dwi", "dwi"), ("adc", "dwi"), ("flair" if flat else "FLAIR", "anat")):
        folder = raw / sub / ses / ("" if flat else kind)
        grid = np.zeros((12, 12, 2), dtype=np.float32) if kind == "anat" else None
        write(
            folder / f"{case}_{suffix}.nii.gz",
            grid,
            affine=OBLIQUE @ np.diag([0.5, 0.5, 2, 1]) if kind == "anat" else OBLIQUE,
        )
        (folder / f"{case}_{suffix}.json").write_text("{}")
    write(root / "derivatives" / sub / ses / f"{case}_msk.nii.gz", label(1), affine=OBLIQUE)


@pytest.mark.parametrize("flat", [True, False])
def test_isles_2022(tmp_path: Path, flat: bool) -> None:
    for case in ("sub-strokecase0002_ses-0001", "sub-strokecase0001_ses-0002", "sub-strokecase0001_ses-0001"):
        bids(tmp_path, case, flat)
    items = isles2022_datalist(tmp_path, modalities=("dwi", "adc", "flair"))
    assert [item["case"][-12:] for item in items] == ["001_ses-0001", "001_ses-0002", "002_ses-0001"]
    assert [item["patient"] for item in items] == ["sub-strokecase0001"] * 2 + ["sub-strokecase0002"]
    assert items[0]["ignore_labels"] == []
    assert Path(items[1]["adc"]).name == "sub-strokecase0001_ses-0002_adc.nii.gz"
    assert Path(items[1]["label"]).parts[-4] == "derivatives"


def test_isles_2022_without_sessions_and_labels(tmp_path: Path) -> None:
    write(tmp_path / "sub-1" / "sub-1_space-orig_dwi.nii.gz")
    (item,) = isles2022_datalist(tmp_path, modalities="dwi", require_labels=False)
    assert (item["case"], item["patient"], "label" in item) == ("sub-1", "sub-1", False)
    with pytest.raises(ValueError, match="`require_labels` needs one file of 'label' for patient 'sub-1', got none in"):
        isles2022_datalist(tmp_path, modalities="dwi")
    with pytest.raises(
        ValueError, match=r"needs one file of 'adc' for patient 'sub-1', got none in .* \(images: dwi\)"
    ):
        isles2022_datalist(tmp_path, require_labels=False)


def test_a_derived_image_is_not_a_modality(tmp_path: Path) -> None:
    bids(tmp_path, "sub-1_ses-1", flat=True)
    write(tmp_path / "derivatives" / "sub-1" / "sub-1_ses-1_dwi.nii.gz")
    (item,) = isles2022_datalist(tmp_path)
    assert "derivatives" not in item["dwi"]


def test_real_case_on_its_grids(real_data: Callable[[str], Path]) -> None:
    (item,) = isles2022_datalist(real_data("isles22"), modalities=("dwi", "flair"))
    assert item["patient"] == "sub-strokecase0009"
    keys = ["dwi", "flair", "label"]
    load = Compose([LoadImaged(keys, ensure_channel_first=True), ResampleToMatchd(["flair"], key_dst="label")])
    loaded = load(item)
    assert {tuple(loaded[key].shape) for key in keys} == {(1, 112, 112, 73)}
    assert int((loaded["label"] > 0).sum()) == 523


def smir(case: Path, suffix: str = ".nii", nested: bool = True, labelled: bool = True) -> None:
    names = ["CT.345562", "CT_4DPWI.345561", "CT_CBF.345563", "CT_CBV.345564", "CT_MTT.345565", "CT_Tmax.345567"]
    for name in [*names, "MR_DWI.345568", *(["OT.345569"] if labelled else [])]:
        stem = f"SMIR.Brain.XX.O.{name}"
        write(case / (stem if nested else "") / f"{stem}{suffix}", label(1) if "OT" in name else None)


def test_isles_2018(tmp_path: Path) -> None:
    smir(tmp_path / "TRAINING" / "case_10")
    smir(tmp_path / "TRAINING" / "case_2", ".nii.gz", nested=False)
    items = isles2018_datalist(tmp_path, modalities=("CBF", "mtt", "cbv", "tmax", "dwi", "ct", "4dpwi"))
    assert [item["case"] for item in items] == ["TRAINING-case_2", "TRAINING-case_10"]
    assert items[0]["patient"] == "TRAINING-case_2"
    assert Path(items[1]["tmax"]).name == "SMIR.Brain.XX.O.CT_Tmax.345567.nii"
    assert Path(items[0]["ct"]).name == "SMIR.Brain.XX.O.CT.345562.nii.gz"
    assert Path(items[0]["4dpwi"]).name == "SMIR.Brain.XX.O.CT_4DPWI.345561.nii.gz"
    assert LoadImaged("label")(items[1])["label"].sum() == 1
    (item,) = isles2018_datalist(tmp_path / "TRAINING" / "case_2")
    assert item["case"] == "case_2"


def test_isles_2018_two_slabs_of_one_patient(tmp_path: Path) -> None:
    for case in ("case_1", "case_2"):
        smir(tmp_path / case)
    items = isles2018_datalist(tmp_path, patients={"case_1": "a", "case_2": "a"})
    assert [item["patient"] for item in items] == ["a", "a"]
    with pytest.raises(ValueError, match="`patients` needs the patient of every case, got none for 'case_2'"):
        isles2018_datalist(tmp_path, patients={"case_1": "a"})


def test_isles_2018_test_set_and_missing_map(tmp_path: Path) -> None:
    smir(tmp_path / "TESTING" / "case_1", labelled=False)
    with pytest.raises(ValueError, match="`require_labels` needs one file of 'label' for patient 'TESTING-case_1'"):
        isles2018_datalist(tmp_path)
    assert "label" not in isles2018_datalist(tmp_path, require_labels=False)[0]
    (next((tmp_path / "TESTING" / "case_1").rglob("*MTT*.nii"))).unlink()
    with pytest.raises(ValueError, match="`modalities` needs one file of 'mtt' for patient 'TESTING-case_1', got none"):
        isles2018_datalist(tmp_path, require_labels=False)


@pytest.mark.parametrize("reader", [isles2018_datalist, isles2022_datalist])
def test_nothing_found(tmp_path: Path, reader: Callable[..., object]) -> None:
    write(tmp_path / "FLAIR.nii.gz")
    with pytest.raises(ValueError, match=r"`dataset_dir` needs .* got none below"):
        reader(tmp_path)


def fill_bids(folder: Path, patient: Patient, number: int) -> None:
    name = f"sub-{number:03d}_ses-1"
    for suffix in ("dwi", "ADC"):
        if not (patient.fault == "no image" and suffix == "ADC"):
            put(folder / suffix / f"{name}_{suffix}{patient.suffix}")
    if patient.fault == "two images":
        put(folder / f"{name}_dwi{patient.suffix}")
    for k in range({"no label": 0, "two labels": 2}.get(patient.fault, 1)):
        put(folder / "derivatives" / f"{name}_{'run-2_' * k}msk{patient.suffix}")


def fill_smir(folder: Path, patient: Patient, number: int) -> None:
    for k, what in enumerate(("CT_CBF", "CT_Tmax", "OT")):
        if patient.fault == {"CT_Tmax": "no image", "OT": "no label"}.get(what):
            continue
        copies = 1 + (patient.fault == {"CT_CBF": "two images", "OT": "two labels"}.get(what))
        for copy in range(copies):
            stem = f"SMIR.Brain.XX.O.{what}.{100 * number + 10 * copy + k}"
            put(folder / (stem if number % 2 else "") / f"{stem}{patient.suffix}")


LAYOUTS = {
    "2022": (fill_bids, isles2022_datalist, ("dwi", "adc")),
    "2018": (fill_smir, isles2018_datalist, ("cbf", "tmax")),
}


@pytest.mark.parametrize("year", LAYOUTS)
@given(chosen=patients(["no image", "two images", "no label", "two labels"]), loop=st.booleans())
def test_a_random_tree_gives_every_case_once_or_an_error_that_names_it(
    year: str, chosen: list[Patient], loop: bool
) -> None:
    fill, read, modalities = LAYOUTS[year]
    with tree(chosen, fill, loop) as (root, folders):
        faulty = [k for k, patient in enumerate(chosen) if patient.fault]
        if faulty:
            with pytest.raises(ValueError, match="needs one file of") as error:
                read(root, modalities=modalities)
            names = [f"sub-{k:03d}_ses-1" if year == "2022" else str(folders[k]) for k in faulty]
            assert any(name in str(error.value) for name in names)
            return
        items = read(root, modalities=modalities)
        assert len(items) == len(chosen)
        for key in ("case", "patient", "label", *modalities):
            assert len({item[key].casefold() for item in items}) == len(chosen), key
        for item in items:
            (folder,) = (f for f in folders if f in Path(item["label"]).parents)
            assert all(folder in Path(item[m]).parents for m in modalities)


def test_what_belongs_to_no_case_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    bids(tmp_path, "sub-1_ses-1", flat=True)
    write(tmp_path / "derivatives" / "sub-1" / "sub-1_ses-1_dwi.nii.gz")
    write(tmp_path / "derivatives" / "sub-2" / "sub-2_msk.nii.gz")
    write(tmp_path / "atlas.nii.gz")
    isles2022_datalist(tmp_path)
    assert "1 cases of 1 patients" in caplog.text
    assert "dwi, adc in rawdata/sub-1/ses-1; 1 labels in derivatives/sub-1/ses-1." in caplog.text
    for name in (
        "atlas.nii.gz (no name of BIDS)",
        "sub-1_ses-1_dwi.nii.gz (derived)",
        "sub-2_msk.nii.gz (a label without",
    ):
        assert name in caplog.text
