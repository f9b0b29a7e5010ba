# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import CacheDataset, Dataset, PersistentDataset
from monai.transforms import Compose, RandLambdad

from monai_boundary.data import write_lesion_phantom
from monai_boundary.workflows.volumes.challenge_data import challenge_patients, challenge_split, patients_per_batch
from monai_boundary.workflows.volumes.dataset import volume_dataset
from monai_boundary.workflows.volumes.pipeline import volume_transforms
from monai_boundary.workflows.volumes.tasks.wmh import WMH
from tests.data.nifti_files import label, write

SMALL = {"patients": 4, "shape": [32, 32, 8]}


@pytest.mark.parametrize(
    ("layout", "modalities"),
    [("wmh", ["flair", "t1"]), ("wmh", ["flair"]), ("isles2022", ["dwi", "flair"]), ("isles2018", ["cbf", "tmax"])],
)
def test_no_data_set_is_a_phantom_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, layout: str, modalities: list[str]
) -> None:
    caplog.set_level(logging.INFO)
    split = challenge_split(None, layout, modalities, tmp_path, fold=1, num_folds=2, phantom=SMALL)
    assert "No data set was given" in caplog.text
    assert "say nothing about real images" in caplog.text
    assert "2 cases for training; for validation 2" in caplog.text
    sides = [{item["patient"] for item in split[part]} for part in ("training", "validation")]
    assert not sides[0] & sides[1]
    item = split["training"][0]
    assert len(item["image"]) == len(modalities)
    assert all(name in Path(file).name.lower() for name, file in zip(modalities, item["image"], strict=True))
    assert Path(item["label"]).is_file()
    assert (tmp_path / f"phantom_{layout}").is_dir()


def test_the_sites_are_spread_over_the_folds(tmp_path: Path) -> None:
    for fold in (0, 1):
        split = challenge_split(None, "wmh", ["flair"], tmp_path, fold=fold, num_folds=2, phantom=SMALL)
        assert sorted(item["site"] for item in split["validation"]) == ["SiteA", "SiteB"]


