# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_boundary.networks import DCUNet


@pytest.mark.parametrize(("dims", "shortcut", "millions"), [(2, True, 10.8), (2, False, 10.1), (3, True, 29.4)])
def test_parameters(dims, shortcut, millions):
    net = DCUNet(dims, 1, 1, shortcut=shortcut)
    assert round(sum(p.numel() for p in net.parameters()) / 1e6, 1) == millions


@pytest.mark.parametrize(("dims", "size"), [(2, (32, 16)), (3, (16, 16, 32))])
def test_shapes_in_both_modes(dims, size):
    net = DCUNet(dims, 2, 3, filters=4)
    image = torch.randn(2, 2, *size)
    assert net(image).shape == net.eval()(image).shape == (2, 3, *size)


def test_every_weight_gets_a_gradient():
    net = DCUNet(2, 1, 2, filters=4, depth=3)
    output = net(torch.randn(2, 1, 8, 12))
    (output * torch.randn_like(output)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
    assert sum(bool(p.grad.any()) for p in net.parameters()) > 0.95 * len(list(net.parameters()))


def test_the_output_is_not_bounded():
    net = DCUNet(2, 1, 1, filters=4, depth=2)
    with torch.no_grad():
        net.head.bias.fill_(50.0)
    assert net(torch.randn(1, 1, 8, 8)).min() > 10  # no tanh, no sigmoid


def test_paths_are_longer_where_the_skip_is():
    net = DCUNet(2, 1, 1, filters=4)
    assert [len(join.path.steps) for join in net.joins] == [1, 2, 3, 4]  # the deepest first


def test_bfloat16_is_finite():
    net = DCUNet(2, 1, 1, filters=4)
    with torch.autocast("cpu", torch.bfloat16):
        output = net(100 * torch.randn(2, 1, 32, 32))
    assert output.isfinite().all()


def test_without_batch_statistics():
    net = DCUNet(2, 1, 1, filters=8, depth=2, norm="instance", act="elu")
    assert not [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    assert net(torch.randn(1, 1, 4, 2)).shape == (1, 1, 4, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"spatial_dims": 1}, "`spatial_dims` needs 2 or 3"),
        ({"in_channels": 0}, r"`in_channels` needs a finite number > 0, got 0\."),
        ({"out_channels": 0}, r"`out_channels` needs a finite number > 0, got 0\."),
        ({"depth": 1}, r"`depth` needs 2 or more levels, got 1\."),
        ({"filters": 2}, r"`filters` needs to be 4 or more at width 1.67, got 2\."),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        DCUNet(**{"spatial_dims": 2, "in_channels": 1, "out_channels": 1, **arguments})


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 2, 32, 32), r"`x` needs 1 channels \(`in_channels`\), got 2\."),
        ((1, 1, 32, 40), r"the least size is \[16, 32\], got \[32, 40\]\."),
        ((1, 1, 16, 16), r"the least size is \[16, 32\], got \[16, 16\]\."),
    ],
)
def test_bad_images(shape, message):
    with pytest.raises(ValueError, match=message):
        DCUNet(2, 1, 1, filters=4)(torch.zeros(shape))
