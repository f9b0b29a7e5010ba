# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from PIL import Image

from monai_boundary.data import read_volume
from monai_boundary.data.volumes.slice_image import one_slice_affine, palette_indices, write_slice
from monai_boundary.data.volumes.volume_header import read_volume_header
from tests.data.volume_layouts import save

VOXELS = np.arange(20, dtype=np.uint8).reshape(5, 4)
TURNED = np.array([[0.6, -0.8, 0, 7], [0.8, 0.6, 0, -3], [0, 0, 1, 0], [0, 0, 0, 1.0]]) @ np.diag([0.5, 2, 1, 1])


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".nrrd"])
def test_one_slice_in_every_format(tmp_path: Path, suffix: str) -> None:
    file = save(tmp_path / f"a{suffix}", VOXELS, TURNED)
    values, affine = read_volume(file)
    np.testing.assert_array_equal(values, VOXELS[..., None])
    np.testing.assert_allclose(affine, TURNED, atol=1e-6)
    header = read_volume_header(file)
    assert (header.shape, header.channels, header.axes) == ((5, 4, 1), 1, 2)
    np.testing.assert_allclose(header.affine, TURNED, atol=1e-6)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_pictures_have_columns_first_and_colours_last(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(VOXELS.T).save(tmp_path / f"grey{suffix}")
    colours = np.stack([VOXELS.T, VOXELS.T + 1, VOXELS.T + 2], axis=-1)
    Image.fromarray(colours).save(tmp_path / f"colours{suffix}")
    np.testing.assert_array_equal(read_volume(tmp_path / f"grey{suffix}")[0], VOXELS[..., None])
    values, affine = read_volume(tmp_path / f"colours{suffix}")
    np.testing.assert_array_equal(values, np.stack([VOXELS, VOXELS + 1, VOXELS + 2], -1)[:, :, None])
    assert np.abs(affine).diagonal().tolist() == [1.0] * 4
    header = read_volume_header(tmp_path / f"colours{suffix}")
    assert (header.shape, header.channels, header.axes) == ((5, 4, 1), 3, 2)


def test_a_palette_holds_ids_and_no_colours(tmp_path: Path) -> None:
    picture = Image.fromarray(VOXELS.T % 3).convert("P")
    picture.putdata((VOXELS.T % 3).ravel().tolist())
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    picture.save(tmp_path / "label.png")
    assert SimpleITK.ReadImage(str(tmp_path / "label.png")).GetNumberOfComponentsPerPixel() == 3, "ITK sees colours"
    np.testing.assert_array_equal(read_volume(tmp_path / "label.png")[0], (VOXELS % 3)[..., None])
    assert read_volume_header(tmp_path / "label.png").channels == 1
    Image.fromarray(VOXELS.T).save(tmp_path / "grey.png")
    assert palette_indices(tmp_path / "grey.png") is None
    assert palette_indices(tmp_path / "no.mha") is None


def test_a_plane_of_another_direction_is_called_axial() -> None:
    sagittal = np.array([[0, 0, 3, 1], [0.5, 0, 0, 2], [0, 0.7, 0, 3], [0, 0, 0, 1.0]])
    expected = np.diag([0.5, 0.7, 3, 1])
    expected[:3, 3] = 1, 2, 3
    np.testing.assert_allclose(one_slice_affine(sagittal), expected)
    without = TURNED.copy()
    without[2, 2] = 0  # some writers state no third size
    np.testing.assert_allclose(one_slice_affine(without), TURNED)


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
def test_a_slice_is_written_where_it_was(tmp_path: Path, suffix: str) -> None:
    write_slice(tmp_path / f"b{suffix}", VOXELS[..., None], TURNED)
    expected = SimpleITK.ReadImage(str(save(tmp_path / f"a{suffix}", VOXELS, TURNED)))
    found = SimpleITK.ReadImage(str(tmp_path / f"b{suffix}"))
    assert found.GetDimension() == 2
    for what in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(found, what)() == pytest.approx(getattr(expected, what)()), what
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(found), VOXELS.T)
    with pytest.raises(ValueError, match="`path` needs a new name"):
        write_slice(tmp_path / f"b{suffix}", VOXELS[..., None], TURNED)


def test_channels_of_a_slice(tmp_path: Path) -> None:
    probabilities = np.stack([VOXELS, 1 - VOXELS], axis=-1)[:, :, None].astype(np.float32)
    write_slice(tmp_path / "p.tif", probabilities[..., :1], np.diag([-1.0, -1, 1, 1]))
    write_slice(tmp_path / "p.mha", probabilities, np.diag([-1.0, -1, 1, 1]))
    np.testing.assert_array_equal(read_volume(tmp_path / "p.mha")[0], probabilities)
    np.testing.assert_array_equal(read_volume(tmp_path / "p.tif")[0][..., 0], probabilities[..., 0, 0])