def test_few_patients_are_folds_and_a_single_one_is_on_both_sides(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_lesion_phantom(tmp_path / "two", patients=2, shape=(32, 32, 8))
    split = challenge_split(tmp_path / "two", "wmh", ["flair"], tmp_path, num_folds=5)
    assert (len(split["training"]), len(split["validation"])) == (1, 1)
    assert "2 patients are fewer than 5 folds" in caplog.text
    with pytest.raises(ValueError, match=r"`fold` needs 0\.\.1, got 3"):
        challenge_split(tmp_path / "two", "wmh", ["flair"], tmp_path, fold=3, num_folds=5)
    write_lesion_phantom(tmp_path / "one", patients=1, shape=(32, 32, 8))
    split = challenge_split(tmp_path / "one", "wmh", ["flair"], tmp_path)
    assert split["training"] == split["validation"]
    assert "Only one patient" in caplog.text


def test_patients_without_labels_and_of_a_single_folder(tmp_path: Path) -> None:
    items = write_lesion_phantom(tmp_path, patients=2, shape=(32, 32, 8))
    Path(items[0]["label"]).unlink()
    with pytest.raises(ValueError, match="`require_labels` needs one file of 'label' for patient 'SiteA-0', got none"):
        challenge_patients(tmp_path, "wmh", ["flair"], tmp_path)
    found = challenge_patients(tmp_path, "wmh", ["flair"], tmp_path, require_labels=False)
    assert [sorted(item) for item in found] == [["case", "ignore_labels", "image", "patient", "site"]] * 2
    (one,) = challenge_patients(Path(items[1]["label"]).parent, "wmh", ["flair"], tmp_path, require_labels=False)
    assert one["image"] == [items[1]["flair"]]


def test_the_layout_is_known(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="`layout` needs one of 'wmh', 'isles2022', 'isles2018', 'brats', got 'mslesseg'"
    ):
        challenge_patients(None, "mslesseg", ["flair"], tmp_path)


def test_caches_give_the_same_and_notice_another_option(tmp_path: Path) -> None:
    (one,) = write_lesion_phantom(tmp_path / "data", patients=1, shape=(32, 32, 8))
    items = [{"image": [one["flair"]], **{key: one[key] for key in ("label", "case", "ignore_labels")}}]
    calls: list[int] = []

    def twice(values: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return values * 2

    def dataset(cache: str, **options: Any) -> Dataset:
        steps = [
            *volume_transforms(WMH.changed(channels=["flair"]), training=True, maps=True, **options),
            RandLambdad("image", twice, prob=1.0),
        ]
        return volume_dataset(items, Compose(steps), cache, tmp_path / "cache")

    plain = dataset("none")[0]
    for cache, kind in [("memory", CacheDataset), ("disk", PersistentDataset)]:
        made = dataset(cache)
        assert isinstance(made, kind)
        for again in (made[0], made[0]):
            for key in ("image", "label", "label_ids", "label_counted", "sdm_label", "spacing"):
                torch.testing.assert_close(again[key], plain[key], rtol=0, atol=0)
    assert len(calls) == 5, "what is random is never cached"
    assert len(list((tmp_path / "cache").glob("*.pt"))) == 1
    dataset("disk")[0]
    assert len(list((tmp_path / "cache").glob("*.pt"))) == 1, "a new dataset finds the file"
    clipped = dataset("disk", clip=5.0)[0]["sdm_label"]
    assert float(clipped.max()) == 5.0
    assert len(list((tmp_path / "cache").glob("*.pt"))) == 2
    with pytest.raises(ValueError, match="`cache` needs one of 'memory', 'disk', 'none', got 'ram'"):
        volume_dataset(items, Compose([]), "ram")


def test_patients_per_batch() -> None:
    assert patients_per_batch(8, 4) == 2
    for batch, crops in [(6, 4), (2, 4), (8, 0)]:
        with pytest.raises(ValueError, match=rf"`batch_size` needs a multiple of `crops` \({crops} of each patient\)"):
            patients_per_batch(batch, crops)


def test_time_points_of_one_patient_stay_together(tmp_path: Path) -> None:
    for folder, case in (("baseline", "5-100"), ("followup", "5-101"), ("baseline", "6-100"), ("followup", "7-100")):
        for suffix in ("t1c", "seg"):
            place = tmp_path / folder / f"BraTS-GLI-{case}"
            write(place / f"{place.name}-{suffix}.nii.gz", label(1) if suffix == "seg" else None)
    for fold in range(3):
        parts = challenge_split(tmp_path, "brats", ["t1c"], tmp_path, fold=fold, num_folds=3)
        sides = [{item["patient"] for item in part} for part in parts.values()]
        assert not sides[0] & sides[1]
        assert sides[0] | sides[1] == {"BraTS-GLI-5", "BraTS-GLI-6", "BraTS-GLI-7"}


def test_patients_by_a_pattern(tmp_path: Path) -> None:
    """WMH's reader takes every folder for a patient; the pattern says which folders are one."""
    for name in ("sub-1/baseline", "sub-1/followup", "sub-2/baseline", "sub-3/baseline"):
        write(tmp_path / name / "FLAIR.nii.gz")
        write(tmp_path / name / "lesion.nii.gz", label(1))
    for fold in range(3):
        parts = challenge_split(tmp_path, "wmh", ["flair"], tmp_path, fold, 3, patient_pattern=r"(sub-\d)-")
        sides = [{item["patient"] for item in part} for part in parts.values()]
        assert (len(sides[0]), len(sides[1]), sides[0] & sides[1]) == (2, 1, set())
    patients = {
        item["patient"] for item in challenge_patients(tmp_path, "wmh", ["flair"], tmp_path, patient_pattern="sub-.")
    }
    assert patients == {"sub-1", "sub-2", "sub-3"}
    with pytest.raises(ValueError, match="`patient_pattern` needs to be found in all cases, got 'ses' and 'sub-1-base"):
        challenge_patients(tmp_path, "wmh", ["flair"], tmp_path, patient_pattern="ses")
    with pytest.raises(ValueError, match="`patient_pattern` needs a regular expression, got"):
        challenge_patients(tmp_path, "wmh", ["flair"], tmp_path, patient_pattern="(")


@pytest.mark.parametrize("with_lesion", [(), ("p0",), ("p2",)])
def test_labels_that_are_all_empty_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, with_lesion: tuple[str, ...]
) -> None:
    for name in ("p0", "p1", "p2"):
        write(tmp_path / name / "FLAIR.nii.gz")
        # other pathology is no lesion
        write(tmp_path / name / "wmh.nii.gz", label(1, 2) if name in with_lesion else label(2, 2))
    parts = challenge_split(tmp_path, "wmh", ["flair"], tmp_path, num_folds=3)
    held = {item["case"] for item in parts["validation"]}
    assert ("None of the 2 labels for training holds a lesion" in caplog.text) == (not set(with_lesion) - held)
    assert ("None of the 1 labels for validation holds a lesion" in caplog.text) == (not held & set(with_lesion))


def test_a_damaged_label_is_named(tmp_path: Path) -> None:
    for name in ("p0", "p1"):
        write(tmp_path / name / "FLAIR.nii.gz")
        path = write(tmp_path / name / "lesion.nii.gz", np.random.default_rng(0).random((6, 6, 3)))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"p1.lesion.nii.gz' \("):
        challenge_split(tmp_path, "wmh", ["flair"], tmp_path, num_folds=2)


def test_other_modalities_than_flair_need_no_label(tmp_path: Path) -> None:
    write(tmp_path / "p1" / "CT.nii.gz")
    (item,) = challenge_patients(tmp_path, "wmh", ["ct"], tmp_path, require_labels=False)
    assert item["case"] == "p1"
    with pytest.raises(ValueError, match=r"an image of `modalities` \(flair, pet\) .* \(images there: ct\)"):
        challenge_patients(tmp_path, "wmh", ["pet"], tmp_path, require_labels=False)


def test_folders_that_cannot_be_written_are_found_first(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"needs a folder that can be written, got .*file"):
        volume_dataset([], Compose([]), "disk", tmp_path / "file")
    with pytest.raises(ValueError, match=r"needs a folder that can be written, got .*file"):
        challenge_patients(None, "wmh", ["flair"], tmp_path / "file")
