# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_boundary.transforms._channel import channel_first, image_spacing, single_channel
from tests.transforms.images import assert_same_geometry, em_tensor


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.int32, torch.bool, torch.uint8])
def test_one_channel_of_any_kind(dtype: torch.dtype) -> None:
    values = [[0, 1, 1]]
    for image in (torch.tensor([values], dtype=dtype), MetaTensor(torch.tensor([values], dtype=dtype))):
        np.testing.assert_array_equal(single_channel("label", image), values)
    np.testing.assert_array_equal(single_channel("label", np.array([values])), values)


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (np.zeros((2, 3, 4)), ValueError, "`label` needs one channel, (1, H, W) or (1, D, H, W), got shape (2, 3, 4)."),
        (np.zeros((3, 4)), ValueError, "got shape (3, 4)."),
        (np.zeros((1, 1, 2, 3, 4)), ValueError, "got shape (1, 1, 2, 3, 4)."),
        ([[[0]]], TypeError, "`label` needs an array or a tensor, got list."),
    ],
)
def test_refused(image: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        single_channel("label", image)


def test_the_result_takes_meta_data_type_and_device() -> None:
    source = em_tensor(np.zeros((2, 3, 4), dtype=np.float32))
    result = channel_first(np.ones((2, 3, 4), dtype=bool), source, torch.int32)
    assert result.dtype == torch.int32
    assert result.shape == (1, 2, 3, 4)
    assert_same_geometry(result, source)
    for like in (np.zeros((1, 2, 3)), torch.zeros(1, 2, 3)):
        plain = channel_first(np.ones((2, 3)), like, torch.float32)
        assert type(plain) is torch.Tensor
        assert plain.dtype == torch.float32


def test_spacing_by_affine_argument_or_one() -> None:
    image = em_tensor(np.zeros((2, 3, 4), dtype=np.float32))
    assert image_spacing(image, 3, None) == (50.0, 4.0, 4.0)
    assert image_spacing(image, 3, (1, 2, 3)) == (1.0, 2.0, 3.0)
    assert image_spacing(image, 3, 5.0) == (5.0, 5.0, 5.0)
    assert image_spacing(image.as_tensor(), 3, None) == (1.0, 1.0, 1.0)
    assert image_spacing(np.zeros((1, 2, 3)), 2, None) == (1.0, 1.0)


def test_spacing_of_a_plane_in_space() -> None:
    # a 2-D image with the 4 x 4 affine of a sagittal slice: its axes run along y and z
    affine = torch.zeros(4, 4, dtype=torch.float64)
    affine[1, 0], affine[2, 1], affine[0, 2], affine[3, 3] = 0.8, 1.5, 6.0, 1.0
    assert image_spacing(MetaTensor(torch.zeros(1, 3, 4), affine=affine), 2, None) == (0.8, 1.5)


def test_a_degenerate_affine_is_refused() -> None:
    image = MetaTensor(torch.zeros(1, 3, 4), affine=torch.diag(torch.tensor([0.0, 1.0, 1.0])))
    with pytest.raises(ValueError, match=r"`affine` needs independent columns"):
        image_spacing(image, 2, None)
