# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK
from monai.transforms import LoadImage

from monai_boundary.data import NiftiReader, check_nifti_grids, read_nifti
from tests.data.nifti_files import LAS, LPS, write


def test_as_monais_reader(tmp_path: Path) -> None:
    paths = [str(write(tmp_path / f"{k}.nii.gz", np.full((4, 5, 3), k, np.float32), LPS)) for k in (2, 7)]
    for files in (paths, paths[:1], paths[0]):
        ours = LoadImage(reader=NiftiReader, ensure_channel_first=True)(files)
        theirs = LoadImage(reader="NibabelReader", ensure_channel_first=True)(files)
        np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(ours.affine, theirs.affine)
    dotted = LoadImage(reader="monai_boundary.data.NiftiReader")(paths[0])
    assert float(dotted.max()) == 2


@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "missing", "folder"])
@pytest.mark.parametrize("suffix", [".nii.gz", ".nii"])
def test_damaged_files_are_named(tmp_path: Path, suffix: str, damage: str) -> None:
    good = write(tmp_path / f"good{suffix}", np.random.default_rng(0).random((9, 9, 9)))
    bad = tmp_path / f"bad{suffix}"
    whole = good.read_bytes()
    if damage == "folder":
        bad.mkdir()
    elif damage != "missing":
        bad.write_bytes({"truncated": whole[: len(whole) // 2], "empty": b"", "text": b"not a scan" * 99}[damage])
    reader = NiftiReader()
    with pytest.raises(ValueError, match=rf"`filename` needs a readable NIfTI file, got '.*bad{suffix}' \(\w+: "):
        reader.get_data(reader.read([str(good), str(bad)]))
    with pytest.raises((ValueError, RuntimeError), match=f"bad{suffix}"):
        LoadImage(reader=NiftiReader)([str(good), str(bad)])


def test_files_of_two_grids(tmp_path: Path) -> None:
    first, second = (str(write(tmp_path / f"{k}.nii.gz", affine=a)) for k, a in (("a", LAS), ("b", LPS)))
    reader = NiftiReader()
    files = reader.read([first, second])
    with pytest.raises(ValueError, match=r"'.*b.nii.gz' needs the affine of '.*a.nii.gz', got .* by up to 5 mm"):
        reader.get_data(files)
    check_nifti_grids({"a": first})
    third = str(write(tmp_path / "c.nii.gz", np.zeros((6, 6, 3, 2), np.float32)))
    with pytest.raises(ValueError, match=r"'c' needs the shape of 'a', \(6, 6, 3\), got \(6, 6, 3, 2\)"):
        check_nifti_grids({"a": first, "c": third})


def test_other_errors_are_not_dressed_up(tmp_path: Path) -> None:
    path = str(write(tmp_path / "a.nii.gz"))
    reader = NiftiReader(channel_dim=17)
    with pytest.raises((ValueError, IndexError)) as caught:
        reader.get_data([reader.read(path), reader.read(path)])
    assert "readable NIfTI" not in str(caught.value)


def loads(path: Path) -> np.ndarray:
    return np.asarray(LoadImage(reader=NiftiReader)(path))


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    """Whatever byte of a compressed file is damaged: an error that names the file, or the voxels as they were."""
    values = np.random.default_rng(0).normal(100, 9, (12, 10, 6)).astype(np.float32)
    raw = write(tmp_path / "good.nii.gz", values).read_bytes()
    rng = np.random.default_rng(1)
    refused = 0
    places = [*range(20), *rng.integers(20, len(raw), 40).tolist(), *range(len(raw) - 8, len(raw))]
    for place in places:
        damaged = bytearray(raw)
        damaged[place] ^= 1 << int(rng.integers(8))
        (tmp_path / "bad.nii.gz").write_bytes(bytes(damaged))
        try:
            np.testing.assert_array_equal(loads(tmp_path / "bad.nii.gz"), values)
        except ValueError as error:
            assert "bad.nii.gz" in str(error)  # noqa: PT017
            refused += 1
    assert refused >= 48, "all but those of gzip's own header"


@pytest.mark.parametrize(
    ("kind", "message"),
    [([("R", "u1"), ("G", "u1"), ("B", "u1")], "got colours"), ("c8", "got values of type complex64")],
)
def test_colours_and_complex_numbers_are_refused(tmp_path: Path, kind: Any, message: str) -> None:
    path = write(tmp_path / "a.nii.gz", np.zeros((4, 4, 4), dtype=kind))
    with pytest.raises(ValueError, match=rf"a.nii.gz' \(ValueError: one number for each voxel is needed, {message}"):
        loads(path)
    with pytest.raises(ValueError, match=message):
        check_nifti_grids({"a": str(path)})


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1.0), ("micron", 1000.0), ("meter", 0.001), ("unknown", 1.0)])
def test_affines_are_in_mm(tmp_path: Path, caplog: pytest.LogCaptureFixture, unit: str, factor: float) -> None:
    image = nibabel.Nifti1Image(np.zeros((6, 5, 4), np.float32), np.diag([factor, factor, factor, 1]) @ LPS)
    image.header.set_xyzt_units(unit)
    path = tmp_path / "a.nii.gz"
    image.to_filename(path)
    reader = NiftiReader()
    for _ in range(2):
        loaded = LoadImage(reader=reader)(path)
    np.testing.assert_allclose(loaded.affine, LPS, rtol=1e-5)
    np.testing.assert_allclose(loaded.pixdim, SimpleITK.ReadImage(str(path)).GetSpacing(), rtol=1e-4)
    np.testing.assert_allclose(read_nifti(path)[1], LPS, rtol=1e-5)
    said = [record.getMessage() for record in caplog.records if "by its header" in record.getMessage()]
    assert len(said) == (2 if factor != 1 else 0), "once by each reader"
    plain = str(write(tmp_path / "b.nii.gz", np.zeros((6, 5, 4)), LPS))
    check_nifti_grids({"a": str(path), "b": plain})


