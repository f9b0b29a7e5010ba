# SPDX-License-Identifier: Apache-2.0
"""The sign given back to interpolated maps, and the check at the end of a pipeline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import (
    Affined,
    Compose,
    DivisiblePadd,
    Flipd,
    RandAffined,
    SpatialPadd,
    Zoomd,
)

from monai_boundary.ops.grid import affine_spacing
from monai_boundary.transforms import (
    CheckSignedDistanceMapd,
    RestoreDistanceSign,
    RestoreDistanceSignd,
    SignedDistanceMap,
    SignedDistanceMapd,
)
from tests.transforms.targets.volumes import volume

KEYS = ["image", "label", "sdm_label"]


def _resampled(mode: str, keys: list[str]) -> list[Any]:
    modes = ["bilinear", "nearest", "bilinear"]
    zoom_padding = ["constant", "constant", "edge"] if mode == "border" else ["constant"] * 3
    affine = {"rotate_params": (0.2, 0.1, 0.3), "translate_params": (6, 4, 1), "mode": modes}
    return [
        Affined(keys, padding_mode=["zeros", "zeros", mode], **affine),
        Zoomd(keys, zoom=0.6, mode=["bilinear", "nearest", "trilinear"], padding_mode=zoom_padding),
        SpatialPadd(keys, (40, 30, 20), mode=["constant", "constant", "edge" if mode == "border" else "constant"]),
        DivisiblePadd(keys, 64, mode=["constant", "constant", "edge" if mode == "border" else "constant"]),
    ]


@pytest.mark.parametrize("number", range(4), ids=["affine", "zoom", "pad", "divisible"])
def test_resampling_and_padding_as_documented(number: int) -> None:
    data = _resampled("border", KEYS)[number](SignedDistanceMapd("label")(volume()))
    if number < 2:  # interpolation: in some voxels at the border the sign is not the label's
        with pytest.raises(ValueError, match="Near the border interpolation does that"):
            CheckSignedDistanceMapd("sdm_label")(data)
        data = RestoreDistanceSignd("sdm_label")(data)
    CheckSignedDistanceMapd("sdm_label")(data)
    # mm stay mm: the affine says the new voxel size, and a map made anew is close by, where the image was
    sizes = affine_spacing(data["label"].affine, 3, sheared=True)  # the volume was turned within its array
    again = SignedDistanceMap(spacing=sizes)(data["label"])
    near = again.abs() < 6
    voxel = np.linalg.norm(sizes)
    assert float((data["sdm_label"] - again)[near].abs().mean()) < 0.5 * voxel


@pytest.mark.parametrize("number", range(4), ids=["affine", "zoom", "pad", "divisible"])
def test_zeros_in_the_padding_are_found(number: int) -> None:
    data = _resampled("zeros", KEYS)[number](SignedDistanceMapd("label")(volume()))
    with pytest.raises(ValueError, match=r"`distance_map` jumps by .* was it padded with zeros"):
        CheckSignedDistanceMapd("sdm_label")(data)


def test_a_map_that_missed_a_flip_is_found() -> None:
    data = SignedDistanceMapd("label")(volume())
    data["label"] = torch.flip(data["label"], (1,))
    with pytest.raises(ValueError, match=r"got the wrong sign \(or 0\) in \d+ of 4800 voxels"):
        CheckSignedDistanceMapd("sdm_label")(data)
    moved = Flipd("label", spatial_axis=0)(SignedDistanceMapd("label")(volume()))
    with pytest.raises(ValueError, match="`sdm_label` needs the affine of `label`"):
        CheckSignedDistanceMapd("sdm_label")(moved)


def test_restored_maps_keep_meta_data_and_unknown_voxels() -> None:
    label = MetaTensor(torch.tensor([[[0, 1, 255, 2]] * 2]), affine=torch.diag(torch.tensor([3.0, 2.0, 1.0])))
    phi = MetaTensor(torch.full((3, 2, 4), 0.2, dtype=torch.float16), affine=label.affine)
    out = RestoreDistanceSign(num_classes=3, ignore_index=255)(phi, label)
    assert out.dtype == torch.float16
    torch.testing.assert_close(out.affine, label.affine)
    assert out[:, 0].tolist() == torch.tensor([[-1, 1, 0, 1], [1, -1, 0, 1], [1, 1, 0, -1]]).mul(0.2).half().tolist()


def test_a_key_says_which_voxels_are_known() -> None:
    """The label has no value of its own for them, as that of lesions beside another pathology."""
    data = {"label": torch.tensor([[[0, 1, 1, 0, 0]]]), "counted": torch.tensor([[[1, 1, 1, 0, 1]]])}
    made = SignedDistanceMapd("label", known_key="counted")(data)
    assert made["sdm_label"].tolist() == [[[0.5, -0.5, -1.5, 0.0, 1.5]]]
    CheckSignedDistanceMapd(known_key="counted")(made)
    moved = {**made, "sdm_label": made["sdm_label"].abs() * 0.1}
    restored = RestoreDistanceSignd(known_key="counted", least=0.01)(moved)["sdm_label"]
    torch.testing.assert_close(restored, torch.tensor([[[0.05, -0.01, -0.01, 0.0, 0.15]]]))
    with pytest.raises(ValueError, match=r"got the wrong sign \(or 0\) in"):
        CheckSignedDistanceMapd()(made)


def test_a_label_that_lazy_resampling_interpolated_is_refused() -> None:
    rotate = RandAffined(["image", "label"], prob=1.0, rotate_range=(0.5, 0.5, 0.5), mode=["bilinear", "nearest"])
    for order in ([rotate, SignedDistanceMapd("label")], [SignedDistanceMapd("label"), _lazy_affine()]):
        pipeline = Compose([*order, CheckSignedDistanceMapd("sdm_label")], lazy=True).set_random_state(0)
        with pytest.raises(RuntimeError, match="applying transform") as caught:  # as MONAI wraps a transform's error
            pipeline(volume())
        cause: BaseException = caught.value
        while cause.__cause__ is not None:
            cause = cause.__cause__
        assert "and not lazy=True, which ignores the mode" in str(cause)


def _lazy_affine() -> Any:
    return RandAffined(
        KEYS, prob=1.0, rotate_range=(0.5, 0.5, 0.5), mode=["bilinear", "nearest", "bilinear"], padding_mode="border"
    )
