# SPDX-License-Identifier: Apache-2.0
"""Every loss by its name, in every kind of bundle: it is made, it takes the targets it asked for, and it learns."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from monai.losses import DiceLoss, GeneralizedDiceLoss
from torch import Tensor

from monai_boundary.handlers import LossWithTargets
from monai_boundary.losses import (
    BALoss,
    CompoundLoss,
    EdgeAwareLoss,
    MaskedOverlapLoss,
    SignedDistanceLoss,
    SobelEdgeLoss,
)
from monai_boundary.networks import SemanticEdgeNet
from monai_boundary.transforms import EdgeMaskd, RegionTargetsd, SignedDistanceMapd
from monai_boundary.workflows import (
    lesion_loss,
    loss_names,
    loss_schedule,
    loss_targets,
    loss_weight,
    membrane_loss,
    tumour_loss,
    weigh_boundary,
)

KINDS = ("membrane", "lesion", "tumour")
ADDED = {"boundary", "equipotential", "semeda", "sobel", "hausdorff_dt", "cldice", "persistent_homology"}
REPLACING = {"cross_entropy", "weighted_bce", "focal", "dice", "generalized_dice", "lovasz"}
CHANNELS = {"membrane": 1, "lesion": 2, "tumour": 3}
CASES = [(kind, name) for kind in KINDS for name in loss_names(kind)]


def batch_of(kind: str, dims: int = 2) -> dict[str, Tensor]:
    """A batch of two with every target that a bundle of the kind can make."""
    shape = (20, 18) if dims == 2 else (10, 9, 8)
    items = []
    for shift in (0, 1):
        label = torch.zeros(3 if kind == "tumour" else 1, *shape)
        if kind == "membrane":
            label[:, shape[0] // 2 + shift] = 1
            label[:, :, shape[1] // 2] = 1
        else:
            label[:, 2 + shift : 7 + shift, 3:7] = 1
        item = SignedDistanceMapd("label", image_key=None)({"label": label})
        if kind == "membrane":
            item = RegionTargetsd("label")(item)
        if kind == "lesion":
            item["label_counted"] = torch.ones(1, *shape)
        if kind == "tumour":
            item = EdgeMaskd("label", image_key=None, classes="any")(item)
        items.append(item)
    batch = {key: torch.stack([torch.as_tensor(item[key]).as_subclass(Tensor) for item in items]) for key in items[0]}
    return {**batch, "image": torch.zeros_like(batch["label"][:, :1])}


def edge_net(kind: str, dims: int = 2) -> SemanticEdgeNet:
    torch.manual_seed(0)
    net = SemanticEdgeNet(dims, CHANNELS[kind])
    net.fitted.fill_(True)
    return net.eval()


def make(kind: str, loss: Any, dims: int = 2, weight: float | None = None, **options: Any) -> Any:
    """The loss as the bundle of the kind makes it."""
    net = edge_net(kind, dims) if loss == "semeda" else None
    alpha = loss_weight(kind, loss) if weight is None else weight
    chosen = {"w": 5} if loss == "equipotential" else {}
    chosen |= options
    if kind == "membrane":
        return membrane_loss(loss, alpha, options=chosen, edge_net=net)
    if kind == "lesion":
        return lesion_loss(loss, loss_schedule("constant", alpha), options=chosen, edge_net=net)
    return tumour_loss(loss, alpha, options=chosen, edge_net=net)


def prediction(kind: str, batch: dict[str, Tensor], seed: int = 0) -> Any:
    """Random logits, and for tumours those of edges beside them."""
    generator = torch.Generator().manual_seed(seed)
    label = batch["label"]
    logits = torch.randn(len(label), CHANNELS[kind], *label.shape[2:], generator=generator).requires_grad_()
    return (logits, torch.zeros_like(label[:, :1])) if kind == "tumour" else logits


@pytest.mark.parametrize(("kind", "name"), CASES)
@pytest.mark.parametrize("dims", [2, 3])
def test_every_loss_learns_with_the_targets_it_asks_for(kind: str, name: str, dims: int) -> None:
    if name == "persistent_homology":
        pytest.importorskip("gudhi")
    batch = batch_of(kind, dims)
    loss = make(kind, name, dims)
    with_targets = LossWithTargets(loss, loss_targets(kind, name))
    _, label = with_targets.prepare_batch(batch)
    outputs = prediction(kind, batch)
    logits = outputs[0] if kind == "tumour" else outputs
    value = with_targets(outputs, label)
    value.backward()
    assert torch.isfinite(value)
    assert float(logits.grad.abs().sum()) > 0
    assert loss.terms, "they are logged"
    if name in ADDED and kind != "tumour":
        assert "boundary" in loss.terms
    if name in REPLACING:
        assert not [term for term in loss.terms if "boundary" in term]


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_a_bundle(kind: str) -> None:
    own = {"membrane": {"baloss", "distance_ce"}, "lesion": {"distance_ce"}, "tumour": {"edge_aware"}}
    assert set(loss_names(kind)) == ADDED | REPLACING | own[kind]


@pytest.mark.parametrize(
    ("kind", "default"), [("membrane", "baloss"), ("lesion", "boundary"), ("tumour", "edge_aware")]
)
def test_the_default_is_what_the_bundle_had_before(kind: str, default: str) -> None:
    batch = batch_of(kind)
    outputs = prediction(kind, batch)
    targets = {word: batch[key] for word, key in loss_targets(kind, default).items()}
    if kind == "membrane":
        before: Any = BALoss(sigmoid=True, alpha=0.1, contour="leak")
    elif kind == "lesion":
        overlap = MaskedOverlapLoss(GeneralizedDiceLoss(), softmax=True, to_onehot_y=True)
        losses = {"region": overlap, "boundary": SignedDistanceLoss(softmax=True, to_onehot_y=True)}
        before = CompoundLoss(losses, weights={"boundary": 0.01})
    else:
        before = EdgeAwareLoss(region_loss=DiceLoss(sigmoid=True, squared_pred=True))
    after = make(kind, default)
    torch.testing.assert_close(after(outputs, batch["label"], **targets), before(outputs, batch["label"], **targets))


def test_only_what_a_loss_needs_is_made() -> None:
    assert loss_targets("membrane", "baloss") == {
        "seeds": "seeds_label",
        "regions": "regions_label",
        "cells": "cells_label",
    }
    assert loss_targets("membrane", "distance_ce") == {"distance_map": "sdm_label"}
    assert loss_targets("membrane", "cldice") == {}
    assert loss_targets("lesion", "boundary") == {"distance_map": "sdm_label", "mask": "label_counted"}
    assert loss_targets("lesion", "dice") == {"mask": "label_counted"}
    assert loss_targets("tumour", "boundary") == {"distance_map": "sdm_label", "edges": "edge_label"}
    assert loss_targets("tumour", "lovasz") == {"edges": "edge_label"}


@pytest.mark.parametrize("name", loss_names("lesion"))
def test_voxels_that_do_not_count_have_no_gradient(name: str) -> None:
    if name == "persistent_homology":
        pytest.importorskip("gudhi")
    batch = batch_of("lesion")
    batch["label_counted"][..., 9:12] = 0
    logits = prediction("lesion", batch)
    targets = {word: batch[key] for word, key in loss_targets("lesion", name).items()}
    make("lesion", name)(logits, batch["label"], **targets).backward()
    grad = logits.grad.abs()
    assert float(grad[..., 9:12].sum()) == 0
    assert float(grad.sum()) > 0


def test_boundary_terms_are_added_with_their_weight() -> None:
    batch = batch_of("membrane")
    logits = prediction("membrane", batch)
    loss = membrane_loss("sobel", alpha=16.0)
    logits = logits.detach()
    value = loss(logits, batch["label"])
    terms = {name: float(term) for name, term in loss.terms.items()}
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, batch["label"])
    assert terms["bce"] == pytest.approx(float(entropy))
    assert terms["boundary"] == pytest.approx(float(SobelEdgeLoss(sigmoid=True)(logits, batch["label"])))
    assert float(value) == pytest.approx(terms["bce"] + 16 * terms["boundary"], rel=1e-5)
    weigh_boundary(loss, 0.0)
    assert float(loss(logits, batch["label"])) == pytest.approx(terms["bce"])
    assert "boundary" not in loss.terms, "the warm-up"
    region = membrane_loss("dice")
    weigh_boundary(region, 0.5)
    assert region.weights == {"dice": 1.0}


def test_options_reach_the_loss() -> None:
    batch = batch_of("membrane")
    logits = prediction("membrane", batch).detach()
    values = {w: float(make("membrane", "equipotential", w=w)(logits, batch["label"])) for w in (5, 9)}
    assert values[5] != values[9]
    with pytest.raises(TypeError, match=r"`loss_options` needs arguments of the loss 'sobel', got \{'width': 3\}"):
        make("membrane", "sobel", width=3)
    with pytest.raises(TypeError, match="`loss_options` needs arguments of the loss 'cross_entropy'"):
        make("membrane", "cross_entropy", gamma=2)
    with pytest.raises(ValueError, match="odd"):
        make("membrane", "equipotential", w=4)


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        ("lesion", "baloss", "`loss` cannot be 'baloss' here: it looks for holes in walls between regions"),
        ("tumour", "baloss", "has no walls"),
        ("membrane", "edge_aware", "a network with an edge head predicts"),
        ("lesion", "edge_aware", "Choose one of cross_entropy, weighted_bce, distance_ce, focal"),
        ("tumour", "distance_ce", "the regions of this bundle overlap"),
        ("membrane", "hausdorf", "`loss` needs one of cross_entropy, .*persistent_homology.*, got 'hausdorf'"),
    ],
)
def test_a_loss_that_makes_no_sense_is_refused(kind: str, name: str, text: str) -> None:
    for refused in (lambda: make(kind, name), lambda: loss_weight(kind, name), lambda: loss_targets(kind, name)):
        with pytest.raises(ValueError, match=text):
            refused()


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="`kind`"):
        loss_names("heart")
    with pytest.raises(ValueError, match="`loss` semeda needs a fitted edge network, got None"):
        membrane_loss("semeda", 1.0)
    with pytest.raises(TypeError, match=re.escape("`loss` needs a name or a loss, got int: 3.")):
        membrane_loss(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_a_loss_of_one_s_own_is_used_with_the_targets_it_names(kind: str) -> None:
    batch = batch_of(kind)
    own = SignedDistanceLoss(softmax=kind == "lesion", sigmoid=kind != "lesion", to_onehot_y=kind == "lesion")
    targets = loss_targets(kind, own)
    assert set(targets) == ({"distance_map", "mask"} if kind == "lesion" else {"distance_map"})
    loss = make(kind, own)
    value = loss(prediction(kind, batch), batch["label"], **{word: batch[key] for word, key in targets.items()})
    assert torch.isfinite(value)
    assert loss.terms
    compound = CompoundLoss({"a": own, "b": own})
    assert loss_targets(kind, compound) == targets
    assert loss_weight(kind, own) == 0


def test_a_loss_of_edges_is_used_as_it_is() -> None:
    own = EdgeAwareLoss(sigmoid=True)
    assert tumour_loss(own) is own
    assert loss_targets("tumour", own) == {"edges": "edge_label"}
    assert isinstance(tumour_loss(DiceLoss(sigmoid=True)), EdgeAwareLoss)
