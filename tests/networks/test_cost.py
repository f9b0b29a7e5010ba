# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_boundary.networks import BoundaryAwareNet, DCUNet, network_cost, receptive_field


def test_a_convolution_by_hand():
    cost = network_cost(nn.Conv3d(2, 3, 3, padding=1, bias=False), (2, 2, 4, 5, 6))
    assert cost.parameters == 2 * 3 * 27
    assert cost.flops == 2 * 2 * 3 * 27 * (2 * 4 * 5 * 6)


def test_frozen_parameters_do_not_count():
    net = nn.Conv2d(1, 1, 1)
    net.bias.requires_grad_(False)
    assert network_cost(net, (1, 1, 4, 4)).parameters == 1


def test_the_network_is_left_as_it_is():
    net = BoundaryAwareNet(2, 1, 1, channels=(8, 16))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    network_cost(net, (1, 1, 8, 8))
    receptive_field(net, (1, 1, 128, 4))
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize(
    ("layers", "period", "expected"),
    [
        ([nn.Conv2d(1, 1, 1)], 1, 1),
        ([nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(2, 1, 3, padding=1)], 1, 5),
        ([nn.Conv2d(1, 1, 3, padding=4, dilation=4)], 1, 9),
        ([nn.Conv2d(1, 1, 3, padding=1), nn.InstanceNorm2d(1), nn.Conv2d(1, 1, 3, padding=1)], 1, 5),
        ([nn.MaxPool2d(4), nn.Upsample(scale_factor=4)], 1, 4),
        # An output between two coarse voxels reads both: 2 blocks of 2.
        ([nn.AvgPool2d(2), nn.Upsample(scale_factor=2, mode="bilinear")], 2, 4),
    ],
)
def test_fields_by_hand(layers, period, expected):
    assert receptive_field(nn.Sequential(*layers), (1, 1, 32, 32), period=period) == expected


def test_along_each_axis():
    net = nn.Conv2d(1, 1, (3, 5), padding=(1, 2))
    assert [receptive_field(net, (1, 1, 16, 16), axis) for axis in (0, 1)] == [3, 5]


def test_an_image_that_is_too_short():
    with pytest.raises(
        ValueError, match=r"`image_shape` needs a longer axis 0, got \(1, 1, 4, 9\): the field is cut\."
    ):
        receptive_field(nn.Conv2d(1, 1, 7, padding=3), (1, 1, 4, 9))


@pytest.mark.parametrize("stream", ["fine", "descending"])
def test_field_of_the_boundary_aware_network(stream):
    assert receptive_field(BoundaryAwareNet(2, 1, 1, stream=stream), (1, 1, 512, 16), period=8) == 249


def test_field_of_dc_unet():
    assert receptive_field(DCUNet(2, 1, 1, filters=4), (1, 1, 640, 32), period=16) == 298
