# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, LoadImage

from monai_boundary.data import NiftiReader
from monai_boundary.data.volumes.nifti_writer import nifti_header
from monai_boundary.workflows.volumes.pipeline import volume_crops, volume_transforms
from monai_boundary.workflows.volumes.place import at_place_of, check_volume, crop_ratios, native_place, placed_at
from monai_boundary.workflows.volumes.task import VolumeTask
from monai_boundary.workflows.volumes.tasks.brats import brats_task
from monai_boundary.workflows.volumes.tasks.wmh import WMH
from tests.data.nifti_files import LAS, write


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
    place = native_place(LoadImage(reader=NiftiReader, ensure_channel_first=True)(path))
    np.testing.assert_allclose(place["native_affine"], LAS)
    np.testing.assert_array_equal(place["native_header"], nifti_header(path))
    assert not native_place(MetaTensor(torch.ones(1, 2, 2, 2)))["native_header"].any()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("kind", ["empty", "full"])
@pytest.mark.parametrize("task", [WMH.changed(channels=["flair"]), brats_task(["t1c"], ["wt", "tc", "et"])])
def test_a_patient_with_one_kind_of_voxels_stops_no_sampler(
    tmp_path: Path, share: float, kind: str, task: VolumeTask
) -> None:
    values = np.random.default_rng(0).random((12, 12, 6), np.float32) + 0.1
    label = np.full(values.shape, kind == "full", np.uint8)
    image, truth = str(write(tmp_path / "i.nii.gz", values)), str(write(tmp_path / "l.nii.gz", label))
    steps = volume_transforms(task, training=True, maps=True)
    made = Compose(steps)({"image": [image], "label": truth, "case": "p"})
    crops = Compose(volume_crops(task.changed(foreground_share=share), [8, 8, 4], 3, maps=True))(made)
    assert [bool(crop["label"].any()) for crop in crops] == [kind == "full"] * 3
    assert all(bool(torch.isfinite(crop["sdm_label"]).all()) for crop in crops)


def test_an_image_at_another_place_keeps_its_file() -> None:
    image = MetaTensor(torch.ones(1, 2, 2, 2), affine=torch.eye(4), meta={"filename_or_obj": "a.nii.gz"})
    moved = placed_at(torch.zeros(1, 3, 3, 3), torch.diag(torch.tensor([2.0, 2, 2, 1])), image)
    assert (moved.shape, moved.meta["filename_or_obj"]) == ((1, 3, 3, 3), "a.nii.gz")
    assert moved.affine.diagonal().tolist() == [2, 2, 2, 1]
    assert image.affine.diagonal().tolist() == [1, 1, 1, 1]


def test_ratios_of_crops() -> None:
    assert crop_ratios(0.25) == [0.75, 0.25]
    assert min(*crop_ratios(0.0), *crop_ratios(1.0)) > 0
