# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from monai_boundary.losses import BalancedBCELoss, balanced_cross_entropy

LN2 = math.log(2)


def by_hand(probability: np.ndarray, edge: np.ndarray) -> float:
    """Eq. 5 with the edges weighted by the share of the others, written as two sums."""
    beta = (edge == 0).mean()
    on_edges = sum(-math.log(p) for p, g in zip(probability.flat, edge.flat, strict=True) if g == 1)
    elsewhere = sum(-math.log(1 - p) for p, g in zip(probability.flat, edge.flat, strict=True) if g == 0)
    return (beta * on_edges + (1 - beta) * elsewhere) / edge.size


def picture(*rows: str) -> Tensor:
    return torch.tensor([[float(c == "#") for c in row] for row in rows])[None, None]


EDGE = picture(
    "....#",
    "....#",
    "....#",
    "....#",
)


def test_beta_belongs_to_the_edge_voxels() -> None:
    """4 of 20 voxels are edge, so beta is 0.8. The paper's text gives it to y+ and calls y- the edge set."""
    logits = torch.zeros(1, 1, 4, 5, requires_grad=True)
    loss = balanced_cross_entropy(logits, EDGE, sigmoid=True)
    assert loss.item() == pytest.approx((0.8 * 4 + 0.2 * 16) / 20 * LN2)
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    np.testing.assert_allclose(gradient[0, 0, :, 4], -0.8 * 0.5 / 20, rtol=1e-6)
    np.testing.assert_allclose(gradient[0, 0, :, :4], 0.2 * 0.5 / 20, rtol=1e-6)
    missed = balanced_cross_entropy(logits.detach() - 5, EDGE, sigmoid=True)
    swapped = balanced_cross_entropy(logits.detach() - 5, 1 - EDGE, sigmoid=True)
    assert missed.item() > 0.75
    assert missed.item() + swapped.item() == pytest.approx(2 * 0.16 * (5 + 2 * math.log1p(math.exp(-5))), rel=1e-5)


def test_all_missed_costs_as_much_as_all_alarmed() -> None:
    values = [balanced_cross_entropy(torch.full_like(EDGE, p), EDGE).item() for p in (0.1, 0.9)]
    assert values[0] == pytest.approx(values[1])


@pytest.mark.parametrize("shape", [(5, 6), (3, 4, 5)])
def test_each_item_and_channel_by_hand(rng: np.random.Generator, shape: tuple[int, ...]) -> None:
    probability = rng.uniform(0.05, 0.95, (2, 3, *shape))
    edge = (rng.random((2, 3, *shape)) < [[[[0.1]], [[0.3]], [[0.6]]]]).astype(float) if len(shape) == 2 else None
    edge = (rng.random((2, 3, *shape)) < 0.2).astype(float) if edge is None else edge
    tensors = torch.from_numpy(probability), torch.from_numpy(edge)
    found = balanced_cross_entropy(*tensors)
    expected = [[by_hand(probability[b, c], edge[b, c]) for c in range(3)] for b in range(2)]
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(balanced_cross_entropy(torch.logit(tensors[0]), tensors[1], sigmoid=True), expected)


def test_balance_over_the_batch() -> None:
    """One item without an edge: alone its false alarms weigh a half, in the batch what the edges of the others say."""
    edges = torch.cat([EDGE, torch.zeros_like(EDGE)])
    logits = torch.zeros_like(edges)
    alone = balanced_cross_entropy(logits, edges, sigmoid=True)
    np.testing.assert_allclose(alone[:, 0], [0.32 * LN2, 0.5 * LN2], rtol=1e-6)
    together = balanced_cross_entropy(logits, edges, sigmoid=True, balance="batch")
    np.testing.assert_allclose(together[:, 0], [(0.9 * 4 + 0.1 * 16) / 20 * LN2, 0.1 * LN2], rtol=1e-5)
    one = balanced_cross_entropy(logits[:1], edges[:1], sigmoid=True, balance="batch")
    assert one.item() == pytest.approx(alone[0].item())


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("balance", ["sample", "batch"])
def test_without_edges_or_with_nothing_else_the_side_that_is_there_weighs_a_half(value: float, balance: str) -> None:
    wrong = 1 if value == 0 else -1
    for logit, expected, slope in ((-1e4, 0.0, 0.0), (0.0, 0.5 * LN2, 0.25), (1e4, 5000.0, 0.5)):
        logits = torch.full((2, 1, 4, 4), wrong * logit, requires_grad=True)
        loss = BalancedBCELoss(sigmoid=True, balance=balance)(logits, torch.full((2, 1, 4, 4), value))
        (gradient,) = torch.autograd.grad(loss, logits)
        assert loss.item() == pytest.approx(expected)
        np.testing.assert_allclose(gradient, wrong * slope / 32, rtol=1e-6)


