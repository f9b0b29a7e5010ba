# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from monai.transforms import Compose

from monai_boundary.data.phantoms.organ import write_organ_phantom
from monai_boundary.workflows.volumes.case_checks import check_cases
from monai_boundary.workflows.volumes.fitting import fitting_patch
from monai_boundary.workflows.volumes.own_data import own_inputs, own_scored, own_split
from monai_boundary.workflows.volumes.pipeline import volume_crops, volume_transforms
from monai_boundary.workflows.volumes.task import VolumeTask
from tests.data.volume_layouts import blob, save, write_json, write_nnunet

SMALL: dict[str, Any] = {"patients": 4, "shape": (12, 12, 8)}
TASK = VolumeTask({"MRI": "zscore"}, {"background": 0, "anterior": 1, "posterior": 2})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_organ_phantom(tmp_path_factory.mktemp("organ"), **SMALL)


def names(items: list[dict[str, Any]]) -> list[str]:
    return [item["case"] for item in items]


def test_split_and_task(folder: Path, tmp_path: Path) -> None:
    parts = [own_split(folder, tmp_path, fold=k, num_folds=2) for k in (0, 1)]
    assert parts[0]["task"] == TASK
    assert sorted(names(parts[0]["training"])) == sorted(names(parts[1]["validation"]))
    assert sorted(names(parts[0]["training"] + parts[0]["validation"])) == [f"organ_{k:02d}" for k in range(4)]
    assert parts[0]["source"] == str(folder / "dataset.json")
    resampled = own_split(folder, tmp_path, spacing="median", num_folds=2)["task"]
    assert resampled.spacing == (1.0, 1.0, 1.5)
    assert own_split(folder, tmp_path, num_folds=2, task=resampled)["task"] == resampled


def test_a_known_task_takes_the_options_that_are_given(folder: Path, tmp_path: Path) -> None:
    """As the bundle's train.yaml passes them: what is None stays the task's own, nothing else is dropped."""
    own = TASK.changed(flips=[1], percentiles=[1, 99], slice_axis=1, scores=["dice"])
    options: dict[str, Any] = {"num_folds": 2, "task": own}
    kept = own_split(folder, tmp_path, slice_axis=None, flips=None, percentiles=None, **options)["task"]
    assert kept == own
    given = {"slice_axis": 0, "flips": (), "percentiles": (5, 95), "ct_window": (0, 9), "scores": ("hd95_mm", "dice")}
    changed = own_split(folder, tmp_path, **given, **options)["task"]
    assert changed == own.changed(**given)
    with pytest.raises(ValueError, match=r"`labels` needs None beside a task, which has its own, got \{'a': 1\}"):
        own_split(folder, tmp_path, labels={"a": 1}, **options)


