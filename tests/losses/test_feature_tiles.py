# SPDX-License-Identifier: Apache-2.0
"""Features compared tile by tile, against all at once."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_boundary.losses import SEMEDALoss, _feature_tiles
from monai_boundary.losses._feature_tiles import tiled_distances, tiling_helps
from monai_boundary.networks import SemanticEdgeNet


def _net(dims: int, classes: int) -> SemanticEdgeNet:
    torch.manual_seed(3)
    net = SemanticEdgeNet(dims, classes).double()
    net.fitted.fill_(True)
    return net


def _pair(shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    torch.manual_seed(4)
    label = torch.randint(0, shape[1], (shape[0], *shape[2:]))
    hot = torch.nn.functional.one_hot(label, shape[1]).movedim(-1, 1)
    return torch.randn(shape, dtype=torch.float64, requires_grad=True), hot


@pytest.mark.parametrize("shape", [(2, 3, 40, 33), (1, 2, 9, 50), (2, 2, 8, 17)])
@pytest.mark.parametrize("weights", [(2.0, 4.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)])
@pytest.mark.parametrize("options", [{}, {"features": "before", "feature_reduction": "sum"}], ids=["after", "before"])
def test_tiles_change_neither_value_nor_gradient(
    shape: tuple[int, ...], weights: tuple[float, ...], options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logits, hot = _pair(shape)
    loss = SEMEDALoss(_net(2, shape[1]), softmax=True, layer_weights=weights, reduction="none", **options)
    scale = torch.arange(1, shape[0] + 1).double()
    results = []
    for side in (1000, 8, 16):
        monkeypatch.setattr(_feature_tiles, "_SIDE", side)
        assert tiling_helps(logits) == (max(shape[2:]) > side)
        value = loss(logits, hot)
        (gradient,) = torch.autograd.grad((value * scale).sum(), logits)
        results.append((value.detach(), gradient, loss.terms))
    for tiled in results[1:]:
        torch.testing.assert_close(tiled, results[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("weights", [(2.0, 4.0, 0.0), (0.0, 0.0, 1.0)])
def test_tiles_do_not_change_the_curvature(weights: tuple[float, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """The softmax of the third layer and that of the logits are not piecewise linear."""
    logits, hot = _pair((2, 2, 14, 12))
    loss = SEMEDALoss(_net(2, 2), softmax=True, layer_weights=weights)
    results = []
    for side in (1000, 8):
        monkeypatch.setattr(_feature_tiles, "_SIDE", side)
        (gradient,) = torch.autograd.grad(loss(logits, hot).square(), logits, create_graph=True)
        results.append(torch.autograd.grad(gradient.square().sum(), logits)[0])
    torch.testing.assert_close(results[1], results[0], rtol=1e-10, atol=1e-14)


def test_three_dimensions_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_feature_tiles, "_SIDE", 5)
    logits, hot = _pair((1, 2, 6, 11, 7))
    net, probability = _net(3, 2).requires_grad_(False), logits.softmax(1)
    each, distances = tiled_distances(probability, hot, lambda x: net.features(x, True, 2), (2.0, 4.0), True)
    assert not distances.requires_grad
    loss = SEMEDALoss(net, softmax=True, reduction="none")
    assert not tiling_helps(logits), "slower there"
    expected = loss(logits, hot)
    torch.testing.assert_close(each, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(*(torch.autograd.grad(v.sum(), logits)[0] for v in (each, expected)))


def test_ignored_voxels_and_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, hot = _pair((1, 2, 20, 20))
    mask = torch.ones(1, 1, 20, 20)
    mask[..., 3:9, 12:] = 0
    loss = SEMEDALoss(_net(2, 2), softmax=True)
    whole = loss(logits, hot, mask=mask)
    monkeypatch.setattr(_feature_tiles, "_SIDE", 6)
    tiled = loss(logits, hot, mask=mask)
    torch.testing.assert_close(tiled, whole, rtol=1e-12, atol=0)
    (gradient,) = torch.autograd.grad(tiled, logits)
    assert not gradient[(mask == 0).expand_as(gradient)].any()
    with torch.no_grad():
        torch.testing.assert_close(loss(logits, hot, mask=mask), whole.detach(), rtol=1e-12, atol=0)
