# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.engines import SupervisedTrainer
from monai.losses import DiceLoss
from torch import Tensor, nn

from monai_boundary.handlers import LossTerms, LossWithTargets
from monai_boundary.losses import (
    CompoundLoss,
    DeepSupervisedLoss,
    EdgeAwareLoss,
    MaskedOverlapLoss,
    RebalanceSchedule,
    SignedDistanceLoss,
    balanced_cross_entropy,
)
from monai_boundary.ops import label_edges
from monai_boundary.transforms import EdgeMask


def dice_of_eq_4(probability: np.ndarray, truth: np.ndarray) -> float:
    """The mean over items and channels of 1 - 2 sum(u g) / (sum(g^2) + sum(u^2)), in float64."""
    values = []
    for u, g in zip(probability.reshape(-1, *probability.shape[2:]), truth.reshape(-1, *truth.shape[2:]), strict=True):
        u, g = u.astype(np.float64), g.astype(np.float64)
        values.append(1 - 2 * (u * g).sum() / ((g**2).sum() + (u**2).sum()))
    return float(np.mean(values))


def nested(batch: int = 2) -> Tensor:
    """Two nested regions, at another place in each item."""
    label = torch.zeros(batch, 2, 14, 16)
    for item in range(batch):
        label[item, 0, 2:11, 2 + item : 12] = 1
        label[item, 1, 4:8, 5 : 9 + item] = 1
    return label


def logits(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("channels", [1, 2])
def test_the_three_terms_by_hand(channels: int) -> None:
    label = nested()
    heads = logits(2, 2, 14, 16), logits(2, channels, 14, 16, seed=1)
    edges = label_edges(label, classes="any" if channels == 1 else "each").float()
    loss = EdgeAwareLoss(sigmoid=True)
    value = loss(heads, label)
    region = dice_of_eq_4(heads[0].sigmoid().numpy(), label.numpy())
    edge_dice = dice_of_eq_4(heads[1].sigmoid().numpy(), edges.numpy())
    edge_bce = float(balanced_cross_entropy(heads[1], edges, sigmoid=True).mean())
    assert {name: term.item() for name, term in loss.terms.items()} == pytest.approx(
        {"region": region, "edge_dice": edge_dice, "edge_bce": edge_bce}, rel=1e-5
    )
    assert value.item() == pytest.approx(region + 0.5 * edge_dice + 0.1 * edge_bce, rel=1e-5)
    weighted = EdgeAwareLoss(sigmoid=True, lambda_region=2.0, lambda_edge_dice=0.25, lambda_edge_bce=3.0)
    assert weighted(heads, label).item() == pytest.approx(2 * region + 0.25 * edge_dice + 3 * edge_bce, rel=1e-5)


def test_given_edges_are_those_made_of_the_label() -> None:
    label = nested()
    heads = [logits(2, 2, 14, 16), logits(2, 2, 14, 16, seed=1)]
    made = torch.stack([EdgeMask(dtype="uint8")(item) for item in label])
    loss = EdgeAwareLoss(sigmoid=True)
    assert torch.equal(loss(heads, label, edges=made), loss(heads, label))
    assert not torch.equal(loss(heads, label, edges=1 - made), loss(heads, label))


def test_edge_options_reach_the_edges() -> None:
    label = nested()
    heads = logits(2, 2, 14, 16), logits(2, 1, 14, 16, seed=1)
    affine = torch.diag(torch.tensor([0.5, 2.0, 1.0, 1.0])).expand(2, 4, 4)
    meta = MetaTensor(label)
    meta.affine = affine
    for options, edges in (
        ({"edge_side": "inner"}, label_edges(label, classes="any", side="inner")),
        ({"edge_thickness": 2, "edge_frame": True}, label_edges(label, classes="any", thickness=2, frame=True)),
        (
            {"edge_unit": "mm", "edge_thickness": 1.5},
            label_edges(label, classes="any", unit="mm", thickness=1.5, spacing=(0.5, 2.0)),
        ),
        (
            {"edge_unit": "mm", "edge_thickness": 1.5, "spacing": (1.0, 3.0)},
            label_edges(label, classes="any", unit="mm", thickness=1.5, spacing=(1.0, 3.0)),
        ),
    ):
        loss = EdgeAwareLoss(sigmoid=True, **options)  # type: ignore[arg-type]
        torch.testing.assert_close(loss(heads, meta), EdgeAwareLoss(sigmoid=True)(heads, label, edges=edges))
        assert not torch.isclose(loss(heads, meta), EdgeAwareLoss(sigmoid=True)(heads, label))


def test_exclusive_classes() -> None:
    label = torch.zeros(1, 1, 10, 12)
    label[..., 2:8, 2:9] = 1
    label[..., 4:6, 4:6] = 2
    one_hot = torch.cat([label == c for c in range(3)], dim=1)
    region = logits(1, 3, 10, 12)
    loss = EdgeAwareLoss(softmax=True, to_onehot_y=True, include_background=False)
    for channels, edges in (
        (1, label_edges(one_hot[:, 1:], classes="any")),
        (2, label_edges(one_hot[:, 1:])),
    ):
        heads = region, logits(1, channels, 10, 12, seed=1)
        assert loss(heads, label).item() == pytest.approx(loss(heads, label, edges=edges).item())
        expected = dice_of_eq_4(region.softmax(1)[:, 1:].numpy(), one_hot[:, 1:].numpy())
        assert loss.terms["region"].item() == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match=r"`input\[1\]`, the edge logits, need 2 channels .* or 1, got 3"):
        loss((region, logits(1, 3, 10, 12)), label)


