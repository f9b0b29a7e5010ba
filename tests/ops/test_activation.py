# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_boundary.ops import to_probabilities
from monai_boundary.ops.activation import check_activation, voxel_cross_entropy


def test_each_activation_is_the_named_one():
    scores = torch.tensor([[[[-2.0]], [[1.0]]]])
    torch.testing.assert_close(to_probabilities(scores, sigmoid=True), 1 / (1 + torch.exp(-scores)))
    torch.testing.assert_close(to_probabilities(scores, softmax=True), scores.exp() / scores.exp().sum(1, keepdim=True))
    torch.testing.assert_close(
        to_probabilities(scores, other_act=lambda x: x * 0 + 0.25), torch.full((1, 2, 1, 1), 0.25)
    )
    assert to_probabilities(scores) is scores


def test_softmax_of_one_channel_is_refused():
    with pytest.raises(ValueError, match="`softmax` needs at least 2 channels, got 1"):
        to_probabilities(torch.zeros(1, 1, 2, 2), softmax=True)


@pytest.mark.parametrize("pair", [{"sigmoid": True, "softmax": True}, {"sigmoid": True, "other_act": torch.tanh}])
def test_one_activation_at_most(pair):
    with pytest.raises(ValueError, match="at most one of `sigmoid`, `softmax` and `other_act`"):
        check_activation(**{"sigmoid": False, "softmax": False, "other_act": None, **pair})
    with pytest.raises(TypeError, match="`other_act` needs a callable or None, got str"):
        check_activation(False, False, "relu")


def test_cross_entropy_of_logits_and_of_probabilities_agree_and_end_at_zero():
    logits = torch.linspace(-8, 8, 33, dtype=torch.float64).reshape(1, 1, 1, 33)
    target = (torch.arange(33) % 2).reshape(1, 1, 1, 33).double()
    chance = torch.sigmoid(logits)
    expected = -(target * chance.log() + (1 - target) * (1 - chance).log())
    torch.testing.assert_close(voxel_cross_entropy(logits, target, True), expected)
    torch.testing.assert_close(voxel_cross_entropy(chance, target, False), expected)
    assert not voxel_cross_entropy(target, target, False).any()
