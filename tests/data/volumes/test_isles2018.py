# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monai.transforms import LoadImaged

from monai_boundary.data import isles2018_datalist
from tests.data.nifti_files import label, write
from tests.data.volume_trees import Patient, check_items_of_tree, patients, put, tree

FAULTS = ["no image", "two images", "no label", "two labels"]


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


def test_two_slabs_of_one_patient(tmp_path: Path) -> None:
    for case in ("case_1", "case_2"):
        smir(tmp_path / case)
    items = isles2018_datalist(tmp_path, patients={"case_1": "a", "case_2": "a"})
    assert [item["patient"] for item in items] == ["a", "a"]
    with pytest.raises(ValueError, match="`patients` needs the patient of every case, got none for 'case_2'"):
        isles2018_datalist(tmp_path, patients={"case_1": "a"})


def test_test_set_and_missing_map(tmp_path: Path) -> None:
    smir(tmp_path / "TESTING" / "case_1", labelled=False)
    with pytest.raises(ValueError, match="`require_labels` needs one file of 'label' for patient 'TESTING-case_1'"):
        isles2018_datalist(tmp_path)
    assert "label" not in isles2018_datalist(tmp_path, require_labels=False)[0]
    (next((tmp_path / "TESTING" / "case_1").rglob("*MTT*.nii"))).unlink()
    with pytest.raises(ValueError, match="`modalities` needs one file of 'mtt' for patient 'TESTING-case_1', got none"):
        isles2018_datalist(tmp_path, require_labels=False)


def test_nothing_found(tmp_path: Path) -> None:
    write(tmp_path / "FLAIR.nii.gz")
    with pytest.raises(ValueError, match=r"`dataset_dir` needs .* got none below"):
        isles2018_datalist(tmp_path)


def fill_smir(folder: Path, patient: Patient, number: int) -> None:
    for k, what in enumerate(("CT_CBF", "CT_Tmax", "OT")):
        if patient.fault == {"CT_Tmax": "no image", "OT": "no label"}.get(what):
            continue
        copies = 1 + (patient.fault == {"CT_CBF": "two images", "OT": "two labels"}.get(what))
        for copy in range(copies):
            stem = f"SMIR.Brain.XX.O.{what}.{100 * number + 10 * copy + k}"
            put(folder / (stem if number % 2 else "") / f"{stem}{patient.suffix}")


@given(chosen=patients(FAULTS), loop=st.booleans())
def test_a_random_tree_gives_every_case_once_or_an_error_that_names_it(chosen: list[Patient], loop: bool) -> None:
    with tree(chosen, fill_smir, loop) as (root, folders):
        check_items_of_tree(isles2018_datalist, root, chosen, folders, [str(f) for f in folders], ("cbf", "tmax"))
