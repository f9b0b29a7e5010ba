# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_boundary.workflows.volumes.case_checks import check_cases
from monai_boundary.workflows.volumes.task import VolumeTask
from tests.data.nifti_files import write

TASK = VolumeTask({"mri": "zscore"}, {"background": 0, "a": 1, "b": 2}, ignore_labels=[9])
IMAGE = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
LABEL = np.zeros((3, 4, 5), np.uint8)


def case(folder: Path, name: str, image: Any = IMAGE, label: Any = LABEL, place: Any = None) -> dict[str, Any]:
    """Write one case, with spaces and letters of other scripts in its name."""
    paths = [folder / f"{part} Ä {name}.nii.gz" for part in ("image", "label")]
    write(paths[0], np.asarray(image), np.eye(4))
    write(paths[1], np.asarray(label), np.eye(4) if place is None else place)
    return {"image": str(paths[0]), "label": str(paths[1]), "case": name}


def with_values(**voxels: int | float) -> Any:
    label = np.zeros((3, 4, 5), np.float32)
    for k, value in enumerate(voxels.values()):
        label.flat[k] = value
    return label


def test_good_cases_pass(tmp_path: Path) -> None:
    check_cases([case(tmp_path, "one", label=with_values(a=1, b=2, ignored=9, nearly=0.9999))], TASK)


def test_everything_that_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    shifted = np.eye(4)
    shifted[0, 3] = 0.5
    items = [
        case(tmp_path, "good"),
        case(tmp_path, "flat", image=IMAGE[..., 0], label=LABEL[..., 0]),
        case(tmp_path, "four", image=np.stack([IMAGE, IMAGE], -1)),
        case(tmp_path, "soft", label=with_values(a=0.5)),
        case(tmp_path, "strange", label=with_values(a=7, b=7, c=-1)),
        case(tmp_path, "moved", place=shifted),
        case(tmp_path, "smaller", label=LABEL[:, :, 1:]),
    ]
    (tmp_path / "torn.nii.gz").write_bytes(b"no image")
    items.append({"image": str(tmp_path / "torn.nii.gz"), "label": items[0]["label"], "case": "torn"})
    with pytest.raises(ValueError, match="needs a data set without gaps, got the folder with") as error:
        check_cases(items, TASK, "the folder")
    text = str(error.value)
    for part in (
        "images of two dimensions among volumes (1): ",
        "cases of another number of channels (1): four (1 (mri) are needed, 2 are there: ",
        "labels that hold no ids (1): ",
        "got 0.5 (1 of 60 values",
        "-1 (1 voxels), 7 (2 voxels); declared are 0, 1, 2, 9",
        "0.5 mm apart",
        "(3, 4, 4) voxels, the image has (3, 4, 5)",
        "files that cannot be read (1): ",
        "image Ä flat.nii.gz (",
        "image Ä good.nii.gz has three)",
    ):
        assert part in text, part
    assert text.count("good") == 1


def test_a_channel_that_a_case_lacks(tmp_path: Path) -> None:
    task = VolumeTask({"t1": "zscore", "t2": "zscore"}, {"background": 0, "a": 1})
    both, one = case(tmp_path, "both"), case(tmp_path, "one")
    both["image"] = [both["image"], one["image"]]
    with pytest.raises(
        ValueError, match=r"another number of channels \(1\): one \(2 \(t1, t2\) are needed, 1 are there"
    ):
        check_cases([both, one], task)


def test_images_of_two_dimensions(tmp_path: Path) -> None:
    items = [case(tmp_path, name, image=IMAGE[..., 0], label=LABEL[..., 0]) for name in "ab"]
    check_cases(items, TASK.changed(spatial_dims=2))
    with pytest.raises(ValueError, match=r"for a network in 3-D \(1\): .*image Ä a.nii.gz \(give `spatial_dims` 2\)"):
        check_cases(items, TASK)
