# SPDX-License-Identifier: Apache-2.0
"""What the contract tests need to know of each public loss: how it is made, and how a mask becomes its target.

A new loss adds a ``LossCase`` per variant that computes differently. The tests draw the masks and the predictions.
"""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from monai.losses import DiceLoss
from torch import Tensor, nn

from monai_boundary import losses
from monai_boundary.networks import SemanticEdgeNet
from monai_boundary.ops import contour_mask
from tests.architecture.source_tree import REPO
from tests.oracles.signed_distance import face_distance

SHAPES = {"2-D": (12, 14), "3-D": (4, 6, 7)}


@dataclass(frozen=True)
class LossCase:
    """One variant of a loss.

    Attributes:
        loss: the class.
        options: arguments that make this variant; it takes logits.
        target: from a boolean mask ``(B, spatial)`` to the loss's target.
        perfect: from the target to the logits of the perfect prediction, saturated.
        minimum: the value at the perfect prediction, or how it follows from the target (by other code than the loss).
        indifferent: kinds of mask on which every prediction has the same value (no border, hence no opinion).
        reduces: the loss takes ``reduction`` (a combination of other losses does not) and counts each item alone.
        wrap: makes a loss of one input and one target of it.
        quick: its gradient is checked along a random direction alone; another test checks every part of it.
        whole_graph: ``torch.compile(fullgraph=True)`` takes it; the others run a part on the host.
    """

    loss: type[nn.Module]
    options: dict[str, Any] = field(default_factory=dict)
    target: Callable[[Tensor], Tensor] = lambda mask: mask[:, None].float()
    perfect: Callable[[Tensor], Tensor] = lambda target: 80.0 * target - 40.0
    minimum: float | Callable[[Tensor], float] = 0.0
    indifferent: tuple[str, ...] = ()
    reduces: bool = True
    quick: bool = False
    whole_graph: bool = True
    wrap: Callable[[nn.Module], nn.Module] = lambda loss: loss

    def make(self, **options: Any) -> nn.Module:
        """Return the loss, with further options."""
        return self.wrap(self.loss(**{**self.options, **options}))

    def __str__(self) -> str:
        """Return the name of the variant, as pytest shows it."""
        shown = (
            f"{k}={v}" for k, v in self.options.items() if isinstance(v, str | bool | int | float) and k != "sigmoid"
        )
        return "-".join([self.loss.__name__, *shown])

    def best(self, target: Tensor) -> float:
        """Return the value at the perfect prediction."""
        return self.minimum if isinstance(self.minimum, float) else self.minimum(target)


class TwoHeads(nn.Module):
    """A loss of the pair (segmentation, edges) as one of both in the channels of a tensor, in target too."""

    def __init__(self, loss: nn.Module, edges: bool = True) -> None:
        super().__init__()
        self.loss = loss
        self.edges = edges

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        heads, labels = (torch.tensor_split(x, 2, dim=1) for x in (input, target))
        value: Tensor = self.loss(heads, labels[0], edges=labels[1] if self.edges else None)
        return value


def documented_behaviour() -> dict[str, tuple[str, str]]:
    """Return loss -> (on an item without foreground, one graph) of the table in docs/how-to/choose-a-loss.md."""
    page = (REPO / "docs" / "how-to" / "choose-a-loss.md").read_text(encoding="utf-8")
    section = page.split("## Empty items, and `torch.compile`")[1].split("\n## ")[0]
    found = re.findall(r"^\| `(\w+)` \| ([^|]*?) \| ([^|]*?) \|$", section, re.MULTILINE)
    return {name: (empty, graph) for name, empty, graph in found}


