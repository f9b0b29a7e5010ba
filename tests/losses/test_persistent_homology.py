# SPDX-License-Identifier: Apache-2.0
"""Persistent-homology loss by hand, and what it makes of a torn ring."""

from __future__ import annotations

import pytest
import torch

from monai_boundary.losses import PersistentHomologyLoss, persistence_distance

pytest.importorskip("gudhi")


def test_by_hand() -> None:
    mask = torch.tensor([[1, 1, 0, 0, 0, 0]]).bool()
    map_ = torch.tensor([[0.8, 0.9, 0.1, 0.6, 0.2, 0.4]])
    # the best component is born at 0.9 and never dies: 0.1^2; the others last from 0.6 to 0.1 and from 0.4 to 0.2
    assert float(persistence_distance(map_, mask)) == pytest.approx(0.01 + 0.25 / 2 + 0.04 / 2)
    assert float(persistence_distance(map_, mask, min_persistence=0.3)) == pytest.approx(0.01 + 0.25 / 2)
    assert float(persistence_distance(torch.full((1, 6), 0.3), mask)) == pytest.approx(0.7**2)
    two = torch.tensor([[1, 0, 1, 0, 0, 0]]).bool()
    assert float(persistence_distance(map_, two)) == pytest.approx(0.01 + 0.4**2 + 0.1**2 + 0.04 / 2)
    assert float(persistence_distance(torch.full((1, 6), 0.3), two)) == pytest.approx(0.7**2 + 0.5)


def test_it_closes_a_torn_ring() -> None:
    ring = torch.zeros(1, 1, 9, 9)
    ring[..., 2:7, 2:7] = 1
    ring[..., 3:6, 3:6] = 0
    logits = 6 * ring - 3
    logits[..., 2, 4] = -1
    logits.requires_grad_()
    loss = PersistentHomologyLoss(sigmoid=True)
    optimizer = torch.optim.SGD([logits], 5.0)
    before = loss(logits, ring).item()
    for _ in range(30):
        optimizer.zero_grad()
        loss(logits, ring).backward()
        optimizer.step()
    assert logits[..., 2, 4].item() > 0
    assert loss(logits, ring).item() < 0.2 * before


def test_classes_and_ignored_voxels() -> None:
    label = torch.zeros(1, 1, 10, 10)
    label[..., 2:5, 2:8] = 1
    label[..., 0, 9] = 255
    mask = (label < 255).float()
    logits = torch.randn(1, 2, 10, 10, requires_grad=True)
    loss = PersistentHomologyLoss(softmax=True, to_onehot_y=True, reduction="none")
    value = loss(logits, label, mask=mask)
    assert value.shape == (1, 2)
    (gradient,) = torch.autograd.grad(value.sum(), logits)
    assert gradient[..., 0, 9].abs().sum() == 0
    assert 0 < int((gradient != 0).sum()) < gradient.numel()


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="`min_persistence` needs a number from 0 up to 1, got 1"):
        PersistentHomologyLoss(min_persistence=1)
    with pytest.raises(ValueError, match="no NaN"):
        PersistentHomologyLoss(sigmoid=True)(torch.full((1, 1, 4, 4), torch.nan), torch.zeros(1, 1, 4, 4))
