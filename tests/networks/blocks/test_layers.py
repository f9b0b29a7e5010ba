# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_boundary.networks.blocks.layers import conv_layer, mean_pool, norm_act, norm_layer, resize_linear


@pytest.mark.parametrize(
    ("stride", "kernel", "expected"),
    [(1, 3, (12, 6)), (2, 3, (6, 3)), (3, 3, (4, 2)), ((2, 1), 3, (6, 6)), (1, 1, (12, 6))],
)
def test_a_convolution_keeps_or_divides_the_size(stride, kernel, expected):
    assert conv_layer(2, 1, 2, kernel, stride)(torch.zeros(1, 1, 12, 6)).shape == (1, 2, *expected)


def test_a_convolution_has_a_bias_only_when_asked():
    assert conv_layer(3, 1, 2).bias is None
    assert conv_layer(3, 1, 2, bias=True).bias.shape == (2,)


def test_a_norm_that_does_not_fit_says_so():
    message = r"`norm` needs to fit 12 channels, got \('GROUP', \{'num_groups': 8\}\): num_channels"
    with pytest.raises(ValueError, match=message):
        norm_layer(("GROUP", {"num_groups": 8}), 2, 12)


@pytest.mark.parametrize("norm", ["", "instance", ("group", {"num_groups": 2})])
def test_the_input_is_not_changed(norm):
    image = torch.randn(1, 4, 3, 3)
    before = image.clone()
    result = norm_act(norm, ("RELU", {"inplace": True}), 2, 4)(image)
    assert torch.equal(image, before)
    assert result.min() == 0


def test_mean_pool_by_hand():
    image = torch.tensor([[1.0, 3.0, 0.0, 8.0], [5.0, 7.0, 0.0, 0.0]])[None, None]
    assert mean_pool(2, (2, 2))(image).tolist() == [[[[4.0, 2.0]]]]
    assert mean_pool(2, (1, 2))(image).tolist() == [[[[2.0, 4.0], [6.0, 0.0]]]]
    assert isinstance(mean_pool(3, (1, 1, 1)), nn.Identity)


def test_resize_by_hand():
    image = torch.tensor([[0.0, 4.0]])[None, None]
    assert resize_linear(image, [1, 4]).tolist() == [[[[0.0, 1.0, 3.0, 4.0]]]]
    assert resize_linear(image[..., None], [1, 4, 1]).flatten().tolist() == [0.0, 1.0, 3.0, 4.0]
    assert resize_linear(image, [1, 2]) is image
