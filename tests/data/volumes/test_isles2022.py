# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from monai.transforms import Compose, LoadImaged, ResampleToMatchd

from monai_boundary.data import isles2022_datalist
from tests.data.nifti_files import OBLIQUE, label, write
from tests.data.volume_trees import Patient, check_items_of_tree, patients, put, tree

FAULTS = ["no image", "two images", "no label", "two labels"]


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


def test_nothing_found(tmp_path: Path) -> None:
    write(tmp_path / "FLAIR.nii.gz")
    with pytest.raises(ValueError, match=r"`dataset_dir` needs .* got none below"):
        isles2022_datalist(tmp_path)


def fill_bids(folder: Path, patient: Patient, number: int) -> None:
    name = f"sub-{number:03d}_ses-1"
    for suffix in ("dwi", "ADC"):
        if not (patient.fault == "no image" and suffix == "ADC"):
            put(folder / suffix / f"{name}_{suffix}{patient.suffix}")
    if patient.fault == "two images":
        put(folder / f"{name}_dwi{patient.suffix}")
    for k in range({"no label": 0, "two labels": 2}.get(patient.fault, 1)):
        put(folder / "derivatives" / f"{name}_{'run-2_' * k}msk{patient.suffix}")


@given(chosen=patients(FAULTS), loop=st.booleans())
def test_a_random_tree_gives_every_case_once_or_an_error_that_names_it(chosen: list[Patient], loop: bool) -> None:
    with tree(chosen, fill_bids, loop) as (root, folders):
        names = [f"sub-{k:03d}_ses-1" for k in range(len(chosen))]
        check_items_of_tree(isles2022_datalist, root, chosen, folders, names, ("dwi", "adc"))


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
