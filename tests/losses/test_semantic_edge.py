# SPDX-License-Identifier: Apache-2.0
"""SEMEDA by its formula, frozen, for the classes its edge network knows."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_boundary.losses import CompoundLoss, SEMEDALoss
from monai_boundary.networks import SemanticEdgeNet, fit_semantic_edge_net
from tests.contracts.loss_cases import edge_net


def _scene(classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    label = torch.zeros(2, 1, 14, 12)
    label[0, :, 3:9, 2:7] = 1
    label[1, :, 5:12, 4:9] = classes - 1
    return torch.randn(2, classes, 14, 12), label


@pytest.mark.parametrize("features", ["after", "before"])
@pytest.mark.parametrize("norm", ["mean", "sum"])
def test_by_its_formula(features: str, norm: str) -> None:
    net = edge_net(2, 3)
    logits, label = _scene()
    hot = nn.functional.one_hot(label[:, 0].long(), 3).movedim(-1, 1).float()
    weights = (2.0, 0.0, 0.5)
    options = {"features": features, "feature_reduction": norm, "layer_weights": weights}
    value = SEMEDALoss(net, softmax=True, to_onehot_y=True, reduction="none", **options)(logits, label)
    found, wanted = (net.features(x, features == "after") for x in (logits.softmax(1), hot))
    for item in range(2):
        each = [(a[item] - b[item]).abs() for a, b in zip(found, wanted, strict=True)]
        expected = sum(w * (d.mean() if norm == "mean" else d.sum()) for w, d in zip(weights, each, strict=True))
        torch.testing.assert_close(value[item], expected.detach())


def test_the_paper_s_weights_skip_the_last_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, label = _scene()
    loss = SEMEDALoss(edge_net(2, 3), softmax=True, to_onehot_y=True)
    loss(logits, label)
    assert set(loss.terms) == {"layer1", "layer2"}
    everything = SEMEDALoss(edge_net(2, 3), softmax=True, to_onehot_y=True, layer_weights=(0, 0, 1))
    value = everything(logits, label)
    assert set(everything.terms) == {"layer1", "layer2", "layer3"}
    torch.testing.assert_close(value, everything.terms["layer3"])


def test_the_network_is_a_frozen_copy() -> None:
    net = edge_net(2, 3).requires_grad_(True)
    logits, label = _scene()
    loss = SEMEDALoss(net, softmax=True, to_onehot_y=True)
    logits.requires_grad_()
    value = loss(logits, label)
    value.backward()
    assert logits.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in loss.parameters())
    with torch.no_grad():
        net.convolutions[0].weight.zero_()
    assert loss(logits, label).item() == value.item()
    assert all(p.requires_grad for p in net.parameters())


def test_ignored_voxels() -> None:
    logits, label = _scene()
    mask = torch.ones(2, 1, 14, 12)
    mask[:, :, 4:7, 3:6] = 0
    loss = SEMEDALoss(edge_net(2, 3), softmax=True, to_onehot_y=True)
    logits.requires_grad_()
    value = loss(logits, torch.where(mask > 0, label, 255), mask=mask)
    (gradient,) = torch.autograd.grad(value, logits)
    assert gradient[:, :, 4:7, 3:6].abs().sum() == 0
    other = torch.where(mask > 0, logits.detach(), 3 * torch.randn(2, 3, 14, 12))
    assert loss(other, label, mask=mask).item() == value.item()


def test_a_fitted_network_tells_a_near_miss_from_a_far_one() -> None:
    label = torch.zeros(1, 1, 48, 48)
    label[..., 12:30, 16:34] = 1
    loss = SEMEDALoss(fit_semantic_edge_net([label], num_classes=1, max_steps=50, progress=False))
    assert float(loss(label, label)) == 0
    near, far = (float(loss(label.roll(shift, -1), label)) for shift in (1, 4))
    assert 0 < near < far
    ragged = label.clone()
    ragged[..., 12:30:2, 33] = 0
    assert float(loss(ragged, label)) > 0
    compound = CompoundLoss({"bce": nn.BCELoss(), "semeda": loss}, weights={"semeda": 0.5})
    compound(label.roll(1, -1), label)
    assert "semeda.layer2" in compound.terms


def test_bad_input() -> None:
    logits, label = _scene()
    with pytest.raises(ValueError, match="`net` needs to be fitted: use `fit_semantic_edge_net`"):
        SEMEDALoss(SemanticEdgeNet(2, 3))
    with pytest.raises(TypeError, match="`net` needs a `SemanticEdgeNet`, got Linear"):
        SEMEDALoss(nn.Linear(1, 1))
    net = edge_net(2, 3)
    for weights in ((1, 2), (0, 0, 0)):
        with pytest.raises(ValueError, match="`layer_weights` needs three numbers, one above 0"):
            SEMEDALoss(net, layer_weights=weights)
    with pytest.raises(ValueError, match="`layer_weights` needs a finite number >= 0, got -1"):
        SEMEDALoss(net, layer_weights=(1, -1, 0))
    with pytest.raises(ValueError, match="`features` needs one of 'after', 'before', got 'both'"):
        SEMEDALoss(net, features="both")
    with pytest.raises(ValueError, match="`feature_reduction` needs one of 'mean', 'sum', got 'max'"):
        SEMEDALoss(net, feature_reduction="max")
    loss = SEMEDALoss(net, softmax=True, to_onehot_y=True)
    with pytest.raises(ValueError, match="`input` needs 3 classes in 2-D for this edge network, got shape"):
        loss(logits[:, :2], label.clamp(max=1))
    with pytest.raises(ValueError, match="`input` needs 3 classes in 2-D for this edge network, got shape"):
        loss(logits[..., None], label[..., None])
    with pytest.raises(ValueError, match=r"`target` needs integer class indices 0\.\.2, got 3"):
        loss(logits, label + 1)
    with pytest.warns(UserWarning, match=r"`input` needs probabilities in \[0, 1\]"):
        SEMEDALoss(net, to_onehot_y=True)(logits, label)
