# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.transforms import Compose

from monai_boundary.data import read_volume, wmh_datalist, write_lesion_phantom
from monai_boundary.data.volumes.volume_header import read_volume_header
from monai_boundary.workflows.volumes.pipeline import volume_transforms
from monai_boundary.workflows.volumes.save import SaveVolumesd, check_segmentations
from monai_boundary.workflows.volumes.task import VolumeTask
from monai_boundary.workflows.volumes.tasks.wmh import WMH
from tests.data.nifti_files import LAS, write
from tests.data.volume_layouts import save


def prepared(*files: str, case: str, **options: Any) -> dict[str, Any]:
    task = WMH.changed(channels=["flair", "t1"][: len(files)], **options)
    return Compose(volume_transforms(task, labels=False))({"image": list(files), "case": case})


def test_segmentations_lie_on_the_grid_of_the_input(tmp_path: Path) -> None:
    """What is written at a voxel of the input belongs to that voxel, for LAS, qform-only and oblique files."""
    items = write_lesion_phantom(tmp_path / "data", patients=3, shape=(32, 40, 12))
    for item in items:
        data = prepared(item["flair"], item["t1"], case=item["case"], percentiles=(0, 100))
        brightest = data["image"][:1] > 0.5
        data |= {"mask": brightest.float(), "probability": torch.cat([1 - data["image"][:1], data["image"][:1]])}
        save = SaveVolumesd(["mask", "probability"], tmp_path / "out", ["m", "p"], ["uint8", "float32"])
        save(data)
        source = nibabel.load(item["flair"])
        values = np.asarray(source.dataobj)
        scaled = (values - values.min()) / (values.max() - values.min())
        mask = nibabel.load(tmp_path / "out" / f"{item['case']}_m.nii.gz")
        assert mask.get_data_dtype() == np.uint8
        assert mask.shape == source.shape
        np.testing.assert_allclose(mask.affine, source.affine, atol=1e-4)
        probability = nibabel.load(tmp_path / "out" / f"{item['case']}_p.nii.gz")
        np.testing.assert_allclose(np.asarray(probability.dataobj), scaled, atol=1e-5)
        away_from_half = np.abs(scaled - 0.5) > 1e-4
        np.testing.assert_array_equal((np.asarray(mask.dataobj) == 1)[away_from_half], (scaled > 0.5)[away_from_half])
    assert len(list((tmp_path / "out").iterdir())) == 6


AXES = [np.eye(3)[:, list(order)] for order in itertools.permutations(range(3))]
SIGNS = [np.diag(signs) for signs in itertools.product((1.0, -1.0), repeat=3)]


@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 4, 1), (1, 4, 3)])
@pytest.mark.parametrize("angle", [0.0, 20.0, 45.0])
def test_every_orientation_can_be_written(tmp_path: Path, shape: tuple[int, ...], angle: float) -> None:
    """All 48 orders and directions of the axes, straight and oblique; volumes and single slices."""
    rng = np.random.default_rng(0)
    turn = np.eye(3)
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn[:2, :2] = [[cos, -sin], [sin, cos]]
    save = SaveVolumesd("pred", tmp_path / "out", output_dtype="float32")
    for k, (axes, signs) in enumerate(itertools.product(AXES, SIGNS)):
        affine = np.eye(4)
        affine[:3, :3] = turn @ axes @ signs @ np.diag([0.9, 1.1, 4.0])
        affine[:3, 3] = 7, -20, 3
        values = rng.random(shape, np.float32)
        path = write(tmp_path / f"{k}" / "FLAIR.nii.gz", values, affine)
        data = prepared(str(path), case=f"{k}", percentiles=(0, 100))
        save({**data, "pred": data["image"].clone()})
        made = nibabel.load(tmp_path / "out" / f"{k}_lesions.nii.gz")
        np.testing.assert_allclose(made.affine, nibabel.load(path).affine, atol=1e-6)
        np.testing.assert_allclose(made.get_fdata(), (values - values.min()) / np.ptp(values), atol=1e-5)


def test_nothing_is_replaced(tmp_path: Path) -> None:
    """Not what was there, without `overwrite`; and never the output of another input of the same run."""
    for name, value in (("a-b/c", 0.25), ("a/b-c", 0.75)):
        voxels = np.full((6, 6, 3), value, np.float32)
        voxels[0, 0, 0] = 0
        write(tmp_path / "data" / name / "FLAIR.nii.gz", voxels)
    items = wmh_datalist(tmp_path / "data", modalities="flair", require_labels=False)
    assert len({item["case"] for item in items}) == len({item["patient"] for item in items}) == 2
    check_segmentations(items, tmp_path / "out", ["lesions", "probability"])
    for overwrite in (False, True):
        save = SaveVolumesd("pred", tmp_path / "out", output_dtype="float32", overwrite=overwrite)
        for item in items:
            data, value = (
                prepared(item["flair"], case=item["case"]),
                float(nibabel.load(item["flair"]).get_fdata().max()),
            )
            save({**data, "pred": torch.full_like(data["image"], value)})
        for item in items:
            made = nibabel.load(tmp_path / "out" / f"{item['case']}_lesions.nii.gz")
            assert made.get_fdata().min() == nibabel.load(item["flair"]).get_fdata().max()
    with pytest.raises(ValueError, match="`overwrite` needs to be true to replace the 2 of 4 outputs"):
        check_segmentations(items, tmp_path / "out", ["lesions", "probability"])
    check_segmentations(items, tmp_path / "out", overwrite=True)
    with pytest.raises(ValueError, match=r"overwrite=True .*lesions.nii.gz"):
        SaveVolumesd("pred", tmp_path / "out")({**data, "pred": data["image"]})
    first = {**prepared(items[0]["flair"], case="same")}
    save({**first, "pred": first["image"]})
    with pytest.raises(ValueError, match=r"`case` needs to differ, got 'same' of .*FLAIR.nii.gz and of .*FLAIR.nii.gz"):
        save({**data, "case": "same", "pred": data["image"]})
    with pytest.raises(ValueError, match="`case` needs a name that a file can have, got 'a/b'"):
        save({**data, "case": "a/b", "pred": data["image"]})


