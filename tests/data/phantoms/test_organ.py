# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from scipy import ndimage

from monai_boundary.data.phantoms.organ import draw_organ, write_organ_phantom

SMALL = {"patients": 3, "shape": (20, 24, 10), "spacing": (1.0, 1.0, 2.0)}


def test_the_folder_is_a_decathlon_s(tmp_path: Path) -> None:
    write_organ_phantom(tmp_path, **SMALL)
    content = json.loads((tmp_path / "dataset.json").read_text())
    assert content["labels"] == {"0": "background", "1": "anterior", "2": "posterior"}
    assert len(content["training"]) == 3
    for entry in content["training"]:
        image, label = (nibabel.load(tmp_path / entry[key]) for key in ("image", "label"))
        assert image.shape == label.shape == (20, 24, 10)
        np.testing.assert_allclose(image.affine, label.affine)
        np.testing.assert_allclose(label.header.get_zooms(), (1, 1, 2))
        assert np.unique(label.dataobj).tolist() == [0, 1, 2]


def test_the_same_folder_is_left_as_it_is_and_another_is_written_anew(tmp_path: Path) -> None:
    write_organ_phantom(tmp_path, **SMALL)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    write_organ_phantom(tmp_path, **SMALL)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == before
    assert {path.suffix for path in before} == {".json", ".gz"}
    (tmp_path / "dataset.json").unlink()
    write_organ_phantom(tmp_path, **{**SMALL, "patients": 1})
    assert sorted(path.name for path in tmp_path.rglob("*.nii.gz")) == ["organ_00.nii.gz"] * 2
    assert len(json.loads((tmp_path / "dataset.json").read_text())["training"]) == 1


def test_two_parts_touch_and_the_anterior_one_lies_in_front() -> None:
    for seed in range(5):
        image, label = draw_organ((24, 28, 16), (1.0, 1.0, 1.5), np.random.default_rng(seed))
        front, back = (np.argwhere(label == k)[:, 1].mean() for k in (1, 2))
        assert front > back
        assert (ndimage.binary_dilation(label == 1) & (label == 2)).any()
        assert 0.03 < (label > 0).mean() < 0.3
        assert image[label == 1].mean() > image[label == 2].mean() > image[label == 0].mean()


def test_foreign_volumes_and_no_patient_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`patients` needs an integer >= 1, got 0"):
        write_organ_phantom(tmp_path, patients=0)
    (tmp_path / "mine.nii.gz").touch()
    with pytest.raises(ValueError, match="`directory` needs to be empty"):
        write_organ_phantom(tmp_path, **SMALL)
