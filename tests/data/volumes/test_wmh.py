# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from monai.data import list_data_collate
from monai.transforms import LoadImage, LoadImaged

from monai_boundary.data import wmh_datalist
from monai_boundary.metrics import lesion_masks
from tests.data.nifti_files import LAS, LPS, OBLIQUE, label, write
from tests.data.volume_trees import Patient, patients, put, tree


@pytest.fixture
def challenge(tmp_path: Path) -> Path:
    """The training part of WMH 2017, with the unprocessed images and a second observer's results."""
    for place in ("Utrecht/2", "Utrecht/11", "Amsterdam/GE3T/100"):
        folder = tmp_path / "training" / place
        for stage in ("orig", "pre"):
            write(folder / stage / "FLAIR.nii.gz", affine=OBLIQUE)
            write(folder / stage / "T1.nii.gz", affine=OBLIQUE, qform_only=True)
        write(folder / "orig" / "3DT1.nii.gz", affine=LPS)
        write(folder / "wmh.nii.gz", label(1, 2), affine=OBLIQUE)
        write(tmp_path / "additional_annotations" / "observer_o3" / "training" / place / "result.nii.gz", label(1))
    return tmp_path


def test_the_challenges_layout(challenge: Path) -> None:
    items = wmh_datalist(challenge)
    assert [item["patient"] for item in items] == [
        "training-Amsterdam-GE3T-100",
        "training-Utrecht-2",
        "training-Utrecht-11",
    ]
    assert [item["site"] for item in items] == ["training/Amsterdam/GE3T", "training/Utrecht", "training/Utrecht"]
    folder = challenge / "training" / "Utrecht" / "2"
    assert items[1]["flair"] == str(folder / "pre" / "FLAIR.nii.gz")
    assert items[1]["t1"] == str(folder / "pre" / "T1.nii.gz")
    assert items[1]["label"] == str(folder / "wmh.nii.gz")
    assert all(item["ignore_labels"] == [2] for item in items)


def test_monai_reads_and_collates_the_items(challenge: Path) -> None:
    keys = ("flair", "t1", "label")
    loaded = LoadImaged(keys, ensure_channel_first=True)(wmh_datalist(challenge)[0])
    np.testing.assert_allclose(loaded["flair"].affine, OBLIQUE, atol=1e-4)
    np.testing.assert_allclose(loaded["t1"].pixdim, np.linalg.norm(OBLIQUE[:3, :3], axis=0), rtol=1e-4)
    predicted, true = lesion_masks(loaded["label"][0] > 0, loaded["label"][0], ignore_labels=loaded["ignore_labels"])
    assert (int(predicted.sum()), int(true.sum())) == (1, 1)
    batch = list_data_collate([loaded, LoadImaged(keys, ensure_channel_first=True)(wmh_datalist(challenge)[1])])
    assert batch["label"].shape == (2, 1, 6, 6, 3)


def test_one_site_one_patient_and_flair_alone(challenge: Path) -> None:
    for item in wmh_datalist(challenge / "training" / "Utrecht", modalities=("flair",)):
        assert "t1" not in item
        assert item["site"] == ""
    (item,) = wmh_datalist(challenge / "training" / "Utrecht" / "11", modalities="FLAIR")
    assert item["patient"] == "11"


def test_flat_folders(tmp_path: Path) -> None:
    write(tmp_path / "p1" / "FLAIR.nii", affine=LAS)
    write(tmp_path / "p1" / "t1.nii", affine=LPS)
    write(tmp_path / "p1" / "lesion.nii.gz", label(1))
    (item,) = wmh_datalist(tmp_path)
    assert (item["patient"], item["ignore_labels"], Path(item["t1"]).name) == ("p1", [], "t1.nii")
    # the same shape, but another orientation: what lies at one index is not at one place
    shapes = [LoadImage()(item[key]) for key in ("flair", "t1")]
    assert shapes[0].shape == shapes[1].shape
    assert not np.allclose(shapes[0].affine, shapes[1].affine)


def test_names_and_ids_by_argument(tmp_path: Path) -> None:
    write(tmp_path / "p1" / "pre" / "FLAIR.nii.gz")
    write(tmp_path / "p1" / "manual.nii.gz", label(1))
    (item,) = wmh_datalist(tmp_path, modalities=("flair",), label_name="Manual", ignore_labels=(2, 3))
    assert (Path(item["label"]).name, item["ignore_labels"]) == ("manual.nii.gz", [2, 3])