def test_a_folder_that_cannot_be_written_is_found_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="needs a folder that can be written"):
        check_segmentations([{"case": "a"}], tmp_path / "file")
    with pytest.raises(ValueError, match="needs a name for every output"):
        check_segmentations([{"case": "a"}, {"case": "A"}], tmp_path / "out")


def test_qform_sform_and_unit_are_those_of_the_input(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.random.default_rng(0).random((6, 5, 4), np.float32), np.diag([900, 1100, 4000, 1]))
    image.set_qform(np.diag([-900, -1100, 4000, 1]), 1)
    image.set_sform(np.diag([900, 1100, 4000, 1]), 2)
    image.header.set_xyzt_units("micron")
    image.to_filename(tmp_path / "FLAIR.nii.gz")
    data = prepared(str(tmp_path / "FLAIR.nii.gz"), case="p")
    (loaded,) = DataLoader(Dataset([data]), batch_size=1)  # as in inference: collated, and taken apart again
    one = {key: value[0] for key, value in loaded.items()}
    one["image"] = MetaTensor(data["image"].as_tensor(), meta=dict(data["image"].meta))
    SaveVolumesd("pred", tmp_path / "out")({**one, "pred": (one["image"] > 0.5).float()})
    made = nibabel.load(tmp_path / "out" / "p_lesions.nii.gz")
    np.testing.assert_array_equal(made.get_qform(), image.get_qform())
    np.testing.assert_array_equal(made.get_sform(), image.get_sform())
    assert [int(made.header[code]) for code in ("qform_code", "sform_code")] == [1, 2]
    assert made.header.get_xyzt_units()[0] == "micron"


def test_an_image_of_another_grid_is_refused(tmp_path: Path) -> None:
    image = MetaTensor(torch.zeros(1, 4, 4, 4), affine=torch.diag(torch.tensor([2.0, 2, 2, 1])))
    with pytest.raises(ValueError, match="`image` needs the grid of `native_affine`"):
        SaveVolumesd("image", tmp_path)({"image": image, "case": "a", "native_affine": torch.as_tensor(LAS)})


FLAT = np.array([[0.6, -0.8, 0, 7], [0.8, 0.6, 0, -3], [0, 0, 1, 0], [0, 0, 0, 1.0]]) @ np.diag([0.5, 2, 1, 1])


@pytest.mark.parametrize(
    ("suffix", "mask", "probability"),
    [(".nii.gz",) * 3, (".mha",) * 3, (".nrrd",) * 3, (".png", ".png", ".tif"), (".tif", ".png", ".tif")],
)
def test_two_dimensions_are_written_as_they_came(tmp_path: Path, suffix: str, mask: str, probability: str) -> None:
    voxels = np.random.default_rng(0).permutation(np.arange(48, dtype=np.uint8)).reshape(8, 6)
    file = save(tmp_path / f"a{suffix}", voxels, np.eye(4) if suffix in (".png", ".tif") else FLAT)
    item = {"image": [str(file)], "case": "a"}
    task = VolumeTask({"mri": "zscore"}, {"background": 0, "a": 1}, spatial_dims=2)
    data = Compose(volume_transforms(task, labels=False))(item)
    assert data["image"].shape[-1] == 1
    above = (data["image"] > data["image"].median()).float()
    check_segmentations([item], tmp_path / "out", ["m", "p"])
    SaveVolumesd(["m", "p"], tmp_path / "out", ["m", "p"], ["uint8", "float32"])({**data, "m": above, "p": above / 2})
    for name, factor in ((f"a_m{mask}", 1.0), (f"a_p{probability}", 0.5)):
        path = tmp_path / "out" / name
        source, written = read_volume_header(file), read_volume_header(path)
        assert written[:2] == source[:2]
        assert written.axes == source.axes == 2
        if suffix != ".tif" or mask != ".png":  # a PNG states no size
            np.testing.assert_allclose(written.affine, source.affine, atol=1e-5)
        np.testing.assert_array_equal(read_volume(path)[0][..., 0], factor * (voxels > np.sort(voxels.ravel())[23]))
    with pytest.raises(ValueError, match="a_m"):
        check_segmentations([item], tmp_path / "out", "m")