def mask_of(kind: str, shape: tuple[int, ...], batch: int = 2) -> Tensor:
    """Return a boolean mask ``(batch, *shape)``: ``walls`` (thin), ``empty``, ``full``, ``one voxel``."""
    mask = torch.zeros(batch, *shape, dtype=torch.bool)
    if kind == "full":
        mask[:] = True
    elif kind == "one voxel":
        mask[(slice(None), *(n // 2 for n in shape))] = True
    elif kind == "walls":
        for item in range(batch):  # another place in every item, so that a mix-up of the batch shows
            for axis, length in enumerate(shape[-2:], start=len(shape) - 2):
                mask[item].select(axis, length // 2 - item).fill_(True)
    return mask


def logits_of(target: Tensor, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return random logits in the target's shape.

    Their probabilities lie about halfway between the 8-bit steps, so that the step of a numerical gradient does not
    move a voxel to another step; and no two are the same, so that it does not exchange the ranks of two voxels.
    """
    generator = torch.Generator().manual_seed(seed)
    steps = torch.randint(5, 250, tuple(target.shape), generator=generator)
    apart = torch.linspace(-0.15, 0.15, steps.numel(), dtype=torch.float64).view(steps.shape)
    return torch.logit((steps + 0.5 + apart) / 255).to(dtype)


def value_and_gradient(loss: nn.Module, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the value of a loss and its gradient with respect to the logits."""
    logits = logits.detach().clone().requires_grad_()
    value = loss(logits, target)
    (gradient,) = torch.autograd.grad(value.sum(), logits)
    return value.detach(), gradient


def _depth(target: Tensor) -> float:
    """Minus the mean depth of the foreground, by an oracle: the least value of the boundary loss.

    A class that fills the item is 1 deep everywhere.
    """
    masks = [channel.numpy() > 0.5 for item in target for channel in item]
    maps = [np.full(mask.shape, -1.0) if mask.all() else face_distance(mask) for mask in masks]
    return float(np.mean([np.minimum(phi, 0).mean() for phi in maps]))


def _shallow_depth(target: Tensor) -> float:
    """The same where an item without a border has no opinion."""
    maps = [face_distance(channel.numpy() > 0.5) for item in target for channel in item]
    return float(np.mean([np.minimum(phi, 0).mean() for phi in maps]))


def _two_classes(mask: Tensor) -> Tensor:
    return torch.stack([~mask, mask], dim=1).float()


def _with_edges(mask: Tensor) -> Tensor:
    edges = [contour_mask(item.numpy(), "both") for item in mask]
    return torch.stack([mask, torch.from_numpy(np.stack(edges))], dim=1).float()


def edge_net(spatial_dims: int, num_classes: int) -> SemanticEdgeNet:
    """Return an edge network with random weights that passes for a fitted one."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = SemanticEdgeNet(spatial_dims, num_classes)
    net.fitted.fill_(True)
    return net.requires_grad_(False)


class _EitherDims(nn.Module):
    """SEMEDA for 2-D and 3-D: an edge network for each."""

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        volumes = copy.deepcopy(loss)
        volumes.net = edge_net(3, loss.net.num_classes)
        self.by_dims = nn.ModuleList([loss, volumes])

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return self.by_dims[input.ndim - 4](input, target)


NO_BORDER = ("empty", "full")

CASES: tuple[LossCase, ...] = (
    LossCase(losses.BALoss, {"sigmoid": True}, whole_graph=False),
    LossCase(
        losses.BALoss,
        {"sigmoid": True, "contour": "per_region", "contour_width": 3, "balance": True},
        quick=True,
        whole_graph=False,
    ),
    LossCase(
        losses.BALoss, {"sigmoid": True, "contour": "leak", "region_reduction": "sum"}, quick=True, whole_graph=False
    ),
    LossCase(
        losses.BALoss,
        {"softmax": True, "include_background": False},
        target=_two_classes,
        quick=True,
        whole_graph=False,
    ),
    LossCase(losses.BALoss, {"sigmoid": True, "alpha": 0}),
    LossCase(losses.SignedDistanceLoss, {"sigmoid": True}, minimum=_depth, whole_graph=False),
    LossCase(
        losses.SignedDistanceLoss,
        {"sigmoid": True, "empty_distance": 0.0},
        minimum=_shallow_depth,
        indifferent=NO_BORDER,
        quick=True,
        whole_graph=False,
    ),
    LossCase(
        losses.SignedDistanceLoss,
        {"softmax": True, "include_background": True},
        target=_two_classes,
        minimum=_depth,
        whole_graph=False,
    ),
    LossCase(losses.DistanceWeightedCELoss, whole_graph=False),
    LossCase(losses.DistanceWeightedCELoss, {"class_weight": "inverse"}, target=_two_classes, whole_graph=False),
    LossCase(losses.BalancedBCELoss, {"sigmoid": True}),
    LossCase(losses.BalancedBCELoss, {"sigmoid": True, "balance": "batch"}, reduces=False),
    LossCase(losses.BalancedBCELoss, {"softmax": True}, target=_two_classes),
    LossCase(losses.EdgeAwareLoss, {"sigmoid": True}, target=_with_edges, reduces=False, wrap=TwoHeads),
    LossCase(
        losses.EdgeAwareLoss,
        {"sigmoid": True, "balance": "batch"},
        target=_with_edges,
        reduces=False,
        wrap=functools.partial(TwoHeads, edges=False),
    ),
    LossCase(losses.MaskedOverlapLoss, {"loss": DiceLoss(), "sigmoid": True}, reduces=False, whole_graph=False),
    LossCase(losses.MaskedOverlapLoss, {"loss": nn.MSELoss(), "sigmoid": True}, reduces=False),
    LossCase(losses.EquipotentialPointLoss, {"sigmoid": True, "w": 3}),
    LossCase(
        losses.EquipotentialPointLoss,
        {"softmax": True, "w": 3, "splitter": "B", "padding": "zero", "norm": 1},
        target=_two_classes,
        quick=True,
    ),
    LossCase(losses.EquipotentialLineLoss, {"sigmoid": True, "w": 3, "mu": 2}, quick=True),
    LossCase(losses.EquipotentialLoss, {"softmax": True, "w": 3, "splitter": "C"}, target=_two_classes, quick=True),
    LossCase(losses.SEMEDALoss, {"net": edge_net(2, 1), "sigmoid": True}, wrap=_EitherDims, quick=True),
    LossCase(
        losses.SEMEDALoss,
        {"net": edge_net(2, 2), "softmax": True, "layer_weights": (1, 1, 1), "features": "before"},
        target=_two_classes,
        wrap=_EitherDims,
        quick=True,
    ),
    LossCase(losses.SobelEdgeLoss, {"sigmoid": True}),
    LossCase(losses.PersistentHomologyLoss, {"sigmoid": True}, quick=True, whole_graph=False),
    LossCase(losses.LovaszSoftmaxLoss, {"softmax": True}, target=_two_classes),
    LossCase(losses.LovaszSoftmaxLoss, {"sigmoid": True}),
    LossCase(losses.LovaszSoftmaxLoss, {"sigmoid": True, "classes": "all"}),
    LossCase(losses.DeepSupervisedLoss, {"loss": losses.DistanceWeightedCELoss()}, reduces=False, whole_graph=False),
    LossCase(losses.DeepSupervisedLoss, {"loss": losses.LovaszSoftmaxLoss(sigmoid=True)}, reduces=False),
    LossCase(
        losses.CompoundLoss,
        {"losses": {"bce": losses.BALoss(sigmoid=True, alpha=0), "boundary": losses.SignedDistanceLoss(sigmoid=True)}},
        minimum=_depth,
        reduces=False,
        whole_graph=False,
    ),
    LossCase(
        losses.CompoundLoss,
        {"losses": {"bce": losses.BalancedBCELoss(sigmoid=True), "edge": losses.SobelEdgeLoss(sigmoid=True)}},
        reduces=False,
    ),
)
