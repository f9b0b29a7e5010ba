# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from monai_boundary.data.volumes.volume_header import read_volume_header
from monai_boundary.data.volumes.volume_reader import read_volume
from tests.data.nifti_files import OBLIQUE, write


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".nii.gz"])
def test_the_header_says_what_the_reader_finds(tmp_path: Path, suffix: str) -> None:
    image = SimpleITK.GetImageFromArray(np.zeros((5, 4, 3), np.float32))
    image.SetSpacing((0.5, 2.0, 3.0))
    image.SetOrigin((7.0, -8.0, 9.0))
    image.SetDirection((0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0))
    path = tmp_path / f"a{suffix}"
    SimpleITK.WriteImage(image, str(path))
    header = read_volume_header(path)
    values, affine = read_volume(path)
    assert (header.shape, header.channels) == (values.shape, 1) == ((3, 4, 5), 1)
    np.testing.assert_allclose(header.affine, affine, atol=1e-6)


def test_dimensions_and_channels(tmp_path: Path) -> None:
    for shape, expected in [
        ((4, 5), ((4, 5, 1), 1)),
        ((4, 5, 1), ((4, 5, 1), 1)),
        ((4, 5, 6), ((4, 5, 6), 1)),
        ((4, 5, 6, 3), ((4, 5, 6), 3)),
    ]:
        path = write(tmp_path / f"{len(shape)}{shape[-1]}.nii.gz", np.zeros(shape, np.uint8), OBLIQUE)
        header = read_volume_header(path)
        assert header[:2] == expected
        assert header.axes == min(len(shape), 3)
    vector = SimpleITK.GetImageFromArray(np.zeros((5, 4, 3, 2), np.float32), isVector=True)
    SimpleITK.WriteImage(vector, str(tmp_path / "v.mha"))
    assert read_volume_header(tmp_path / "v.mha")[:2] == ((3, 4, 5), 2)


@pytest.mark.parametrize("name", ["torn.nii.gz", "torn.mha", "missing.nrrd"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    if name.startswith("torn"):
        (tmp_path / name).write_bytes(b"no image")
    with pytest.raises(ValueError, match=f"`path` needs a readable image, got '.*{name}'"):
        read_volume_header(tmp_path / name)
