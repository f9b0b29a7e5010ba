# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from monai_boundary.workflows.volumes.load import LoadVolumed
from tests.data.nifti_files import LAS, LPS, write

VALUES = np.arange(1, 6 * 6 * 3 + 1, dtype=np.float32).reshape(6, 6, 3)
BOTH = ("flair", "t1")


def case(folder: Path, **files: tuple[Any, Any]) -> dict[str, str]:
    for name, (values, affine) in files.items():
        write(folder / f"{name}.nii.gz", values, affine)
    return {name: str(folder / f"{name}.nii.gz") for name in files}


def test_channels_of_another_orientation_lie_on_one_another(tmp_path: Path) -> None:
    """LAS and LPS of one shape: stacked by index one of them is upside down."""
    files = case(tmp_path, flair=(VALUES, LAS), t1=(VALUES[:, ::-1], LPS), label=((VALUES == 5).astype(np.uint8), LAS))
    out = LoadVolumed(BOTH)({"image": [files["flair"], files["t1"]], "label": files["label"], "case": "p"})
    assert out["image"].shape == (2, 6, 6, 3)
    np.testing.assert_allclose(out["image"][0], VALUES)
    np.testing.assert_allclose(out["image"][1], VALUES, atol=1e-4)
    np.testing.assert_allclose(out["image"].affine, out["native_affine"])
    np.testing.assert_allclose(out["native_affine"], nibabel.load(files["flair"]).affine)
    assert out["image"].meta["filename_or_obj"] == files["flair"]
    turned = LoadVolumed(BOTH, reference="t1")({"image": [files["flair"], files["t1"]], "case": "p"})
    np.testing.assert_allclose(turned["image"][0], VALUES[:, ::-1], atol=1e-4)


def test_all_channels_in_one_file(tmp_path: Path) -> None:
    file = tmp_path / "both.nii.gz"
    write(file, np.stack([VALUES, -VALUES], -1), LAS)
    for files in (str(file), [str(file)]):
        image = LoadVolumed(BOTH)({"image": files})["image"]
        np.testing.assert_allclose(image, np.stack([VALUES, -VALUES]))
    with pytest.raises(ValueError, match=r"case p07: `image` needs 1 channel \(flair\), got 2 in .*both.nii.gz"):
        LoadVolumed(["flair"])({"image": str(file), "case": "p07"})


def test_a_channel_that_may_be_missing_is_0(tmp_path: Path) -> None:
    files = case(tmp_path, t1=(VALUES, LAS))
    out = LoadVolumed(BOTH, optional=["flair"])({"image": [None, files["t1"]]})
    assert not out["image"][0].any()
    np.testing.assert_allclose(out["image"][1], VALUES)
    with pytest.raises(ValueError, match="`image` needs a file for 'flair', got none"):
        LoadVolumed(BOTH)({"image": [None, files["t1"]]})


def test_the_label_says_where_to_go(tmp_path: Path) -> None:
    wide = np.diag([2.0, 2, 2, 1])
    label = np.zeros((3, 3, 2), np.uint8)
    files = case(tmp_path, flair=(VALUES, np.eye(4)), label=(label, wide))
    item = {"image": [files["flair"]], "label": files["label"], "case": "p07"}
    with pytest.raises(ValueError, match="case p07: `label` needs the spatial shape of `flair`"):
        LoadVolumed(["flair"])(item)
    out = LoadVolumed(["flair"], reference="label")(item)
    np.testing.assert_allclose(out["image"][0, :, :, 0], VALUES[::2, ::2, 0])
    unlabelled = LoadVolumed(["flair"], reference="label")({"image": [files["flair"]]})
    assert unlabelled["image"].shape == (1, 6, 6, 3)


AWAY = np.eye(4)
AWAY[0, 3] = 500
NAN = np.where(VALUES == 3, np.nan, VALUES)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"label": (VALUES[..., :2], np.eye(4))}, r"`label` needs the spatial shape of `flair`, \(6, 6, 3\)"),
        ({"label": (VALUES, np.diag([1, 1, 4, 1]))}, "`label` needs the affine of `flair`: .* 6 mm"),
        ({"t1": (VALUES, AWAY)}, "`t1` needs to overlap `flair`"),
        ({"t1": (NAN, np.eye(4))}, "needs finite values, got 1 NaN"),
        ({"t1": (VALUES[..., 0], np.eye(4))}, "`t1` needs three dimensions as `flair`, got a file of two"),
        ({"flair": (VALUES[..., 0], np.eye(4))}, "`flair` needs three dimensions as `t1`, got a file of two"),
        ({"t1": (np.stack([VALUES] * 2, -1), np.eye(4))}, r"`t1` needs one 3-D volume, got shape \(2, 6, 6, 3\)"),
        ({"flair": (0 * VALUES, np.eye(4)), "t1": (0 * VALUES, np.eye(4))}, "`image` needs voxels that are not 0"),
    ],
)
def test_bad_volumes_are_refused_with_the_case_s_name(tmp_path: Path, files: dict[str, Any], message: str) -> None:
    whole = dict.fromkeys(("flair", "t1", "label"), (VALUES, np.eye(4)))
    found = case(tmp_path, **{**whole, **files})
    item = {"image": [found["flair"], found["t1"]], "label": found["label"], "case": "Utrecht-7"}
    with pytest.raises(ValueError, match=f"case Utrecht-7: .*{message}"):
        LoadVolumed(BOTH)(item)


def test_numbers_of_files_and_options() -> None:
    with pytest.raises(ValueError, match=r"case a: `image` needs 2 channels \(flair, t1\), got 3 files"):
        LoadVolumed(BOTH)({"image": ["1", "2", "3"], "case": "a"})
    with pytest.raises(ValueError, match=r"`image` needs 2 channels \(flair, t1\), got no file"):
        LoadVolumed(BOTH)({"case": "a"})
    with pytest.raises(ValueError, match="`reference` needs one of None, 'label', 'flair', 't1', got 'dwi'"):
        LoadVolumed(BOTH, reference="dwi")
