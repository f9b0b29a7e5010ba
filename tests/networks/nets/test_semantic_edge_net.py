# SPDX-License-Identifier: Apache-2.0
"""The edge network by its layers."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from monai_boundary.networks import SemanticEdgeNet


@pytest.mark.parametrize(("dims", "parameters"), [(2, 592 + 4640 + 578), (3, 1744 + 13856 + 1730)])
def test_layers_by_hand(dims: int, parameters: int) -> None:
    net = SemanticEdgeNet(dims, 4)
    assert sum(p.numel() for p in net.parameters()) == parameters
    x = torch.rand(2, 4, *(9, 8, 7)[:dims])
    first, second, third = net.features(x)
    weight, bias = net.convolutions[0].parameters()
    padded = F.pad(x, [1] * 2 * dims, mode="replicate")
    torch.testing.assert_close(first, (F.conv2d if dims == 2 else F.conv3d)(padded, weight, bias).relu())
    assert [f.shape[1] for f in (first, second, third)] == [16, 32, 2]
    torch.testing.assert_close(third.sum(1), torch.ones_like(third[:, 0]))
    before = net.features(x, activated=False)
    torch.testing.assert_close(before[0].relu(), first)
    torch.testing.assert_close(net(x).softmax(1), third)
    assert len(net.features(x, layers=2)) == 2


def test_the_frame_is_no_edge_and_dtypes_follow_the_input() -> None:
    net = SemanticEdgeNet(2, 2)
    flat = torch.zeros(1, 2, 8, 8, dtype=torch.float64)
    flat[:, 0] = 1
    logits = net(flat)
    assert logits.dtype == torch.float64
    torch.testing.assert_close(logits, logits[:, :, 4:5, 4:5].expand_as(logits))


def test_bad_input() -> None:
    net = SemanticEdgeNet(2, 3)
    for wrong in (torch.rand(1, 2, 8, 8), torch.rand(1, 3, 4, 8, 8)):
        with pytest.raises(ValueError, match="`input` needs 3 classes in 2-D for this edge network, got shape"):
            net(wrong)
    with pytest.raises(ValueError, match="`num_classes` needs a whole number >= 1, got 0"):
        SemanticEdgeNet(2, 0)
    with pytest.raises(ValueError, match="`spatial_dims` needs 2 or 3 spatial dimensions, got 1"):
        SemanticEdgeNet(1, 2)
