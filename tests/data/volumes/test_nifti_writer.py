# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK

from monai_boundary.data import write_nifti
from monai_boundary.data.volumes.nifti_writer import HEADER_BYTES, nifti_header
from tests.data.nifti_files import LAS, OBLIQUE, write

MASK = np.arange(6 * 6 * 3, dtype=np.uint8).reshape(6, 6, 3) % 3


def reference(
    path: Path, kind: Any = nibabel.Nifti1Image, unit: str = "mm", shape: tuple[int, ...] = (6, 6, 3)
) -> Path:
    """An image with a scale, whose qform and sform differ."""
    image = kind(np.zeros(shape, np.int16), OBLIQUE)
    image.set_qform(LAS, 1)
    image.set_sform(OBLIQUE, 4)
    image.header.set_xyzt_units(unit, "sec")
    image.header.set_slope_inter(0.5, 7)
    image.header["descrip"] = b"a scan"
    image.header.set_intent("z score")
    image.to_filename(path)
    return path


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("unit", ["mm", "micron", "meter"])
def test_the_place_is_that_of_the_reference(tmp_path: Path, kind: Any, unit: str) -> None:
    source = reference(tmp_path / "image.nii.gz", kind, unit)
    write_nifti(tmp_path / "mask.nii.gz", MASK, np.eye(4), nifti_header(source))
    made, theirs = nibabel.load(tmp_path / "mask.nii.gz"), nibabel.load(source)
    assert type(made) is kind
    assert made.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(np.asanyarray(made.dataobj), MASK)
    for code in ("qform_code", "sform_code", "pixdim", "quatern_b", "qoffset_x", "srow_x"):
        np.testing.assert_array_equal(made.header[code], theirs.header[code])
    assert made.header.get_xyzt_units() == (unit, "unknown")
    assert made.header.get_intent()[0] == "none"
    if kind is nibabel.Nifti2Image:
        return  # SimpleITK does not read it
    itk, other = (SimpleITK.ReadImage(str(path)) for path in (tmp_path / "mask.nii.gz", source))
    assert itk.GetOrigin() == other.GetOrigin()
    assert itk.GetSpacing() == other.GetSpacing()
    assert itk.GetDirection() == other.GetDirection()


def test_the_reference_may_be_big_endian_or_have_a_fourth_axis(tmp_path: Path) -> None:
    header = nibabel.Nifti1Header(endianness=">")
    image = nibabel.Nifti1Image(np.zeros((6, 6, 3), ">i2"), LAS, header)
    image.to_filename(tmp_path / "big.nii.gz")
    reference(tmp_path / "four.nii.gz", shape=(6, 6, 3, 1))
    for name in ("big", "four"):
        write_nifti(tmp_path / f"{name}_mask.nii.gz", MASK, LAS, nifti_header(tmp_path / f"{name}.nii.gz"))
        made = nibabel.load(tmp_path / f"{name}_mask.nii.gz")
        assert made.shape == (6, 6, 3)
        np.testing.assert_array_equal(np.asanyarray(made.dataobj), MASK)
        np.testing.assert_allclose(made.affine, nibabel.load(tmp_path / f"{name}.nii.gz").affine)


def test_channels_and_floats(tmp_path: Path) -> None:
    values = np.stack([MASK, MASK + 1], axis=-1).astype(np.float32) / 7
    write_nifti(tmp_path / "p.nii.gz", values, LAS, nifti_header(reference(tmp_path / "image.nii.gz")))
    made = nibabel.load(tmp_path / "p.nii.gz")
    assert made.header.get_zooms()[3] == 1
    np.testing.assert_array_equal(np.asanyarray(made.dataobj), values)


def test_without_a_header_both_places_are_the_affine(tmp_path: Path) -> None:
    assert not nifti_header(None).any()
    assert not nifti_header(tmp_path / "a.mha").any()
    assert nifti_header(tmp_path / "missing.nii.gz").shape == (HEADER_BYTES,)
    for header in (None, nifti_header("a.mha")):
        write_nifti(tmp_path / "a.nii.gz", MASK, LAS, header, overwrite=True)
        made = nibabel.load(tmp_path / "a.nii.gz")
        np.testing.assert_allclose(made.get_qform(coded=True)[0], LAS)
        np.testing.assert_allclose(made.get_sform(coded=True)[0], LAS)
    sheared = LAS.copy()
    sheared[0, 2] = 3
    write_nifti(tmp_path / "b.nii.gz", MASK, sheared)
    made = nibabel.load(tmp_path / "b.nii.gz")
    assert made.get_qform(coded=True)[1] == 0
    np.testing.assert_allclose(made.affine, sheared)


def test_another_shape_than_the_header_s_is_refused(tmp_path: Path) -> None:
    header = nifti_header(write(tmp_path / "image.nii.gz"))
    with pytest.raises(ValueError, match=r"`values` needs the spatial shape of `header`, \(6, 6, 3\), got \(6, 3, 6\)"):
        write_nifti(tmp_path / "mask.nii.gz", MASK.transpose(0, 2, 1), LAS, header)


def test_nothing_is_replaced_or_left_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mask.nii.gz"
    write_nifti(path, MASK, LAS)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"overwrite=True .*mask.nii.gz"):
        write_nifti(path, MASK + 1, LAS)
    assert path.read_bytes() == before

    def full(image: Any, file: Path) -> None:
        file.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(nibabel, "save", full)
    with pytest.raises(OSError, match=r"mask.nii.gz: .*No space left"):
        write_nifti(path, MASK + 1, LAS, overwrite=True)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["mask.nii.gz"]