def test_a_missing_modality_names_patient_and_modality(challenge: Path) -> None:
    (challenge / "training" / "Utrecht" / "11" / "pre" / "T1.nii.gz").unlink()
    with pytest.raises(
        ValueError, match=r"`modalities` needs one file of 't1' for patient 'training-Utrecht-11', got none"
    ):
        wmh_datalist(challenge)
    assert len(wmh_datalist(challenge, modalities=("flair",))) == 3


def test_a_missing_label(challenge: Path) -> None:
    (challenge / "training" / "Utrecht" / "2" / "wmh.nii.gz").unlink()
    with pytest.raises(ValueError, match="`require_labels` needs one file of 'label' for patient 'training-Utrecht-2'"):
        wmh_datalist(challenge)
    items = wmh_datalist(challenge, require_labels=False)
    assert ["label" in item for item in items] == [True, False, True]


def test_nothing_found(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        ValueError, match=r"`dataset_dir` needs folders of patients with pre/FLAIR.nii.gz .* got none below"
    ):
        wmh_datalist(tmp_path)


def test_real_patients(real_data: Callable[[str], Path]) -> None:
    items = wmh_datalist(real_data("wmh_open_ms"))
    assert [item["patient"] for item in items] == ["patient07", "patient26"]
    voxels = LoadImage()(items[0]["label"])
    assert (tuple(voxels.shape), int(voxels.sum())) == ((182, 218, 182), 1300)


def fill(folder: Path, patient: Patient, number: int) -> None:
    """The challenge's layout for odd numbers, a flat folder for even ones; upper and lower case."""
    images = folder / "pre" if number % 2 else folder
    images.mkdir(exist_ok=True)
    for name in ("FLAIR", "t1"):
        if not (patient.fault == "no image" and name == "t1"):
            put(images / f"{name}{patient.suffix}")
    if patient.fault == "two images":
        put(images / f"FLAIR{'.nii' if patient.suffix != '.nii' else '.nii.gz'}")
    if patient.fault != "no label":
        put(folder / f"{'wmh' if number % 2 else 'Lesion'}{patient.suffix}")


@given(patients(["no image", "two images", "no label"]), st.booleans())
def test_a_random_tree_gives_every_patient_once_or_an_error_that_names_it(chosen: list[Patient], loop: bool) -> None:
    with tree(chosen, fill, loop) as (root, folders):
        faulty = [folder for folder, patient in zip(folders, chosen, strict=True) if patient.fault]
        if faulty:
            with pytest.raises(ValueError, match="needs one file of") as error:
                wmh_datalist(root)
            assert any(str(folder) in str(error.value) for folder in faulty)
            return
        items = wmh_datalist(root)
        found = [Path(item["label"]).parent for item in items]
        assert sorted(found) == sorted(folders)
        for key in ("case", "patient", "flair", "t1", "label"):
            assert len({item[key].casefold() for item in items}) == len(chosen), key
        for item in items:
            folder = Path(item["label"]).parent
            assert all(folder in Path(item[name]).parents for name in ("flair", "t1"))
            assert item["site"] == "/".join(folder.relative_to(root).parts[:-1])
            assert item["ignore_labels"] == ([2] if Path(item["label"]).name.startswith("wmh") else [])


def test_folders_with_other_images_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    write(tmp_path / "p1" / "FLAIR.nii.gz")
    write(tmp_path / "atlas" / "mni.nii.gz")
    wmh_datalist(tmp_path, modalities="flair", require_labels=False)
    assert f"1 cases of 1 patients below {tmp_path}: flair in p1; 0 labels." in caplog.text
    assert "mni.nii.gz (no image or label of a patient)" in caplog.text


def test_a_folder_named_as_a_patient_s_path(tmp_path: Path) -> None:
    for name in ("a-b/c", "a/b-c", "a/b/c"):
        write(tmp_path / name / "FLAIR.nii.gz")
    items = wmh_datalist(tmp_path, modalities="flair", require_labels=False)
    assert sorted(item["case"] for item in items) == sorted(item["patient"] for item in items)
    assert sorted(item["case"] for item in items) == ["a-b_c", "a_b-c", "a_b_c"]
