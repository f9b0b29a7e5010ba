# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.transforms import LoadImage
from scipy.spatial.transform import Rotation

from monai_boundary.data import VolumeReader, read_volume
from tests.data.nifti_files import OBLIQUE
from tests.data.volume_layouts import save

FORMATS = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".nhdr")


@settings(max_examples=15, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 6)] * 3),
    sizes=st.tuples(*[st.floats(0.2, 9)] * 3),
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    place=st.tuples(*[st.floats(-300, 300)] * 3),
    mirrored=st.booleans(),
    dtype=st.sampled_from(["uint8", "int16", "float32", "uint16", "float64"]),
)
def test_one_image_in_all_formats(tmp_path_factory, shape, sizes, angles, place, mirrored, dtype) -> None:
    folder = tmp_path_factory.mktemp("formats")
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * np.array(sizes)
    affine[:3, :3] *= np.array([-1 if mirrored else 1, 1, 1])
    affine[:3, 3] = place
    voxels = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    for suffix in FORMATS:
        values, found = read_volume(save(folder / f"a{suffix}", voxels, affine))
        np.testing.assert_array_equal(values, voxels, err_msg=suffix)
        np.testing.assert_allclose(found, affine, atol=2e-4, err_msg=suffix)  # float32 in NIfTI's header


@pytest.mark.parametrize("suffix", FORMATS)
def test_as_monais_reader(tmp_path: Path, suffix: str) -> None:
    voxels = np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)
    image = LoadImage(reader=VolumeReader, ensure_channel_first=True)(
        str(save(tmp_path / f"a{suffix}", voxels, OBLIQUE))
    )
    np.testing.assert_array_equal(image[0], voxels)
    np.testing.assert_allclose(image.affine, OBLIQUE, atol=1e-5)


@pytest.mark.filterwarnings("ignore:builtin type .*wig.*:DeprecationWarning")  # as an error it crashes itk's import
@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
def test_as_monais_reader_by_itk(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("itk", reason="MONAI reads MHA and NRRD by itk")
    voxels = np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)
    path = str(save(tmp_path / f"a{suffix}", voxels, OBLIQUE))
    ours, theirs = (LoadImage(reader=name, ensure_channel_first=True)(path) for name in (VolumeReader, "ITKReader"))
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(ours.affine, theirs.affine, atol=1e-5)


def test_a_list_of_several_formats_is_stacked(tmp_path: Path) -> None:
    voxels = [np.full((5, 4, 3), k, np.float32) for k in range(3)]
    paths = [str(save(tmp_path / f"{k}{s}", v)) for k, (v, s) in enumerate(zip(voxels, FORMATS[1:], strict=False))]
    image = LoadImage(reader=VolumeReader, ensure_channel_first=True)(paths)
    np.testing.assert_array_equal(image, np.stack(voxels))
    moved = np.eye(4)
    moved[0, 3] = 1.0
    paths[2] = str(save(tmp_path / "moved.mha", voxels[2], moved))
    reader = VolumeReader()
    with pytest.raises(ValueError, match=r"moved.mha' needs the affine of .*0.nii', got one that differs by up to"):
        reader.get_data(reader.read(paths))
    paths[2] = str(save(tmp_path / "other.nrrd", voxels[2][:4]))
    with pytest.raises(ValueError, match=r"other.nrrd' needs the shape of .*0.nii', \(5, 4, 3\), got \(4, 4, 3\)"):
        reader.get_data(reader.read(paths))


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
def test_vectors_are_channels(tmp_path: Path, suffix: str) -> None:
    values = np.random.default_rng(0).normal(size=(3, 4, 5, 2)).astype(np.float32)  # z, y, x, channel
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values, isVector=True), str(tmp_path / f"v{suffix}"))
    image = LoadImage(reader=VolumeReader, ensure_channel_first=True)(str(tmp_path / f"v{suffix}"))
    np.testing.assert_array_equal(image, values.transpose(3, 2, 1, 0))


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".nii"])
def test_a_fourth_axis_is_channels(tmp_path: Path, suffix: str) -> None:
    values = np.random.default_rng(0).normal(size=(5, 4, 3, 2)).astype(np.float32)  # x, y, z, channel
    if suffix == ".nii":
        nibabel.Nifti1Image(values, np.eye(4)).to_filename(tmp_path / "a.nii")
    else:
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values.T, isVector=False), str(tmp_path / f"a{suffix}"))
    image = LoadImage(reader=VolumeReader, ensure_channel_first=True)(str(tmp_path / f"a{suffix}"))
    np.testing.assert_array_equal(image, values.transpose(3, 0, 1, 2))


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".nrrd"])
def test_slices(tmp_path: Path, suffix: str) -> None:
    voxels = np.arange(20, dtype=np.int16).reshape(5, 4)
    values, affine = read_volume(save(tmp_path / f"s{suffix}", voxels, np.diag([0.5, 0.8, 1, 1])))
    np.testing.assert_array_equal(values, voxels[..., None])
    np.testing.assert_allclose(affine, np.diag([0.5, 0.8, 1, 1]), atol=1e-7)
    for slices, shape in ((False, (1, 5, 4)), (True, (1, 5, 4, 1))):
        image = LoadImage(reader=VolumeReader(slices=slices), ensure_channel_first=True)(str(tmp_path / f"s{suffix}"))
        assert tuple(image.shape) == shape


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "text", "missing"])
@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".nrrd"])
def test_damaged_files_are_named(tmp_path: Path, suffix: str, damage: str) -> None:
    voxels = np.random.default_rng(0).normal(size=(9, 9, 9)).astype(np.float32)
    whole = save(tmp_path / f"good{suffix}", voxels).read_bytes()
    bad = tmp_path / f"bad{suffix}"
    flipped = bytearray(whole)
    flipped[len(whole) * 2 // 3] ^= 0x10
    contents = {"truncated": whole[: len(whole) // 2], "flipped": bytes(flipped), "empty": b"", "text": b"no scan" * 99}
    if damage != "missing":
        bad.write_bytes(contents[damage])
    with pytest.raises(ValueError, match=rf"`filename` needs a readable .*, got '.*bad{suffix}' \(\w+: .+\)\.$"):
        read_volume(bad)
    with pytest.raises((ValueError, RuntimeError), match=f"bad{suffix}"):
        LoadImage(reader=VolumeReader)(str(bad))


def test_finite_values_where_asked(tmp_path: Path) -> None:
    voxels = np.zeros((3, 3, 3), np.float32)
    voxels[0, 0, 0], voxels[1, 1] = np.nan, np.inf
    for suffix in (".nii", ".mha"):
        path = save(tmp_path / f"a{suffix}", voxels)
        reader = VolumeReader(finite=True)
        with pytest.raises(ValueError, match=rf"a{suffix} needs finite values, got 1 NaN and 3 infinite of 27 voxels"):
            reader.get_data(reader.read(path))


def test_other_formats(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`filename` needs one of .nii.gz, .nii, .mha, .*, got 'a.jpg'"):
        VolumeReader().read("a.jpg")
    assert not VolumeReader().verify_suffix(["a.nii", "b.jpg"])
    assert VolumeReader().verify_suffix(["a.NII", "b.Mha"])