def test_few_patients(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        parts = own_split(folder, tmp_path, num_folds=5)
        assert len(parts["validation"]) == 1
        write_organ_phantom(tmp_path / "one", **{**SMALL, "patients": 1})
        alone = own_split(tmp_path / "one", tmp_path)
    assert alone["training"] == alone["validation"]
    assert "4 patients are fewer than 5 folds" in caplog.text
    assert "Only one patient" in caplog.text
    with pytest.raises(ValueError, match=r"`fold` needs 0\.\.3, got 4"):
        own_split(folder, tmp_path, fold=4)


def test_time_points_of_a_patient_are_on_one_side_by_their_names(tmp_path: Path) -> None:
    names_of_cases = ("p01_t1", "p01_t2", "p02_t1", "p02_t2", "p03_t1")
    folder = write_nnunet(tmp_path, names_of_cases)
    held = []
    for fold in range(3):
        parts = own_split(folder, tmp_path / "out", fold=fold, num_folds=3, patient_pattern=r"p\d+")
        sides = [{name[:3] for name in names(parts[part])} for part in ("training", "validation")]
        assert sides[0].isdisjoint(sides[1])
        held += names(parts["validation"])
    assert sorted(held) == list(names_of_cases)
    write_json(folder / "splits_final.json", [{"train": list(names_of_cases[1:]), "val": ["p01_t1"]}])
    with pytest.raises(ValueError, match="`patient_pattern` needs a data set that states no split, got"):
        own_split(folder, tmp_path / "out", patient_pattern=r"p\d+")


def test_gaps_of_a_listing_are_named_at_once_before_any_file_is_read(tmp_path: Path) -> None:
    """A channel that one case lacks, a label that is not there, a fold without cases."""
    folder = write_nnunet(tmp_path)
    (folder / "imagesTr" / "a_1_0001.nii.gz").unlink()
    (folder / "labelsTr" / "b_2.nii.gz").unlink()
    write_json(folder / "splits_final.json", [{"train": ["a_1", "b_2", "c_3"], "val": []}])
    (folder / "labelsTr" / "c_3.nii.gz").write_bytes(b"torn")
    with pytest.raises(ValueError, match="`dataset_dir` needs a data set without gaps") as error:
        own_split(folder, tmp_path / "out")
    text = str(error.value)
    assert "missing files (2): " in text
    assert "a_1_0001.nii.gz" in text
    assert "b_2.nii.gz" in text
    assert "folds without cases (1): " in text


def test_without_a_data_set_the_phantom_is_drawn(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        parts = own_split(None, tmp_path, phantom=SMALL)
    assert parts["source"] == str(tmp_path / "phantom" / "dataset.json")
    assert "Their scores say nothing about real images" in caplog.text


def test_what_is_scored(folder: Path, tmp_path: Path) -> None:
    data = own_split(folder, tmp_path, num_folds=2)
    assert own_scored(data, None, "training", task=TASK) == {"part": "training", "items": data["training"]}
    test = own_scored(None, [str(folder)], task=TASK)
    assert (test["part"], names(test["items"])) == ("test", [f"organ_{k:02d}" for k in range(4)])
    with pytest.raises(ValueError, match="`test_dir` needs a test set where there is no `dataset_dir`"):
        own_scored(None, None, task=TASK)
    with pytest.raises(ValueError, match="`test_dir` needs cases of different names, got 'organ_00' twice"):
        own_scored(None, [folder, folder], task=TASK)
    one_class = VolumeTask({"MRI": "zscore"}, {"background": 0, "anterior": 1})
    with pytest.raises(ValueError, match=r"`test_dir` needs.*ids that are not declared \(4\)"):
        own_scored(None, folder, task=one_class)


def test_a_test_set_that_was_trained_on_says_so(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = own_split(folder, tmp_path, num_folds=4)
    (tmp_path / "link").symlink_to(folder)
    own_scored(data, tmp_path / "link", task=TASK)
    assert "3 of the 4 items of the test set were trained on: the scores include them." in caplog.text
    caplog.clear()
    shutil.copytree(folder, tmp_path / "copy")
    own_scored(data, tmp_path / "copy", task=TASK)
    own_scored(None, folder, task=TASK)
    assert "were trained on" not in caplog.text


def test_inputs_of_a_file_a_folder_and_a_data_set(folder: Path, tmp_path: Path) -> None:
    images = folder / "imagesTr"
    (one,) = own_inputs(images / "organ_02.nii.gz", TASK, tmp_path)
    assert (one["case"], one["image"]) == ("organ_02", str(images / "organ_02.nii.gz"))
    assert names(own_inputs(images, TASK, tmp_path)) == [f"organ_{k:02d}" for k in range(4)]
    assert all("label" not in item for item in own_inputs(folder, TASK, tmp_path))
    for case in ("Ä 1", "b"):
        for k in range(2):
            (tmp_path / "two").mkdir(exist_ok=True)
            shutil.copy(images / "organ_00.nii.gz", tmp_path / "two" / f"{case}_{k:04d}.nii.gz")
    one_channel = own_inputs(tmp_path / "two", TASK, tmp_path)
    assert names(one_channel) == ["b_0000", "b_0001", "Ä 1_0000", "Ä 1_0001"], "numbers of cases"
    two = VolumeTask({"t1": "zscore", "t2": "zscore"}, TASK.labels)
    items = own_inputs(tmp_path / "two", two, tmp_path)
    assert [(item["case"], len(item["image"])) for item in items] == [("b", 2), ("Ä 1", 2)]
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4)), np.eye(4)), tmp_path / "two" / "b_0002.nii.gz")
    with pytest.raises(ValueError, match=r"`dataset_dir` needs 2 files for each case \(t1, t2\).*b \(3\)"):
        own_inputs(tmp_path / "two", two, tmp_path)


def test_a_folder_of_pictures_is_trained_on_in_two_dimensions(tmp_path: Path) -> None:
    """Pairs of PNG from the folder to crops: what the network sees, its target, and the patch that fits."""
    for k in range(4):
        image, label = blob(k, (24, 20))
        save(tmp_path / "images" / f"case {k}.png", image.astype(np.uint8))
        save(tmp_path / "labels" / f"case {k}.png", label)
    data = own_split(tmp_path, tmp_path, labels={"front": 1, "back": 2}, spatial_dims=2, num_folds=2)
    task, items = data["task"], data["training"]
    check_cases(items, task)
    patch = fitting_patch(items, task, [2, 2])
    assert patch == [24, 20]
    steps = [*volume_transforms(task, training=True, maps=True), *volume_crops(task, patch, 2, maps=True)]
    crops = Compose(steps)(items[0])
    assert [tuple(crop["image"].shape) for crop in crops] == [(1, 24, 20)] * 2
    assert {int(crop["label"].max()) for crop in crops} == {2}
    assert all(crop["sdm_label"].shape == (3, 24, 20) for crop in crops)
    assert own_inputs(tmp_path / "images", task, tmp_path)[1]["case"] == "case 1"