def test_a_share_of_both_counts_as_such() -> None:
    half = torch.full((1, 1, 2, 2), 0.5)
    assert balanced_cross_entropy(torch.zeros(1, 1, 2, 2), half, sigmoid=True).item() == pytest.approx(0.5 * LN2)


def test_classes_and_activations() -> None:
    label = torch.tensor([[[[0, 1, 2, 2]]]])
    logits = torch.randn(1, 3, 1, 4, generator=torch.Generator().manual_seed(0))
    one_hot = torch.stack([label[:, 0] == c for c in range(3)], dim=1).float()
    options: dict[str, Any] = {"softmax": True, "include_background": False}
    found = BalancedBCELoss(to_onehot_y=True, reduction="none", **options)(logits, label)
    np.testing.assert_allclose(found, balanced_cross_entropy(logits.softmax(1)[:, 1:], one_hot[:, 1:]))
    other = BalancedBCELoss(other_act=torch.sigmoid)(logits, one_hot)
    torch.testing.assert_close(other, BalancedBCELoss(sigmoid=True)(logits, one_hot))


def test_bad_input() -> None:
    with pytest.raises(ValueError, match=re.escape("`target` needs values in [0, 1], got 0 to 255.")):
        balanced_cross_entropy(torch.zeros(1, 1, 2, 2), torch.tensor([[[[0, 255], [0, 0]]]]), sigmoid=True)
    with pytest.raises(ValueError, match=r"`target` needs values in \[0, 1\], got nan to nan"):
        balanced_cross_entropy(torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), math.nan), sigmoid=True)
    with pytest.raises(ValueError, match=r"`target` needs the shape of `input`, \(1, 1, 2, 2\), got \(1, 1, 2, 3\)"):
        balanced_cross_entropy(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 3))
    with pytest.raises(ValueError, match="`input` needs 2 or 3 spatial dimensions, got 1"):
        balanced_cross_entropy(torch.zeros(1, 1, 2), torch.zeros(1, 1, 2))
    with pytest.raises(ValueError, match="`balance` needs one of 'sample', 'batch', got 'voxel'"):
        BalancedBCELoss(balance="voxel")
    with pytest.warns(UserWarning, match="`input` needs probabilities"):
        balanced_cross_entropy(torch.full((1, 1, 2, 2), 3.0), torch.ones(1, 1, 2, 2))


def test_voxels_that_do_not_count_are_as_if_they_were_not_there() -> None:
    logits = torch.linspace(-2, 2, 20).view(1, 1, 4, 5).requires_grad_()
    mask = torch.ones(1, 1, 4, 5)
    mask[..., :2] = 0
    for balance in ("sample", "batch"):
        loss = BalancedBCELoss(sigmoid=True, balance=balance)
        value = loss(logits, EDGE, mask=mask)
        torch.testing.assert_close(value, loss(logits[..., 2:], EDGE[..., 2:]))
        (gradient,) = torch.autograd.grad(value, logits)
        assert not gradient[..., :2].any()
        assert gradient[..., 2:].all()
    assert float(loss(logits.detach(), EDGE, mask=0 * mask)) == 0
    with pytest.raises(ValueError, match="`mask` needs the shape of `input, with one channel`"):
        loss(logits, EDGE, mask=mask[..., 1:])
