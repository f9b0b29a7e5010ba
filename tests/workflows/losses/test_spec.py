# SPDX-License-Identifier: Apache-2.0
"""Every loss by its name, for every layout of labels: it is made, it takes the targets it asked for, and it learns."""

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
    DeepSupervisedLoss,
    EdgeAwareLoss,
    IncreaseSchedule,
    MaskedOverlapLoss,
    SignedDistanceLoss,
    SobelEdgeLoss,
)
from monai_boundary.networks import SemanticEdgeNet
from monai_boundary.transforms import EdgeMaskd, RegionTargetsd, SignedDistanceMapd
from monai_boundary.workflows.losses.site import loss_site
from monai_boundary.workflows.losses.spec import LossSpec, loss_spec
from monai_boundary.workflows.losses.table import loss_names

ADDED = {"boundary", "equipotential", "semeda", "sobel", "hausdorff_dt", "cldice", "persistent_homology"}
REPLACING = {"cross_entropy", "weighted_bce", "focal", "dice", "dice_ce", "generalized_dice", "lovasz"}
# what a task is: layout of its labels, channels of its network, whether a mask and edges go with the label
TASKS: dict[str, dict[str, Any]] = {
    "membrane": {"labels": "membrane", "channels": 1},
    "lesion": {"labels": "classes", "channels": 2, "mask": True},
    "organs": {"labels": "classes", "channels": 4, "mask": True},
    "organs with edges": {"labels": "classes", "channels": 4, "edges": True},
    "vessel": {"labels": "binary", "channels": 1, "mask": True},
    "tumour": {"labels": "regions", "channels": 3, "edges": True},
}
OWN_NAMES = {
    "membrane": {"baloss", "distance_ce"},
    "lesion": {"distance_ce"},
    "organs": {"distance_ce"},
    "organs with edges": {"distance_ce", "edge_aware"},
    "vessel": {"distance_ce"},
    "tumour": {"edge_aware"},
}


def names_of(task: str) -> tuple[str, ...]:
    return loss_names(loss_site(**{k: v for k, v in TASKS[task].items() if k != "channels"}))


CASES = [(task, name) for task in TASKS for name in names_of(task)]


