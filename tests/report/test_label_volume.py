# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import tifffile
import zarr
from PIL import Image

from monai_boundary.report import LabelVolume, grid_difference, read_label_volume, resample_nearest
from monai_boundary.report.label_volume import GivenSpacing
from tests.report.case_folders import write_nifti

VALUES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)  # x, y, z


def write_itk(path: Path, values: Any = VALUES) -> Path:
    """The same image as `write_nifti`'s, in ITK's world, which is LPS."""
    image = sitk.GetImageFromArray(values.T)
    image.SetSpacing((1.0, 2.0, 3.0))
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    image.SetOrigin((-10.0, -20.0, 30.0))
    sitk.WriteImage(image, path)
    return path


@pytest.mark.parametrize("name", ["a.mha", "a.nrrd", "a.nii.gz", "a.mhd"])
def test_medical_files_agree_with_itk(tmp_path: Path, name: str) -> None:
    ours = read_label_volume(write_itk(tmp_path / name))
    nifti = read_label_volume(write_nifti(tmp_path / "b.nii", VALUES, (1, 2, 3), (10, 20, 30)))
    np.testing.assert_array_equal(ours.values, VALUES)
    assert ours.unit == nifti.unit == "mm"
    assert ours.spacing == pytest.approx((1, 2, 3))
    assert grid_difference(ours, nifti) == ""
    assert ours.affine is not None
    np.testing.assert_allclose(ours.affine @ [1, 1, 1, 1], [11, 22, 33, 1], atol=1e-5)


