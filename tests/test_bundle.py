# SPDX-License-Identifier: Apache-2.0
"""The names of the first version, on the files that they were written for."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from monai.transforms import Compose

from monai_boundary.bundle import SaveLesionsd, lesion_transforms, tumour_transforms
from monai_boundary.data import brats_datalist, wmh_datalist

AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])


def test_lesions(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    label = np.zeros((8, 7, 5), np.uint8)
    label[2:5, 2:5, 1:3] = 1
    grey = np.random.default_rng(0).random(label.shape).astype(np.float32)
    for name, values in (("FLAIR", grey), ("T1", 1 - grey), ("wmh", label)):
        nib.save(nib.Nifti1Image(values, AFFINE), tmp_path / "p" / f"{name}.nii.gz")
    (item,) = wmh_datalist(tmp_path, modalities=("t1", "flair"))
    data = Compose(lesion_transforms(("t1", "flair"), maps=True, percentiles=(0, 100)))(item)
    assert data["image"].shape == (2, 8, 7, 5)
    np.testing.assert_allclose(data["image"].sum(0), 1, atol=1e-5)  # the second is the first, upside down
    assert int(data["label"].sum()) == 18
    assert bool(((data["sdm_label"] < 0) == (data["label"] > 0)).all())

    (item,) = wmh_datalist(tmp_path, modalities=("flair",), require_labels=False)
    data = Compose(lesion_transforms(("flair",), labels=False))(item)
    SaveLesionsd("pred", tmp_path / "out")({**data, "pred": (data["image"] > 0.5).float(), "case": "p"})
    saved = nib.load(tmp_path / "out" / "p_lesions.nii.gz")
    np.testing.assert_allclose(saved.affine, AFFINE)


def test_tumours(tmp_path: Path) -> None:
    folder = tmp_path / "BraTS2021_00000"
    folder.mkdir()
    label = np.zeros((8, 8, 6), np.uint8)
    label[1:6, 1:6, 1:5], label[2:5, 2:5, 2:4], label[3, 3, 3] = 2, 1, 4
    grey = np.random.default_rng(0).random(label.shape).astype(np.float32) + 1
    for name in ("t1ce", "t1", "t2", "flair", "seg"):
        values = label if name == "seg" else grey
        nib.save(nib.Nifti1Image(values, np.eye(4)), folder / f"BraTS2021_00000_{name}.nii.gz")
    (item,) = brats_datalist(tmp_path)
    data = Compose(tumour_transforms())(item)
    assert data["image"].shape[0] == 4
    assert data["label"].flatten(1).sum(1).tolist() == [100, 18, 1]