def test_an_unknown_unit_is_an_error(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.zeros((3, 3, 3), np.float32), LAS)
    image.header["xyzt_units"] = 5
    image.to_filename(tmp_path / "a.nii")
    with pytest.raises(ValueError, match=r"a.nii' .*`xyzt_units` needs metres, mm or micrometres, got code 5"):
        loads(tmp_path / "a.nii")


def test_lists_within_the_tolerance_are_stacked(tmp_path: Path) -> None:
    for apart, fits in ((1e-6, True), (5e-3, True), (0.09, True), (0.11, False)):
        moved = LAS.copy()
        moved[0, 3] += apart
        files = [str(write(tmp_path / f"{k}.nii.gz", affine=a)) for k, a in enumerate((LAS, moved))]
        if fits:
            check_nifti_grids(dict(zip("ab", files, strict=True)))
            loaded = LoadImage(reader=NiftiReader, ensure_channel_first=True)(files)
            assert loaded.shape == (2, 6, 6, 3)
            np.testing.assert_allclose(loaded.affine, LAS)
        else:
            with pytest.raises(ValueError, match=r"differs by up to 0.11 mm in .*1.nii.gz"):
                check_nifti_grids(dict(zip("ab", files, strict=True)))
            with pytest.raises(ValueError, match=r"1.nii.gz' needs the affine of .* differs by up to 0.11 mm"):
                LoadImage(reader=NiftiReader)(files)


def test_two_places_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    image = nibabel.Nifti1Image(np.zeros((6, 6, 3), np.float32), LAS)
    moved = LAS.copy()
    moved[:3, 3] += 3, 4, 0
    image.set_qform(LAS, 1)
    image.set_sform(moved, 2)
    image.to_filename(tmp_path / "a.nii.gz")
    np.testing.assert_allclose(LoadImage(reader=NiftiReader)(tmp_path / "a.nii.gz").affine, moved)
    assert "a.nii.gz states two places, up to 5 mm apart: the sform is used" in caplog.text
    caplog.clear()
    loads(write(tmp_path / "b.nii.gz", qform_only=True))
    assert not caplog.records


def test_nan_is_counted_and_named_where_it_is_asked_for(tmp_path: Path) -> None:
    values = np.zeros((4, 4, 4), np.float32)
    values[0, 0, :3] = np.nan, np.inf, -np.inf
    path = write(tmp_path / "a.nii.gz", values)
    assert np.isnan(loads(path)).sum() == 1
    with pytest.raises(ValueError, match=r"a.nii.gz needs finite values, got 1 NaN and 2 infinite of 64 voxels"):
        LoadImage(reader=NiftiReader(finite=True))(path)


@pytest.mark.filterwarnings("ignore:builtin type .*wig.*:DeprecationWarning")  # as an error it crashes itk's import
def test_other_formats_are_left_to_other_readers(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`filename` needs NIfTI files \(.nii, .nii.gz\), got 'a.mha'"):
        NiftiReader().read("a.mha")
    pytest.importorskip("itk", reason="MONAI reads MHA by itk")
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.full((3, 4, 5), 7.0)), str(tmp_path / "a.mha"))
    assert float(loads(tmp_path / "a.mha").max()) == 7


def test_nifti_2_capital_letters_and_a_label_s_scale(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.int16).reshape(4, 3, 2)
    nibabel.Nifti2Image(values, LAS).to_filename(tmp_path / "two.nii.gz")
    np.testing.assert_array_equal(loads(tmp_path / "two.nii.gz"), values)
    (tmp_path / "A.NII.GZ").write_bytes((tmp_path / "two.nii.gz").read_bytes())
    np.testing.assert_array_equal(loads(tmp_path / "A.NII.GZ"), values)
    image = nibabel.Nifti1Image(values, LAS)
    image.header.set_slope_inter(0.5, 1)
    image.to_filename(tmp_path / "scaled.nii.gz")
    np.testing.assert_allclose(read_nifti(tmp_path / "scaled.nii.gz")[0], 0.5 * values + 1)


def test_the_decathlon_s_headers(real_data: Callable[[str], Path]) -> None:
    """Twelve files of mixed types, as nibabel reads them."""
    files = sorted(real_data("msd_hippocampus").rglob("*.nii.gz"))
    assert len(files) >= 24
    for path in files:
        values, affine = read_nifti(path)
        theirs = nibabel.load(path)
        np.testing.assert_array_equal(values, np.asanyarray(theirs.dataobj))
        np.testing.assert_allclose(affine, theirs.affine)
