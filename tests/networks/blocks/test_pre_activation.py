# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from monai_boundary.networks import PreActivationBlock


def test_equation():
    block = PreActivationBlock(2, 4, norm=("GROUP", {"num_groups": 2}))
    first, second = (m for m in block.modules() if isinstance(m, nn.Conv2d))
    x = torch.randn(2, 4, 5, 6)
    inner = F.conv2d(F.relu(F.group_norm(x, 2)), first.weight, padding=1)
    expected = x + F.conv2d(F.relu(F.group_norm(inner, 2)), second.weight, padding=1)
    torch.testing.assert_close(block(x), expected)


def test_one_convolution():
    block = PreActivationBlock(3, 2, norm="", convolutions=1)
    (only,) = (m for m in block.modules() if isinstance(m, nn.Conv3d))
    x = torch.randn(1, 2, 4, 4, 4)
    torch.testing.assert_close(block(x), x + F.conv3d(F.relu(x), only.weight, padding=1))


def test_without_norm_the_sum_keeps_negative_values():
    block = PreActivationBlock(2, 1, norm="")
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(1, 1, 4, 4)
    assert torch.equal(block(x), x)


def test_dropout_only_in_training():
    block = PreActivationBlock(2, 8, dropout=0.5)
    x = torch.randn(1, 8, 8, 8)
    assert not torch.equal(block(x), block(x))
    block.eval()
    assert torch.equal(block(x), block(x))


def test_gradient():
    block = PreActivationBlock(2, 2, norm="instance", act="elu").double()
    x = torch.randn(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(block, (x,))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"spatial_dims": 1}, r"`spatial_dims` needs 2 or 3 spatial dimensions, got 1\."),
        ({"channels": 0}, r"`channels` needs a finite number > 0, got 0\."),
        ({"convolutions": 0}, r"`convolutions` needs a finite number > 0, got 0\."),
        ({"channels": 10}, r"`norm` needs to fit 10 channels"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        PreActivationBlock(**{"spatial_dims": 2, "channels": 8, **arguments})