def test_a_perfect_empty_prediction_costs_nothing_and_false_edges_do() -> None:
    label = torch.zeros(2, 1, 8, 8)
    nothing = label - 200
    loss = EdgeAwareLoss(sigmoid=True)
    assert loss((nothing, nothing), label).item() == 0
    edge_scores = torch.zeros(2, 1, 8, 8, requires_grad=True)
    value = loss((nothing, edge_scores), label)
    dice = 16 / (16 + 0.64)  # 64 voxels of u = 1/2, and 1 % of 64
    assert value.item() == pytest.approx(0.5 * dice + 0.1 * 0.5 * math.log(2))
    (gradient,) = torch.autograd.grad(value, edge_scores)
    per_voxel = 0.5 * (2 * 0.5 * 0.25) * 0.64 / (16 + 0.64) ** 2 + 0.1 * 0.5 * 0.5 / 64
    torch.testing.assert_close(gradient, torch.full_like(gradient, per_voxel / 2))


@pytest.mark.parametrize("shape", [(240, 240), (40, 40, 40)])
def test_a_false_alarm_on_an_item_without_foreground_has_a_gradient(shape: tuple[int, ...]) -> None:
    """With the constant of the other items, 1e-5, it was 0 in float32."""
    scores = torch.full((1, 1, *shape), -8.0)
    scores[(..., *[slice(5, 15)] * len(shape))] = 4.0
    scores.requires_grad_()
    loss = EdgeAwareLoss(sigmoid=True, lambda_edge_dice=0, lambda_edge_bce=0)
    value = loss(scores, torch.zeros(1, 1, *shape))
    (gradient,) = torch.autograd.grad(value, scores)
    alarm, share = 10 ** len(shape) * float(torch.tensor(4.0).sigmoid()) ** 2, 0.01 * math.prod(shape)
    assert value.item() == pytest.approx(alarm / (alarm + share), rel=1e-3)
    assert float(gradient.sum()) > 1e-3


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_does_not_overflow(dtype: torch.dtype) -> None:
    """The sums of 400 x 400 voxels do not fit float16, whose largest number is 65504."""
    label = torch.zeros(1, 1, 400, 400)
    label[..., 10:390, 10:390] = 1
    edges = label_edges(label).float()
    heads = (16 * label - 8).to(dtype), (16 * edges - 8).to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = EdgeAwareLoss(sigmoid=True)(heads, label)
    assert value.dtype == torch.float32
    assert abs(value.item()) < 1e-3
    wide = EdgeAwareLoss(sigmoid=True)([head.float() for head in heads], label)
    assert value.item() == pytest.approx(wide.item(), abs=1e-6)


