# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip

import nibabel
import numpy as np
import pytest

from monai_boundary.data.em.open import read_em_source


def test_axes_are_turned_back(tmp_path):
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)  # z, y, x
    image = nibabel.Nifti1Image(values.T, np.diag([0.004, 0.005, 0.05, 1]))
    image.header.set_xyzt_units("micron")
    nibabel.save(image, tmp_path / "a.nii.gz")
    read, geometry = read_em_source(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(read, values)
    assert geometry.spacing == (50.0, 5.0, 4.0)
    np.testing.assert_array_equal(read_em_source(f"{tmp_path / 'a.nii.gz'}@1")[0], values[1])


@pytest.mark.parametrize("fault", ["bit", "cut", "checksum"])
def test_a_damaged_stream_is_named(tmp_path, rng, fault):
    image = nibabel.Nifti1Image(rng.integers(0, 255, (9, 9, 9)).astype(np.uint8), np.eye(4))
    whole = bytearray(gzip.compress(image.to_bytes(), 1))
    if fault == "bit":
        whole[len(whole) // 2] ^= 16
    elif fault == "checksum":
        whole[-6] ^= 1
    (tmp_path / "a.nii.gz").write_bytes(whole[:-20] if fault == "cut" else whole)
    with pytest.raises(ValueError, match=r"could not read .*a\.nii\.gz"):
        read_em_source(tmp_path / "a.nii.gz")