def label_of(task: str, shape: tuple[int, ...], shift: int) -> Tensor:
    """Walls; a square; squares that touch, one for each class; nested squares."""
    kind, channels = TASKS[task]["labels"], TASKS[task]["channels"]
    label = torch.zeros(channels if kind == "regions" else 1, *shape)
    if kind == "membrane":
        label[:, shape[0] // 2 + shift] = 1
        label[:, :, shape[1] // 2] = 1
    else:
        for number in range(1, max(2, channels) if kind == "classes" else 2):
            label[:, 2 * number + shift : 2 * number + shift + 3, 3:7] = number
    return label


def batch_of(task: str, dims: int = 2) -> dict[str, Tensor]:
    """A batch of two with every target that a batch of the task can hold."""
    shape = (20, 18) if dims == 2 else (12, 9, 8)
    kind, channels = TASKS[task]["labels"], TASKS[task]["channels"]
    classes = channels if kind == "classes" else None
    items = []
    for shift in (0, 1):
        item = {"label": label_of(task, shape, shift)}
        item = SignedDistanceMapd("label", image_key=None, num_classes=classes)(item)
        if kind == "membrane":
            item = RegionTargetsd("label")(item)
        if TASKS[task].get("edges"):
            item = EdgeMaskd("label", image_key=None, classes="any", num_classes=classes)(item)
        item["label_counted"] = torch.ones(1, *shape)
        items.append(item)
    batch = {key: torch.stack([torch.as_tensor(item[key]).as_subclass(Tensor) for item in items]) for key in items[0]}
    return {**batch, "image": torch.zeros_like(batch["label"][:, :1])}


def edge_net(task: str, dims: int = 2) -> SemanticEdgeNet:
    torch.manual_seed(0)
    net = SemanticEdgeNet(dims, TASKS[task]["channels"])
    net.fitted.fill_(True)
    return net.eval()


def make(task: str, loss: Any, dims: int = 2, **arguments: Any) -> LossSpec:
    """The loss of a task."""
    site = {k: v for k, v in TASKS[task].items() if k != "channels"}
    options = {"w": 5} if loss == "equipotential" else {}
    chosen = {**site, "edge_net": lambda: edge_net(task, dims), "options": options, **arguments}
    return loss_spec(loss=loss, **chosen)


def prediction(task: str, batch: dict[str, Tensor], seed: int = 0) -> Any:
    """Random logits, and those of edges beside them where the network has an edge head."""
    generator = torch.Generator().manual_seed(seed)
    label = batch["label"]
    logits = torch.randn(len(label), TASKS[task]["channels"], *label.shape[2:], generator=generator).requires_grad_()
    return (logits, torch.zeros_like(label[:, :1])) if TASKS[task].get("edges") else logits


def value_of(spec: LossSpec, outputs: Any, batch: dict[str, Tensor]) -> Tensor:
    value: Tensor = spec.loss(outputs, batch["label"], **{word: batch[key] for word, key in spec.targets.items()})
    return value


def detached(spec: LossSpec, outputs: Any, batch: dict[str, Tensor]) -> Tensor:
    return value_of(spec, outputs, batch).detach()


@pytest.mark.parametrize(("task", "name"), CASES)
@pytest.mark.parametrize("dims", [2, 3])
def test_every_loss_learns_with_the_targets_it_asks_for(task: str, name: str, dims: int) -> None:
    if name == "persistent_homology":
        pytest.importorskip("gudhi")
    batch = batch_of(task, dims)
    spec = make(task, name, dims)
    with_targets = LossWithTargets(spec.loss, spec.targets)
    _, label = with_targets.prepare_batch(batch)
    outputs = prediction(task, batch)
    logits = outputs[0] if isinstance(outputs, tuple) else outputs
    value = with_targets(outputs, label)
    value.backward()
    assert torch.isfinite(value)
    assert float(logits.grad.abs().sum()) > 0
    assert spec.loss.terms, "they are logged"
    if name in ADDED:
        assert [term for term in spec.loss.terms if term.endswith("boundary")]
    if name in REPLACING:
        assert not [term for term in spec.loss.terms if "boundary" in term]
        assert (spec.weight, spec.schedule) == (0, None)


@pytest.mark.parametrize("task", TASKS)
def test_names_of_a_task(task: str) -> None:
    assert set(names_of(task)) == ADDED | REPLACING | OWN_NAMES[task]


@pytest.mark.parametrize("task", [task for task in TASKS if TASKS[task].get("mask")])
@pytest.mark.parametrize("name", sorted(ADDED | REPLACING | {"distance_ce"}))
def test_voxels_that_do_not_count_may_hold_anything_and_have_no_gradient(task: str, name: str) -> None:
    if name == "persistent_homology":
        pytest.importorskip("gudhi")
    batch = batch_of(task)
    batch["label_counted"][..., 9:12] = 0
    values = []
    for other in (0, 255):
        batch["label"][..., 9:12] = other
        logits = prediction(task, batch)
        value = value_of(make(task, name), logits, batch)
        value.backward()
        values.append(float(value.detach()))
        grad = logits.grad.abs()
        assert float(grad[..., 9:12].sum()) == 0
        assert float(grad.sum()) > 0
    assert values[0] == values[1]


@pytest.mark.parametrize(
    ("task", "default"), [("membrane", "baloss"), ("lesion", "boundary"), ("tumour", "edge_aware")]
)
def test_the_defaults_of_the_bundles(task: str, default: str) -> None:
    batch = batch_of(task)
    outputs = prediction(task, batch)
    spec = make(task, default, **({"schedule": "rebalance"} if task == "lesion" else {}))
    targets = {word: batch[key] for word, key in spec.targets.items()}
    if task == "membrane":
        wanted: Any = BALoss(sigmoid=True, alpha=0.1, contour="leak")
    elif task == "lesion":
        overlap = MaskedOverlapLoss(GeneralizedDiceLoss(), softmax=True, to_onehot_y=True)
        losses = {"region": overlap, "boundary": SignedDistanceLoss(softmax=True, to_onehot_y=True)}
        wanted = CompoundLoss(losses, weights={"boundary": 0.01})
    else:
        wanted = EdgeAwareLoss(region_loss=DiceLoss(sigmoid=True, squared_pred=True))
    torch.testing.assert_close(value_of(spec, outputs, batch), wanted(outputs, batch["label"], **targets))


def test_only_what_a_loss_needs_is_made() -> None:
    seeds = {"seeds": "seeds_label", "regions": "regions_label"}
    maps, mask, edges = {"distance_map": "sdm_label"}, {"mask": "label_counted"}, {"edges": "edge_label"}
    assert make("membrane", "baloss").targets == seeds
    per_region = make("membrane", "baloss", options={"contour": "per_region"}).targets
    assert per_region == {**seeds, "cells": "cells_label"}
    assert make("membrane", "baloss", weight=0).targets == {}
    assert make("membrane", "distance_ce").targets == maps
    assert make("membrane", "cldice").targets == {}
    assert make("lesion", "boundary").targets == {**maps, **mask}
    assert make("lesion", "boundary", weight=0).targets == mask
    assert make("lesion", "boundary", weight=0, schedule="increase").targets == {**maps, **mask}
    assert make("lesion", "dice").targets == mask
    assert make("tumour", "boundary").targets == {**maps, **edges}
    assert make("tumour", "edge_aware").targets == edges
    assert make("tumour", "edge_aware", weight=0.01).targets == {**maps, **edges}
    assert make("tumour", "lovasz").targets == edges
    assert make("tumour", "lovasz", edges=False).targets == {}


def test_a_boundary_term_is_added_with_its_weight_after_the_warm_up() -> None:
    batch = batch_of("membrane")
    logits = prediction("membrane", batch).detach()
    spec = make("membrane", "sobel", weight=8.0, warmup_epochs=2)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, batch["label"])
    spec.set_step(1)
    assert float(detached(spec, logits, batch)) == pytest.approx(float(entropy))
    assert "boundary" not in spec.loss.terms, "the warm-up"
    spec.set_step(2)
    value = detached(spec, logits, batch)
    terms = {name: float(term) for name, term in spec.loss.terms.items()}
    assert terms["bce"] == pytest.approx(float(entropy))
    assert terms["boundary"] == pytest.approx(float(SobelEdgeLoss(sigmoid=True)(logits, batch["label"])))
    assert float(value) == pytest.approx(terms["bce"] + 8 * terms["boundary"], rel=1e-5)


@pytest.mark.parametrize("task", ["membrane", "lesion", "tumour"])
@pytest.mark.parametrize("name", ["baloss", "boundary"])
def test_one_schedule_in_every_task(task: str, name: str) -> None:
    if name not in names_of(task):
        pytest.skip("the label has no walls")
    batch = batch_of(task)
    spec = make(task, name, schedule="rebalance", weight=0.5, step=0.25, warmup_epochs=1)
    outputs = prediction(task, batch)
    values = []
    for epoch in range(3):
        spec.set_step(epoch)
        values.append(float(detached(spec, outputs, batch)))
    terms = {key.rpartition(".")[2]: float(value) for key, value in spec.loss.terms.items()}
    region = terms["bce" if task == "membrane" else "region" if task == "lesion" else "dice"]
    edges = 0.5 * terms.get("edge_dice", 0) + 0.1 * terms.get("edge_bce", 0)
    wanted = [weight * region + alpha * terms["boundary"] + edges for weight, alpha in ((1, 0), (1, 0.5), (0.75, 0.75))]
    assert values == pytest.approx(wanted, rel=1e-5)
    assert spec.weight == 0.5


def test_a_schedule_of_one_s_own() -> None:
    spec = make("membrane", "sobel", schedule=IncreaseSchedule(start=2.0, step=1.0))
    assert spec.weight == 2
    assert [spec.schedule(epoch) for epoch in (0, 3)] == [{"bce": 1.0, "boundary": 2.0}, {"bce": 1.0, "boundary": 5.0}]
    with pytest.raises(ValueError, match="`schedule` needs to be given to set a step, got None"):
        make("membrane", "dice").set_step(1)


def test_options_reach_the_loss() -> None:
    batch = batch_of("membrane")
    logits = prediction("membrane", batch).detach()
    values = {w: float(detached(make("membrane", "equipotential", options={"w": w}), logits, batch)) for w in (5, 9)}
    assert values[5] != values[9]
    with pytest.raises(TypeError, match=r"`loss_options` needs arguments of the loss 'sobel', got \{'width': 3\}"):
        make("membrane", "sobel", options={"width": 3})
    with pytest.raises(TypeError, match="`loss_options` needs arguments of the loss 'cross_entropy'"):
        make("membrane", "cross_entropy", options={"gamma": 2})
    with pytest.raises(ValueError, match="odd"):
        make("membrane", "equipotential", options={"w": 4})
    defaults = {"baloss": {"contour": "partition", "contour_width": None}, "sobel": {"reduction": None}}
    assert make("membrane", "baloss", defaults=defaults).loss.contour == "partition"
    assert make("membrane", "baloss", defaults=defaults, options={"contour": "leak"}).loss.contour == "leak"


def test_dice_and_cross_entropy() -> None:
    batch = batch_of("organs")
    logits = prediction("organs", batch).detach()
    value = detached(make("organs", "dice_ce", options={"lambda_ce": 0.5}), logits, batch)
    dice = DiceLoss(softmax=True, to_onehot_y=True, include_background=False)(logits, batch["label"])
    entropy = torch.nn.functional.cross_entropy(logits, batch["label"][:, 0].long())
    assert float(value) == pytest.approx(float(dice + 0.5 * entropy), rel=1e-5)
    both = make("organs", "boundary", base="dice_ce", weight=0)
    assert float(detached(both, logits, batch)) == pytest.approx(float(dice + entropy), rel=1e-5)


def test_a_network_whose_edges_are_not_supervised() -> None:
    batch = batch_of("tumour")
    outputs = tuple(output.detach() for output in prediction("tumour", batch))
    spec = make("tumour", "edge_aware", edges=False)
    value = detached(spec, outputs[0], batch)
    assert float(value) == pytest.approx(float(DiceLoss(sigmoid=True, squared_pred=True)(outputs[0], batch["label"])))
    assert make("tumour", "edge_aware", options={"lambda_edge_bce": 2.0}).loss.lambda_edge_bce == 2
    assert make("tumour", "edge_aware", options={"balance": "batch"}).loss.balance == "batch"
    assert make("tumour", "edge_aware", edges=False, options={"lambda_edge_bce": 0}).loss.lambda_edge_bce == 0
    with pytest.raises(ValueError, match=r"`lambda_edge_bce` needs edges that are supervised, got 2\.0 without"):
        make("tumour", "edge_aware", edges=False, options={"lambda_edge_bce": 2.0})


def test_what_an_edge_is_comes_with_the_batch() -> None:
    """Thickness and side of edges that the loss would make itself count for nothing, and are not taken in silence."""
    for name, value in {"edge_thickness": 3, "edge_side": "inner", "include_background": False}.items():
        with pytest.raises(ValueError, match=f"`loss_options` needs weights or `balance` for edge_aware, got '{name}'"):
            make("tumour", "edge_aware", options={name: value})


@pytest.mark.parametrize(
    ("task", "name", "text"),
    [
        ("lesion", "baloss", "`loss` cannot be 'baloss' here: it looks for holes in walls between regions"),
        ("tumour", "baloss", "has no walls"),
        ("membrane", "edge_aware", "a network with an edge head predicts"),
        ("lesion", "edge_aware", "Choose one of cross_entropy, weighted_bce, distance_ce, focal"),
        ("tumour", "distance_ce", "the regions of this task overlap"),
        ("membrane", "hausdorf", "`loss` needs one of cross_entropy, .*persistent_homology.*, got 'hausdorf'"),
    ],
)
def test_a_loss_that_makes_no_sense_is_refused(task: str, name: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make(task, name)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="`labels` needs one of 'classes', 'binary', 'regions', 'membrane', got 'he"):
        loss_spec("heart", "dice")
    with pytest.raises(ValueError, match="`loss` semeda needs a fitted edge network, got None"):
        loss_spec("membrane", "semeda")
    with pytest.raises(ValueError, match="`loss` cannot be 'baloss' here: it takes no mask"):
        make("membrane", "baloss", mask=True)
    with pytest.raises(TypeError, match=re.escape("`loss` needs a name or a loss, got int: 3.")):
        make("membrane", 3)
    with pytest.raises(ValueError, match=r"`weight` needs a loss with a boundary term, got 0.1 for 'dice'"):
        make("membrane", "dice", weight=0.1)
    with pytest.raises(ValueError, match=r"`weight` needs a loss by name, got 0.1 for one's own, DiceLoss"):
        make("membrane", DiceLoss(sigmoid=True), weight=0.1)
    for given in ({"schedule": "increase"}, {"schedule": IncreaseSchedule()}, {"balance": "share"}):
        with pytest.raises(
            ValueError, match=r"`(schedule|balance)` needs a loss with a boundary term, got .* for 'dice'"
        ):
            make("membrane", "dice", **given)
    for given in ({"schedule": "cosine"}, {"options": {"w": 9}}):
        with pytest.raises(ValueError, match=r"`(schedule|loss_options)` needs a loss by name, got .* for one's own"):
            make("membrane", DiceLoss(sigmoid=True), **given)
    with pytest.raises(ValueError, match="`weight` needs a finite number >= 0, got -1"):
        make("membrane", "sobel", weight=-1)
    with pytest.raises(ValueError, match="`base` needs a loss of the region, got 'sobel'"):
        make("organs", "boundary", base="sobel")
    with pytest.raises(ValueError, match="`loss_options` needs arguments of the loss 'baloss' other than `alpha`"):
        make("membrane", "baloss", options={"alpha": 1.0})


@pytest.mark.parametrize("task", TASKS)
def test_a_loss_of_one_s_own_is_used_with_the_targets_it_names(task: str) -> None:
    batch = batch_of(task)
    classes = TASKS[task]["labels"] == "classes"
    own = SignedDistanceLoss(softmax=classes, sigmoid=not classes, to_onehot_y=classes)
    for loss in (own, CompoundLoss({"a": own, "b": own})):
        spec = make(task, loss)
        wanted = {"distance_map", *({"mask"} if TASKS[task].get("mask") else ())}
        assert set(spec.targets) == wanted | ({"edges"} if TASKS[task].get("edges") else set())
        assert torch.isfinite(value_of(spec, prediction(task, batch), batch))
        assert spec.loss.terms
        assert (spec.weight, spec.schedule) == (0, None)


def test_a_schedule_of_a_loss_of_one_s_own_is_kept() -> None:
    own = CompoundLoss({"region": DiceLoss(sigmoid=True), "boundary": SobelEdgeLoss()}, schedule=IncreaseSchedule())
    spec = make("membrane", own)
    spec.set_step(9)
    assert own.weights == {"region": 1.0, "boundary": pytest.approx(0.1)}
    beside_edges = make("tumour", own)
    beside_edges.set_step(19)
    assert own.weights == {"region": 1.0, "boundary": pytest.approx(0.2)}


@pytest.mark.parametrize("around", [lambda loss: EdgeAwareLoss(region_loss=loss), DeepSupervisedLoss])
def test_a_schedule_within_a_loss_of_one_s_own_is_kept(around: Any) -> None:
    """Its weights of the first epoch would stay, and nobody be told."""
    inner = CompoundLoss({"region": DiceLoss(sigmoid=True), "boundary": SobelEdgeLoss()}, schedule=IncreaseSchedule())
    spec = make("tumour", around(inner))
    assert spec.schedule is inner.schedule
    spec.set_step(9)
    assert inner.weights == {"region": 1.0, "boundary": pytest.approx(0.1)}


def test_a_loss_of_edges_is_used_as_it_is() -> None:
    own = EdgeAwareLoss(sigmoid=True)
    spec = make("tumour", own)
    assert spec.loss is own
    assert spec.targets == {"edges": "edge_label"}
    assert isinstance(make("tumour", DiceLoss(sigmoid=True)).loss, EdgeAwareLoss)


def test_the_title_tells_losses_apart() -> None:
    assert make("membrane", "sobel").title == "sobel"
    one, other = (make("membrane", SignedDistanceLoss(sigmoid=True, clip=clip)).title for clip in (3.0, 5.0))
    assert one != other