def test_one_tensor_has_no_edges() -> None:
    label = nested()
    region = logits(2, 2, 14, 16)
    with pytest.raises(ValueError, match=r"`input` needs the pair \(segmentation, edges\) of a network"):
        EdgeAwareLoss(sigmoid=True)(region, label)
    comparator = EdgeAwareLoss(sigmoid=True, lambda_edge_dice=0, lambda_edge_bce=0)
    expected = dice_of_eq_4(region.sigmoid().numpy(), label.numpy())
    assert comparator(region, label).item() == pytest.approx(expected, rel=1e-5)
    edge_scores = logits(2, 1, 14, 16).requires_grad_()
    value = comparator((region, edge_scores), label, edges=torch.ones(2, 1, 14, 16))
    assert value.item() == pytest.approx(expected, rel=1e-5)
    assert set(comparator.terms) == {"region"}


def test_another_loss_for_the_segmentation() -> None:
    label = nested()
    heads = logits(2, 2, 14, 16), logits(2, 1, 14, 16, seed=1)
    region = CompoundLoss(
        {"region": DiceLoss(sigmoid=True), "boundary": SignedDistanceLoss(sigmoid=True, include_background=True)},
        schedule=RebalanceSchedule(),
    )
    loss = EdgeAwareLoss(region_loss=region)
    maps = torch.ones(2, 2, 14, 16)
    edge_terms = 0.0
    for distance_map in (None, maps):
        targets = {} if distance_map is None else {"distance_map": distance_map}
        value = loss(heads, label, **targets)
        edge_terms = 0.5 * loss.terms["edge_dice"].item() + 0.1 * loss.terms["edge_bce"].item()
        assert value.item() == pytest.approx(region(heads[0], label, **targets).item() + edge_terms, rel=1e-5)
    assert {"region", "region.region", "region.boundary", "region.weight_boundary"} < set(loss.terms)
    assert "region_loss._extra_state" in loss.state_dict(), "the schedule's weights are saved"
    with pytest.raises(ValueError, match="`weight_map` needs a term that takes it"):
        loss(heads, label, weight_map=maps)
    with pytest.raises(ValueError, match=r"`distance_map` needs a `region_loss` that takes it, got \[\]"):
        EdgeAwareLoss(region_loss=DiceLoss(sigmoid=True))(heads, label, distance_map=maps)
    with pytest.raises(ValueError, match="`distance_map` needs a `region_loss` that takes it, got None"):
        EdgeAwareLoss(sigmoid=True)(heads, label, distance_map=maps)
    with pytest.raises(ValueError, match=r"`region_loss` needs a scalar .*, got \(2, 2, 1, 1\)"):
        EdgeAwareLoss(region_loss=DiceLoss(sigmoid=True, reduction="none"))(heads, label)


def test_heads_of_several_resolutions() -> None:
    label = nested()
    deep = [logits(2, 2, 14, 16), logits(2, 2, 7, 8)]
    edge_scores = logits(2, 1, 14, 16, seed=1)
    loss = EdgeAwareLoss(region_loss=DeepSupervisedLoss(DiceLoss(sigmoid=True)))
    value = loss((deep[0], edge_scores, deep[1]), label)
    region = DeepSupervisedLoss(DiceLoss(sigmoid=True))(deep, label)
    assert loss.terms["region"].item() == pytest.approx(region.item())
    assert value.item() > region.item()
    assert {"region.head_0", "region.head_1"} < set(loss.terms)


