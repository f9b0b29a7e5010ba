# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose

from monai_boundary.data.volumes.nifti_writer import nifti_header
from monai_boundary.workflows.volumes.lesion_pipeline import lesion_crops, lesion_transforms
from monai_boundary.workflows.volumes.place import at_place_of, check_volume, crop_ratios, load_volumes, native_place
from monai_boundary.workflows.volumes.tumour_pipeline import tumour_crops, tumour_transforms
from tests.data.nifti_files import LAS, write


def test_loaded_volumes_are_finite(tmp_path: Path) -> None:
    values = np.zeros((6, 6, 3), np.float32)
    values[0, 0, 0] = np.inf
    path = str(write(tmp_path / "FLAIR.nii.gz", values))
    with pytest.raises(ValueError, match=r"FLAIR.nii.gz needs finite values, got 0 NaN and 1 infinite of 108 voxels"):
        load_volumes(["flair"])({"flair": path})


def test_nan_of_one_modality_names_its_file(tmp_path: Path) -> None:
    files = [str(write(tmp_path / f"{k}.nii.gz", np.full((6, 6, 3), k, np.float32))) for k in (1.0, np.nan, 2.0)]
    with pytest.raises(ValueError, match=r"nan.nii.gz needs finite values, got 108 NaN"):
        load_volumes(["image"])({"image": files})


def test_volumes_that_are_none() -> None:
    good = MetaTensor(torch.ones(1, 3, 3, 3), affine=torch.eye(4))
    check_volume("a", good, channels=1)
    with pytest.raises(ValueError, match="`a` needs one 3-D volume, got shape"):
        check_volume("a", MetaTensor(torch.ones(2, 3, 3, 3)), channels=1)
    bad = MetaTensor(torch.full((1, 3, 3, 3), torch.nan), meta={"filename_or_obj": "p/T1.nii.gz"})
    with pytest.raises(ValueError, match=r"`a` of p/T1.nii.gz needs finite values, got 27 NaN and 0 infinite"):
        check_volume("a", bad)


def test_rounding_of_a_header_is_taken_away() -> None:
    affine = torch.diag(torch.tensor([1.0, 1, 3, 1], dtype=torch.float64))
    moved = affine.clone()
    moved[0, 3] = 0.09
    target, image = (MetaTensor(torch.ones(1, 4, 4, 4), affine=a) for a in (affine, moved))
    assert torch.equal(at_place_of("label", image, "flair", target).affine, affine)
    assert torch.equal(image.affine, moved), "the input is not changed"
    assert at_place_of("flair", target, "flair", target) is target
    moved[0, 3] = 0.11
    with pytest.raises(ValueError, match="`label` needs the affine of `flair`"):
        at_place_of("label", MetaTensor(torch.ones(1, 4, 4, 4), affine=moved), "flair", target)


def test_the_native_place_of_a_file_and_of_an_array(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nii.gz")
    place = native_place(load_volumes(["a"])({"a": str(path)})["a"])
    np.testing.assert_allclose(place["native_affine"], LAS)
    np.testing.assert_array_equal(place["native_header"], nifti_header(path))
    assert not native_place(MetaTensor(torch.ones(1, 2, 2, 2)))["native_header"].any()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("kind", ["empty", "full"])
def test_a_patient_with_one_kind_of_voxels_stops_no_sampler(tmp_path: Path, share: float, kind: str) -> None:
    values = np.random.default_rng(0).random((12, 12, 6), np.float32) + 0.1
    label = np.full(values.shape, kind == "full", np.uint8)
    image, truth = str(write(tmp_path / "i.nii.gz", values)), str(write(tmp_path / "l.nii.gz", label))
    made = Compose(lesion_transforms(["flair"], maps=True))({"flair": image, "label": truth, "case": "p"})
    crops = Compose(lesion_crops([8, 8, 4], 3, lesion_share=share))(made)
    assert [bool(crop["label"].any()) for crop in crops] == [kind == "full"] * 3
    made = Compose(tumour_transforms(training=True, maps=True))({"image": image, "label": truth, "case": "p"})
    patches = Compose(tumour_crops((8, 8, 4), 3, tumour_share=share, maps=True))(made)
    assert [bool(patch["label"].any()) for patch in patches] == [kind == "full"] * 3
    assert all(bool(torch.isfinite(patch["sdm_label"]).all()) for patch in patches)


def test_ratios_of_crops() -> None:
    assert crop_ratios(0.25) == [0.75, 0.25]
    assert min(*crop_ratios(0.0), *crop_ratios(1.0)) > 0
