# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from monai_boundary.data.phantoms.files import head_affine, write_once, write_volume


def test_a_killed_run_leaves_no_note_and_is_done_again(tmp_path: Path) -> None:
    files = [[tmp_path / "a.nii.gz"], [tmp_path / "b.nii.gz"]]
    done: list[int] = []

    def write(k: int) -> None:
        done.append(k)
        if len(done) == 2:
            raise KeyboardInterrupt
        write_volume(files[k][0], np.zeros((2, 2, 2), np.float32), np.eye(4))

    with pytest.raises(KeyboardInterrupt):
        write_once(tmp_path, {"seed": 1}, files, write)
    assert not (tmp_path / "phantom.json").exists()
    write_once(tmp_path, {"seed": 1}, files, write)
    write_once(tmp_path, {"seed": 1}, files, write)
    assert done == [0, 1, 0, 1]
    write_once(tmp_path, {"seed": 2}, files[:1], write)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.nii.gz", "phantom.json"], "the larger one's rest is gone"


def test_place_in_the_qform_alone(tmp_path: Path) -> None:
    affine = head_affine((4, 4, 4), (1.0, 2.0, 3.0), oblique=True)
    write_volume(tmp_path / "q.nii.gz", np.zeros((4, 4, 4), np.float32), affine, qform_only=True)
    picture = nibabel.load(tmp_path / "q.nii.gz")
    assert (int(picture.header["qform_code"]), int(picture.header["sform_code"])) == (1, 0)
    np.testing.assert_allclose(picture.affine, affine, atol=1e-4)


def test_the_head_s_centre_is_at_zero() -> None:
    for oblique in (False, True):
        affine = head_affine((5, 7, 9), (1.0, 2.0, 3.0), oblique)
        np.testing.assert_allclose(affine @ [2, 3, 4, 1], [0, 0, 0, 1], atol=1e-12)
        np.testing.assert_allclose(np.linalg.norm(affine[:3, :3], axis=0), (1, 2, 3))
    assert nibabel.aff2axcodes(head_affine((5, 7, 9), (1.0, 2.0, 3.0), False)) == ("L", "A", "S")