def test_nifti_in_micrometres_and_with_trailing_axes(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(VALUES[..., None], np.diag([4.0, 4.0, 40.0, 1.0]))
    image.header.set_xyzt_units("micron")
    nibabel.save(image, tmp_path / "a.nii")
    found = read_label_volume(tmp_path / "a.nii")
    assert found.values.shape == (2, 3, 4)
    assert found.spacing == pytest.approx((0.004, 0.004, 0.04))


def test_stacks(tmp_path: Path) -> None:
    stack = VALUES.T  # z, y, x
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["volumes/raw"] = stack + 100
        file["volumes/labels/neuron_ids"] = stack
        file["volumes/labels/neuron_ids"].attrs["resolution"] = (40.0, 4.0, 4.0)
    zarr.save_array(tmp_path / "a.zarr", stack)
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack")
    (tmp_path / "pngs").mkdir()
    for k, section in enumerate(stack):
        Image.fromarray(section).save(tmp_path / "pngs" / f"{k}.png")
    for name in ("a.h5", "a.zarr", "a.tif", "pngs"):
        found = read_label_volume(tmp_path / name)
        np.testing.assert_array_equal(found.values, stack)
        assert (found.unit, found.spacing) == (("nm", (40.0, 4.0, 4.0)) if name == "a.h5" else ("voxel", (1, 1, 1)))
    assert read_label_volume(tmp_path / "a.h5", dataset="volumes/raw").values.max() == 123
    stated = read_label_volume(tmp_path / "a.tif", spacing=(3.0, 1.0, 1.0))
    assert (stated.unit, stated.spacing) == ("mm", (3.0, 1.0, 1.0))
    stated = read_label_volume(tmp_path / "a.tif", spacing=GivenSpacing((40.0, 4.0, 4.0), "nm"))
    assert (stated.unit, stated.spacing) == ("nm", (40.0, 4.0, 4.0))


def test_a_picture_of_0_and_255_is_a_mask(tmp_path: Path) -> None:
    for values, expected in (([[0, 255]], [[0, 1]]), ([[0, 1, 255]], [[0, 1, 255]])):
        Image.fromarray(np.array(values, np.uint8)).save(tmp_path / "a.png")
        assert read_label_volume(tmp_path / "a.png").values.tolist() == expected


def test_what_cannot_be_read_names_the_file(tmp_path: Path) -> None:
    whole = write_nifti(tmp_path / "whole.nii.gz", np.random.default_rng(0).integers(0, 9, (30, 30, 30), np.uint8))
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(whole.read_bytes()[:2000])
    colour = sitk.Image((4, 4, 4), sitk.sitkVectorUInt8, 3)
    sitk.WriteImage(colour, tmp_path / "colour.mha")
    (tmp_path / "text.nrrd").write_text("nothing")
    write_nifti(tmp_path / "series.nii", np.zeros((3, 3, 3, 2), np.uint8))
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["one"] = file["other"] = VALUES
    for name, words in [
        ("cut.nii.gz", "cannot be read"),
        ("text.nrrd", "cannot be read"),
        ("missing.nii", "cannot be read"),
        ("colour.mha", "one label per voxel, got 3 channels"),
        ("series.nii", r"2 or 3 axes, got shape \(3, 3, 3, 2\)"),
        ("two.h5", "which holds: one, other"),
    ]:
        with pytest.raises(ValueError, match=words) as raised:
            read_label_volume(tmp_path / name)
        assert name in str(raised.value)


def volume(affine: Any = None, shape: tuple[int, ...] = (4, 5, 6), unit: str = "mm") -> LabelVolume:
    return LabelVolume(np.zeros(shape, np.uint8), np.eye(4) if affine is None else np.asarray(affine, float), unit)


def moved(**changes: float) -> Any:
    affine = np.eye(4)
    for place, value in changes.items():
        affine[int(place[1]), int(place[2])] = value
    return affine


@pytest.mark.parametrize(
    ("affine", "shape", "words"),
    [
        (None, (4, 5, 7), r"shape \(4, 5, 7\) against \(4, 5, 6\)$"),
        (moved(a22=1.5), (4, 5, 6), r"spacing \(1, 1, 1.5\) against \(1, 1, 1\) mm$"),
        (moved(a00=-1), (4, 5, 6), "^orientation LAS against RAS$"),
        (moved(a13=0.5), (4, 5, 6), r"^origin \(0, 0.5, 0\) against \(0, 0, 0\) mm$"),
        (moved(a00=0, a01=-1, a10=1, a11=0), (4, 5, 6), "orientation"),
        (moved(a00=0.995, a01=-0.0998, a10=0.0998, a11=0.995), (4, 5, 6), r"orientation RAS against RAS \(turned by 5"),
    ],
)
def test_grids_that_differ(affine: Any, shape: tuple[int, ...], words: str) -> None:
    assert re.search(words, grid_difference(volume(affine, shape), volume()))


def test_grids_that_are_one() -> None:
    rounded = volume(moved(a00=1 + 1e-6, a03=-1e-4))
    assert grid_difference(rounded, volume()) == ""
    assert grid_difference(volume(np.diag([1e6, 1e6, 1e6, 1]), unit="nm"), volume()) == ""
    assert grid_difference(volume()._replace(affine=None), volume()) == ""


def test_resampled_back_from_another_grid() -> None:
    """A flip, another order of axes and a shift of two voxels, undone; what lies outside is 0."""
    rng = np.random.default_rng(0)
    truth = LabelVolume(rng.integers(1, 5, (4, 5, 6)).astype(np.uint8), np.diag([1.0, 2.0, 3.0, 1.0]), "mm")
    flip = np.array([[0, -1.0, 0, 3], [2, 0, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]])  # index (j, i) of the flipped one
    turned = LabelVolume(np.transpose(truth.values[::-1], (1, 0, 2)), flip, "mm")
    assert "orientation" in grid_difference(turned, truth)
    back = resample_nearest(turned, truth)
    np.testing.assert_array_equal(back.values, truth.values)
    assert grid_difference(back, truth) == ""
    shifted = np.diag([1.0, 2.0, 3.0, 1.0])
    shifted[2, 3] = 6.0
    late = resample_nearest(LabelVolume(truth.values[:, :, 2:], shifted, "mm"), truth)
    assert not late.values[:, :, :2].any()
    np.testing.assert_array_equal(late.values[:, :, 2:], truth.values[:, :, 2:])


def test_large_ids_are_aligned_as_they_are() -> None:
    """Those of connectomes are beyond 2^53, where SciPy's float64 makes several of one."""
    ids = np.array([2**60 + 1, 2**60 + 3, 0], np.uint64)
    stored = LabelVolume(np.tile(ids, (2, 2, 1)), np.eye(4), "nm")
    longer = LabelVolume(np.zeros((2, 2, 4), np.uint8), np.eye(4), "nm")
    found = resample_nearest(stored, longer).values
    assert found.dtype == np.uint64
    assert found.tolist() == np.tile([*ids, np.uint64(0)], (2, 2, 1)).tolist()


def test_a_picture_cannot_be_aligned() -> None:
    with pytest.raises(ValueError, match="`align` needs two segmentations of the same dimensions whose files state"):
        resample_nearest(volume()._replace(affine=None), volume())
