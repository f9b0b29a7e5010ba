# SPDX-License-Identifier: Apache-2.0
"""Lesions of a real patient in a drawn head: their number, their sizes and their sides."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from scipy import ndimage

from monai_boundary._typing import AnyArray
from monai_boundary.data import LesionPhantom, write_lesion_phantom
from monai_boundary.data.phantoms.lesion_mask import masked_lesions

SHAPE = (90, 104, 72)
MM = (1.7, 1.7, 1.9)  # about a head of usual size
CASES = 3


class _WhiteHead:
    """A head of usual size that is white matter throughout: nothing is moved and nothing is cut off."""

    def __init__(self) -> None:
        self.shape, self.mm, self.scale = SHAPE, MM, 1.0
        self.size = np.array([64.0, 74.0, 60.0])
        self.brain, self.white = np.ones(SHAPE, bool), np.ones(SHAPE, np.float32)
        self.fluid = np.zeros(SHAPE, np.float32)
        axes = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(SHAPE, MM, strict=True)]
        self.grid = np.stack(np.meshgrid(*axes, indexing="ij")).astype(np.float32)


def _mask(path: Path, *boxes: tuple[slice, slice, slice], mm: tuple[float, float, float] = (1, 1, 1)) -> AnyArray:
    voxels = np.zeros([round(160 / s) for s in mm], np.uint8)
    for box in boxes:
        voxels[box] = 1
    nibabel.Nifti1Image(voxels, np.diag([*mm, 1.0])).to_filename(path)
    return voxels


CUBE = (slice(40, 52), slice(60, 72), slice(70, 82))  # 12 mm
BAR = (slice(100, 103), slice(40, 70), slice(90, 93))  # 3 x 30 x 3 mm
CRUMB = (slice(120, 121), slice(120, 121), slice(60, 61))  # 1 mm3: under half a voxel of 5.5 mm3


@pytest.mark.parametrize("seed", range(CASES))
def test_lesions_keep_number_size_and_shape(tmp_path: Path, seed: int) -> None:
    _mask(tmp_path / "mask.nii.gz", CUBE, BAR, CRUMB)
    shown, label = masked_lesions(tmp_path / "mask.nii.gz", _WhiteHead(), np.random.default_rng(seed))  # type: ignore[arg-type]
    pieces, count = ndimage.label(label, np.ones((3, 3, 3)))
    assert count == 2, "the crumb is left out"
    volumes = np.sort(np.bincount(pieces.ravel())[1:] * np.prod(MM))
    np.testing.assert_allclose(volumes, [3 * 30 * 3, 12**3], rtol=0.1)
    long, cube = (ndimage.find_objects(pieces)[k] for k in np.argsort(np.bincount(pieces.ravel())[1:]))
    assert abs((long[1].stop - long[1].start) * MM[1] - 30) <= 2 * MM[1]
    assert all(abs((s.stop - s.start) * mm - 12) <= 2 * mm for s, mm in zip(cube, MM, strict=True))
    assert shown[label == 1].min() > 0.1, "what is labelled is seen"
    assert shown.max() <= 1


@pytest.mark.parametrize("seed", range(CASES))
def test_places_are_those_of_the_mask_or_their_mirror_images(tmp_path: Path, seed: int) -> None:
    """The cube's middle is (45.5, 65.5, 75.5) - 79.5 mm from the image's, times 1 / 1.15 in a head of usual size."""
    _mask(tmp_path / "mask.nii.gz", CUBE)
    _, label = masked_lesions(tmp_path / "mask.nii.gz", _WhiteHead(), np.random.default_rng(seed))  # type: ignore[arg-type]
    centre = (np.array(ndimage.center_of_mass(label)) - (np.array(SHAPE) - 1) / 2) * MM
    expected = np.array([-34, -14, -4]) / 1.15
    np.testing.assert_allclose(np.abs(centre[0]), -expected[0], atol=2)
    np.testing.assert_allclose(centre[1:], expected[1:], atol=2)


def test_both_sides_are_drawn(tmp_path: Path) -> None:
    _mask(tmp_path / "mask.nii.gz", CUBE)
    heads = (masked_lesions(tmp_path / "mask.nii.gz", _WhiteHead(), np.random.default_rng(k))[1] for k in range(4))  # type: ignore[arg-type]
    assert {bool(ndimage.center_of_mass(label)[0] < SHAPE[0] / 2) for label in heads} == {True, False}


def test_how_the_mask_is_stored_makes_no_difference(tmp_path: Path) -> None:
    voxels = _mask(tmp_path / "ras.nii.gz", CUBE, BAR)
    stored = np.moveaxis(voxels[::-1], 0, 2)  # axes y, z, x; x the other way round
    affine = np.array([[0, 0, -1, 159], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=float)
    nibabel.Nifti1Image(stored, affine).to_filename(tmp_path / "other.nii.gz")
    first, second = (
        LesionPhantom((32, 40, 12), lesion_mask=str(tmp_path / f"{n}.nii.gz")).draw(3) for n in ("ras", "other")
    )
    np.testing.assert_array_equal(first.label, second.label)
    np.testing.assert_array_equal(first.flair, second.flair)
    assert (first.label == 1).any()


def test_masks_of_thick_slices_keep_their_millimetres(tmp_path: Path) -> None:
    _mask(tmp_path / "mask.nii.gz", (slice(40, 52), slice(60, 72), slice(20, 24)), mm=(1, 1, 3))
    _, label = masked_lesions(tmp_path / "mask.nii.gz", _WhiteHead(), np.random.default_rng(0))  # type: ignore[arg-type]
    assert label.sum() * np.prod(MM) == pytest.approx(12**3, rel=0.2)


def test_lesions_in_fluid_are_moved_to_white_matter_and_cut_at_the_ventricles(tmp_path: Path) -> None:
    _mask(tmp_path / "mask.nii.gz", (slice(76, 84), slice(76, 84), slice(76, 84)))  # in the middle of the head
    scan = LesionPhantom((64, 72, 40), noise=0, bias=0, lesion_mask=str(tmp_path / "mask.nii.gz")).draw(0)
    assert (scan.label == 1).any()
    assert scan.flair[scan.label == 1].mean() > 1.2 * scan.flair[scan.flair > 0].mean()


def test_a_data_set_has_a_mask_for_each_patient(tmp_path: Path) -> None:
    folder = tmp_path / "masks"
    folder.mkdir()
    for k, box in enumerate((CUBE, BAR)):
        _mask(folder / f"{k}.nii.gz", box)
    items = write_lesion_phantom(tmp_path / "set", patients=2, shape=(64, 72, 24), lesion_masks=folder)
    labels = [np.asarray(nibabel.load(item["label"]).dataobj) for item in items]  # type: ignore[attr-defined]
    spans = [np.ptp(np.argwhere(label == 1), axis=0) for label in labels]
    assert spans[1][1] >= 4 > spans[1][0], "the bar: 30 mm"
    assert max(spans[0][:2]) <= 6, "the cube: 12 mm"
    _mask(folder / "00.nii.gz", CUBE)  # after the first mask, before the second
    again = write_lesion_phantom(tmp_path / "set", patients=2, shape=(64, 72, 24), lesion_masks=folder)
    now = [np.asarray(nibabel.load(item["label"]).dataobj) for item in again]  # type: ignore[attr-defined]
    assert (labels[1] != now[1]).any(), "other masks are another data set, also where the first is the same"
    with pytest.raises(ValueError, match=r"`patients` needs at most the 3 masks of .*, got 4\."):
        write_lesion_phantom(tmp_path / "more", patients=4, shape=(32, 40, 12), lesion_masks=folder)
    with pytest.raises(ValueError, match=r"`lesion_masks` needs a folder with masks \(.nii, .nii.gz\), got none in"):
        write_lesion_phantom(tmp_path / "none", patients=1, shape=(32, 40, 12), lesion_masks=tmp_path / "no")


def test_bad_masks_are_named(tmp_path: Path) -> None:
    _mask(tmp_path / "empty.nii.gz")
    with pytest.raises(
        ValueError,
        match=r"`lesion_mask` needs a 3-D mask with a lesion, .*empty.nii.gz has \(160, 160, 160\), 0 voxels",
    ):
        LesionPhantom((32, 32, 8), lesion_mask=str(tmp_path / "empty.nii.gz")).draw()
    (tmp_path / "no.nii.gz").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"`lesion_mask` needs a NIfTI of lesions, .*no.nii.gz cannot be read"):
        LesionPhantom((32, 32, 8), lesion_mask=str(tmp_path / "no.nii.gz")).draw()
    with pytest.raises(ValueError, match=r"`imbalance` needs lesions that are invented, got `lesion_mask` a\.nii"):
        LesionPhantom((32, 32, 8), imbalance=100, lesion_mask="a.nii")
