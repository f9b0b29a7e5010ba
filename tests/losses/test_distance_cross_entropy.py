# SPDX-License-Identifier: Apache-2.0
"""U-Net's weighted cross-entropy, by its formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from monai_boundary.losses import DistanceWeightedCELoss
from monai_boundary.ops import batch_signed_distance, distance_weights
from tests.oracles.signed_distance import face_distance


def _case() -> tuple[torch.Tensor, torch.Tensor]:
    label = torch.zeros(2, 1, 9, 8)
    label[0, :, 2:6, 3:7] = 1
    label[1, :, 5:] = 2
    return torch.randn(2, 3, 9, 8), label


def test_by_its_formula() -> None:
    logits, label = _case()
    value = DistanceWeightedCELoss(to_onehot_y=True, w0=4, sigma=2, reduction="none")(logits, label)
    log = torch.log_softmax(logits, 1).numpy()
    for item in range(2):
        total = 0.0
        truth = label[item, 0].numpy()
        maps = [face_distance(truth == c) for c in range(3) if (truth == c).any()]
        distance = np.abs(maps).min(0)
        for c in range(3):
            g = truth == c
            total -= ((g.mean() + 4 * np.exp(-(distance**2) / 8)) * g * log[item, c]).sum()
        assert float(value[item]) == pytest.approx(total / truth.size, rel=1e-5)


def test_ready_maps_give_the_same() -> None:
    logits, label = _case()
    loss = DistanceWeightedCELoss(to_onehot_y=True)
    masks = F.one_hot(label[:, 0].long(), 3).movedim(-1, 1)
    maps = batch_signed_distance(masks)
    wanted = loss(logits, label)
    torch.testing.assert_close(loss(logits, label, distance_map=maps), wanted)
    torch.testing.assert_close(loss(logits, label, weight_map=distance_weights(masks, maps)), wanted)
    torch.testing.assert_close(DistanceWeightedCELoss()(logits, masks), wanted)


def test_one_channel_is_the_two_class_loss() -> None:
    logits, label = _case()
    one, mask = logits[:, :1], (label > 0).float()
    two = torch.cat([torch.zeros_like(one), one], dim=1)
    maps = batch_signed_distance(mask)
    pair = torch.cat([1 - mask, mask], dim=1)
    torch.testing.assert_close(
        DistanceWeightedCELoss()(one, mask, distance_map=maps),
        DistanceWeightedCELoss()(two, pair, distance_map=maps),
    )
    for spacing in (1.0, 5.0):  # and where the maps are made by the loss: a face is as far from either side
        loss = DistanceWeightedCELoss(spacing=spacing)
        torch.testing.assert_close(loss(one, mask), loss(two, pair))


def test_unknown_voxels_have_no_side_and_no_frequency() -> None:
    logits, label = _case()
    one, truth = logits[:, :1], (label > 0).float()
    mask = torch.ones_like(truth)
    mask[..., 3:5] = 0
    loss = DistanceWeightedCELoss(spacing=2.0)
    value = loss(one, torch.where(mask > 0, truth, 255), mask=mask)
    torch.testing.assert_close(loss(one, torch.where(mask > 0, truth, 1), mask=mask), value)
    two, pair = torch.cat([torch.zeros_like(one), one], dim=1), torch.cat([1 - truth, truth], dim=1)
    torch.testing.assert_close(loss(two, pair, mask=mask), value)


def test_zero_w0_and_no_class_weight_is_cross_entropy() -> None:
    logits, label = _case()
    value = DistanceWeightedCELoss(to_onehot_y=True, w0=0, class_weight="none")(logits, label)
    torch.testing.assert_close(value, F.cross_entropy(logits, label[:, 0].long()))


def test_bad_input() -> None:
    logits, label = _case()
    loss = DistanceWeightedCELoss(to_onehot_y=True)
    with pytest.raises(ValueError, match="`weight_map` needs `distance_map` left out"):
        loss(logits, label, weight_map=label, distance_map=label)
    with pytest.raises(ValueError, match="`weight_map` needs the shape of"):
        loss(logits, label, weight_map=label[..., 1:])
    with pytest.raises(ValueError, match="`target` needs the shape of `input`"):
        DistanceWeightedCELoss()(logits, (label > 0).float())
    with pytest.raises(ValueError, match="integer class indices"):
        loss(logits, label + 1)
    with pytest.raises(ValueError, match="`w0` needs a finite number >= 0"):
        DistanceWeightedCELoss(w0=-1)


def test_the_mean_is_over_the_voxels_that_count() -> None:
    logits, label = _case()
    maps = batch_signed_distance(F.one_hot(label[:, 0].long(), 3).movedim(-1, 1).bool(), None)
    loss = DistanceWeightedCELoss(to_onehot_y=True, reduction="none")
    mask = torch.ones(2, 1, 9, 8)
    torch.testing.assert_close(
        loss(logits, label, distance_map=maps, mask=mask), loss(logits, label, distance_map=maps)
    )
    mask[0, ..., :4] = 0
    mask[1] = 0
    logits.requires_grad_()
    value = loss(logits, label, distance_map=maps, mask=mask)
    weights = distance_weights(F.one_hot(label[:, 0].long(), 3).movedim(-1, 1), maps, known=mask > 0)
    entropy = F.cross_entropy(logits, label[:, 0].long(), reduction="none")[:, None]
    torch.testing.assert_close(value[0], (entropy * weights)[0, ..., 4:].mean())
    assert value[1].item() == 0
    (gradient,) = torch.autograd.grad(value.sum(), logits)
    assert not gradient[0, ..., :4].any()
    assert not gradient[1].any()
    with pytest.raises(ValueError, match="`mask` needs the shape of"):
        loss(logits, label, mask=mask[..., 1:])