class TwoHeadedNet(nn.Module):
    """The least network that behaves as the boundary-aware one: two heads in training, one in evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.region = nn.Conv2d(1, 2, 3, padding=1)
        self.edge = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Any:
        return (self.region(x), self.edge(x)) if self.training else self.region(x)


def test_in_monais_trainer_with_targets_of_the_batch() -> None:
    label = nested()
    data = [
        {"image": item.sum(0, keepdim=True), "label": item, "edge_label": EdgeMask(classes="any")(item)}
        for item in label
    ]
    loss = EdgeAwareLoss(sigmoid=True)
    with_targets = LossWithTargets(loss, {"edges": "edge_label"})
    net = TwoHeadedNet()
    before = [p.detach().clone() for p in net.parameters()]
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=3,
        train_data_loader=DataLoader(Dataset(data), batch_size=2),
        network=net,
        optimizer=torch.optim.Adam(net.parameters(), 0.05),
        loss_function=with_targets,
        prepare_batch=with_targets.prepare_batch,
        train_handlers=[LossTerms(loss)],
    )
    trainer.run()
    assert {"loss/region", "loss/edge_dice", "loss/edge_bce", "loss/total"} <= set(trainer.state.metrics)
    assert all(not torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True)), "both heads learn"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"balance": "voxel"}, "`balance` needs one of"),
        ({"edge_classes": "all"}, "`edge_classes` needs one of None, 'each', 'any'"),
        ({"edge_side": "left"}, "`side` needs one of"),
        ({"lambda_edge_bce": -0.1}, "`lambda_edge_bce` needs a finite number >= 0, got -0.1"),
        ({"sigmoid": True, "softmax": True}, "at most one of"),
        ({"sigmoid": True, "region_loss": DiceLoss()}, "`region_loss` needs its own activation"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EdgeAwareLoss(**options)


def test_bad_input() -> None:
    label = nested()
    region, edge_scores = logits(2, 2, 14, 16), logits(2, 1, 14, 16)
    loss = EdgeAwareLoss(sigmoid=True)
    with pytest.raises(TypeError, match="`region_loss` needs a callable or None, got str"):
        EdgeAwareLoss(region_loss="dice")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"`input` needs the pair \(segmentation, edges\), got 1 outputs"):
        loss((region,), label)
    with pytest.raises(ValueError, match=r"`region_loss` needs to be a loss over the heads .* for the 2 segmentations"):
        loss((region, edge_scores, region), label)
    with pytest.raises(ValueError, match=r"`edges` needs the shape of `input\[1\], the edge logits`, \(2, 1"):
        loss((region, edge_scores), label, edges=label)
    with pytest.raises(ValueError, match=r"`target` needs the shape of `input`, \(2, 2, 14, 16\), got \(2, 1,"):
        loss((region, edge_scores), label[:, :1])
    with pytest.raises(ValueError, match=r"`target` needs values in \[0, 1\], got 0 to 255"):
        loss((region, edge_scores), label, edges=255 * label[:, :1])
    with pytest.raises(ValueError, match="`to_onehot_y` needs a prediction of at least 2 channels, got 1"):
        EdgeAwareLoss(to_onehot_y=True)((region[:, :1], edge_scores), label[:, :1])
    with pytest.raises(ValueError, match="`target` needs 0 and 1 in one channel per class"):
        loss((region, edge_scores), 2 * label)


@pytest.mark.parametrize("region_loss", [None, MaskedOverlapLoss(DiceLoss(), sigmoid=True)], ids=["Dice", "given"])
def test_voxels_that_do_not_count(region_loss: Any) -> None:
    """What is left out is as if the image ended there: no gradient, no edge where a class meets it, any value."""
    label = torch.zeros(1, 1, 12, 12)
    label[..., 3:9, 2:] = 1
    known = torch.ones(1, 1, 12, 12)
    known[..., 8:] = 0
    outputs = [torch.linspace(-2, 2, 144).view(1, 1, 12, 12).roll(shift, -1).requires_grad_() for shift in (0, 3)]
    activation = {} if region_loss else {"sigmoid": True}
    loss = EdgeAwareLoss(region_loss=region_loss, **activation)
    value = loss(outputs, torch.where(known > 0, label, 255), mask=known)
    gradients = torch.autograd.grad(value, outputs)
    assert all(float(gradient[..., 8:].abs().max()) == 0 for gradient in gradients)
    assert all(float(gradient[..., :8].abs().min()) > 0 for gradient in gradients)
    cropped = loss([output[..., :8] for output in outputs], label[..., :8])
    torch.testing.assert_close(value, cropped)
    with pytest.raises(ValueError, match="`mask` needs a `region_loss` that takes it"):
        EdgeAwareLoss(region_loss=DiceLoss(sigmoid=True))(outputs, label, mask=known)
