# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_boundary.networks import DualChannelBlock
from monai_boundary.networks.blocks.dual_channel import conv_norm_act


@pytest.mark.parametrize(("filters", "expected"), [(32, 8 + 17 + 26), (64, 17 + 35 + 53), (512, 142 + 285 + 427)])
def test_shares_of_the_width(filters, expected):
    # 1.67 * filters in shares of 1/6, 1/3 and 1/2, rounded down.
    assert DualChannelBlock(2, 1, filters).out_channels == expected


def test_parameters_by_hand():
    block = DualChannelBlock(2, in_channels=2, filters=6, width=1.0, shortcut=False)
    chain = 2 * 1 * 9 + 1 * 2 * 9 + 2 * 3 * 9  # 2 -> 1 -> 2 -> 3 channels
    norms = 2 * (1 + 2 + 3) + 2 * 6
    assert sum(p.numel() for p in block.parameters()) == 2 * (chain + norms) + 2 * 6
    with_shortcut = DualChannelBlock(2, in_channels=2, filters=6, width=1.0)
    assert sum(p.numel() for p in with_shortcut.parameters()) == 2 * (chain + norms) + 2 * 6 + 2 * 6 + 2 * 6


@pytest.mark.parametrize("shortcut", [True, False])
@pytest.mark.parametrize(("dims", "size"), [(2, (7, 5)), (3, (4, 3, 5))])
def test_size_is_kept_and_every_weight_counts(dims, size, shortcut):
    block = DualChannelBlock(dims, 3, 12, shortcut=shortcut)
    result = block(torch.randn(2, 3, *size))
    assert result.shape == (2, block.out_channels, *size)
    (result * torch.randn_like(result)).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in block.parameters())


def test_the_sum_of_both_chains_and_the_shortcut():
    block = DualChannelBlock(2, 1, 6, width=1.0, norm="")
    x = torch.randn(1, 1, 5, 5)
    inner = block.left(x) + block.right(x) + block.shortcut(x)
    torch.testing.assert_close(block(x), inner.relu())


def test_bias_only_without_norm():
    assert conv_norm_act(2, 1, 1, 3, "", "relu")[0].bias is not None
    assert conv_norm_act(2, 1, 1, 3, "batch", "relu")[0].bias is None
    assert isinstance(conv_norm_act(2, 1, 1, 3, "batch", "")[2], nn.Identity)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DualChannelBlock(1, 1, 32), "`spatial_dims` needs 2 or 3"),
        (lambda: DualChannelBlock(2, 0, 32), "`in_channels` needs a finite number > 0"),
        (lambda: DualChannelBlock(2, 1, 3), r"`filters` needs to be 4 or more at width 1.67, got 3\."),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
