# SPDX-License-Identifier: Apache-2.0
"""Every loss that a bundle takes by name: how it is made, its weight, and the targets of a batch that it needs."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from monai.losses import DiceLoss, FocalLoss, GeneralizedDiceLoss, HausdorffDTLoss, SoftclDiceLoss
from torch import Tensor, nn

from monai_boundary._validation import check_choice
from monai_boundary.losses import (
    BalancedBCELoss,
    BALoss,
    DistanceWeightedCELoss,
    EquipotentialLoss,
    LovaszSoftmaxLoss,
    MaskedOverlapLoss,
    PersistentHomologyLoss,
    SEMEDALoss,
    SignedDistanceLoss,
    SobelEdgeLoss,
)
from monai_boundary.ops.class_masks import counted_voxels

Options = Mapping[str, Any]


@dataclass(frozen=True)
class LossSite:
    """What a bundle's losses see.

    Args:
        softmax: the prediction holds logits of exclusive classes and the label is an index; else each channel is a
            mask by itself.
        base: name of the loss that boundary terms are added to.
        targets: keyword of a loss -> key of the batch, for all that the bundle can make.
        always: keywords that every loss gets which takes them.
        weights: weights of boundary terms that differ from those of the table.
        options: of losses by name, where they differ from the table's.
        refused: losses that make no sense here, and why.
        titles: of losses of the region, where a term is not called by the loss's name.
    """

    softmax: bool
    base: str
    targets: Mapping[str, str]
    always: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Options] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)

    def title(self, name: str) -> str:
        """What the term of a loss of the region is called."""
        return self.titles.get(name, name)

    @property
    def activation(self) -> dict[str, Any]:
        """The arguments that turn the network's output into probabilities, and the label into masks."""
        return {"softmax": True, "to_onehot_y": True} if self.softmax else {"sigmoid": True}


class LossEntry(NamedTuple):
    """A loss by name.

    ``weight`` is None for a loss of the region, which replaces the bundle's; a boundary term is added with it.
    ``targets`` are keywords of precomputed targets.
    """

    make: Callable[[LossSite, Options], nn.Module]
    weight: float | None = None
    targets: tuple[str, ...] = ()


class VoxelMean(nn.Module):
    """The mean of a loss's values over the voxels that count.

    Args:
        values: called as ``values(input, target)``, gives (B, channels, spatial).
    """

    def __init__(self, values: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.values = values

    def forward(self, input: Tensor, target: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """Return the mean; of no voxel at all it is 0.

        Args:
            input: logits (B, C, spatial).
            target: as the loss takes it.
            mask: (B, 1, spatial), voxels that count (> 0).
        """
        scores, truth = (torch.as_tensor(x).as_subclass(Tensor) for x in (input, target))
        with torch.autocast(scores.device.type, enabled=False):
            values = self.values(scores.to(torch.promote_types(scores.dtype, torch.float32)), truth)
            if mask is None:
                return values.mean()
            counted = counted_voxels(mask, scores).expand_as(values)
            return torch.where(counted, values, 0).sum() / counted.sum().clamp(min=1)


def _cross_entropy(scores: Tensor, truth: Tensor) -> Tensor:
    return F.cross_entropy(scores, truth[:, 0].long(), reduction="none")[:, None]


def _binary_cross_entropy(scores: Tensor, truth: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(scores, truth.to(scores.dtype), reduction="none")


def _plain_cross_entropy(site: LossSite, options: Options) -> nn.Module:
    if options:
        raise TypeError(f"cross_entropy takes none, got {sorted(options)}")
    return VoxelMean(_cross_entropy if site.softmax else _binary_cross_entropy)


def _focal(site: LossSite, options: Options) -> nn.Module:
    return VoxelMean(FocalLoss(reduction="none", use_softmax=site.softmax, to_onehot_y=site.softmax, **options))


def _overlap(loss: Callable[..., Any]) -> Callable[[LossSite, Options], nn.Module]:
    """A loss of MONAI, of probabilities in which the voxels that do not count are 0, as in the truth."""

    def make(site: LossSite, options: Options) -> nn.Module:
        chosen = options if loss is GeneralizedDiceLoss else {"include_background": not site.softmax, **options}
        return MaskedOverlapLoss(loss(**chosen), **site.activation)

    return make


def _own(loss: Callable[..., nn.Module]) -> Callable[[LossSite, Options], nn.Module]:
    return lambda site, options: loss(**{**site.activation, **options})


def _lovasz(site: LossSite, options: Options) -> nn.Module:
    classes = "present" if site.softmax else "all"  # a lone mask that is empty has to cost its false alarms
    return LovaszSoftmaxLoss(**{"classes": classes, **site.activation, **options})


def _distance(site: LossSite, options: Options) -> nn.Module:
    return DistanceWeightedCELoss(**{"to_onehot_y": site.softmax, **options})


def _foreground(loss: Callable[..., nn.Module]) -> Callable[[LossSite, Options], nn.Module]:
    return lambda site, options: loss(**{"include_background": not site.softmax, **site.activation, **options})


def _persistence(site: LossSite, options: Options) -> nn.Module:
    if importlib.util.find_spec("gudhi") is None:
        raise ImportError("`loss` persistent_homology needs GUDHI: pip install 'monai-boundary[topology]'.")
    return _foreground(PersistentHomologyLoss)(site, options)


def _semeda(site: LossSite, options: Options) -> nn.Module:
    if options.get("net") is None:
        raise ValueError("`loss` semeda needs a fitted edge network, got None for `edge_net`.")
    return _own(SEMEDALoss)(site, options)


LOSSES: dict[str, LossEntry] = {
    # of the region: in place of the bundle's own
    "cross_entropy": LossEntry(_plain_cross_entropy),
    "weighted_bce": LossEntry(_own(BalancedBCELoss)),
    "distance_ce": LossEntry(_distance, targets=("distance_map",)),
    "focal": LossEntry(_focal),
    "dice": LossEntry(_overlap(DiceLoss)),
    "generalized_dice": LossEntry(_overlap(GeneralizedDiceLoss)),
    "lovasz": LossEntry(_lovasz),
    # of the boundary: added to it
    "boundary": LossEntry(_foreground(SignedDistanceLoss), 0.01, ("distance_map",)),
    "baloss": LossEntry(_own(BALoss), 0.1, ("seeds", "regions", "cells")),
    "equipotential": LossEntry(_own(EquipotentialLoss), 1.0),
    "semeda": LossEntry(_semeda, 1.0),
    "sobel": LossEntry(_own(SobelEdgeLoss), 16.0),
    "edge_aware": LossEntry(_own(nn.Module), 0.0, ("edges",)),  # made by the bundle whose network has edges
    "hausdorff_dt": LossEntry(_overlap(HausdorffDTLoss), 0.01),
    "cldice": LossEntry(_overlap(SoftclDiceLoss), 0.5),
    "persistent_homology": LossEntry(_persistence, 0.005),
}

_NO_EDGES = "it compares the edges that a network with an edge head predicts, which this bundle's network lacks"
_NO_WALLS = "it looks for holes in walls between regions, and the label of this bundle has no walls"
_OVERLAP = "it is a cross-entropy of exclusive classes, and the regions of this bundle overlap"

SITES: dict[str, LossSite] = {
    "membrane": LossSite(
        softmax=False,
        base="cross_entropy",
        targets={
            "seeds": "seeds_label",
            "regions": "regions_label",
            "cells": "cells_label",
            "distance_map": "sdm_label",
        },
        options={
            "weighted_bce": {"balance": "batch"},
            "distance_ce": {"sigma": 20.0},  # nm
        },
        refused={"edge_aware": _NO_EDGES},
        titles={"cross_entropy": "bce"},
    ),
    "lesion": LossSite(
        softmax=True,
        base="generalized_dice",
        targets={"distance_map": "sdm_label", "mask": "label_counted"},  # the mask leaves other pathology out
        always=("mask",),
        options={"weighted_bce": {"balance": "batch"}},
        refused={"baloss": _NO_WALLS, "edge_aware": _NO_EDGES},
        titles=dict.fromkeys((name for name, entry in LOSSES.items() if entry.weight is None), "region"),
    ),
    "tumour": LossSite(
        softmax=False,
        base="dice",
        targets={"distance_map": "sdm_label", "edges": "edge_label"},
        always=("edges",),
        options={"weighted_bce": {"balance": "batch"}, "dice": {"squared_pred": True}},
        refused={"baloss": _NO_WALLS, "distance_ce": _OVERLAP},
    ),
}


def losses_of(kind: str) -> tuple[str, ...]:
    """Return the names of the losses that a bundle takes.

    Args:
        kind: of the bundle: a key of ``SITES``.
    """
    check_choice("kind", kind, tuple(SITES))
    return tuple(name for name in LOSSES if name not in SITES[kind].refused)


def find_loss(kind: str, name: str) -> LossEntry:
    """Return a loss by name.

    Args:
        kind: of the bundle.
        name: of the loss.

    Raises:
        ValueError: if the name is unknown, or makes no sense in the bundle.
    """
    names = losses_of(kind)
    why = SITES[kind].refused.get(name)
    if why is not None:
        raise ValueError(f"`loss` cannot be {name!r} here: {why}. Choose one of {', '.join(names)}.")
    if name not in names:
        raise ValueError(
            f"`loss` needs one of {', '.join(names)}, or a definition with `_target_` in a configuration file, got "
            f"{name!r}."
        )
    return LOSSES[name]


def make_loss(kind: str, name: str, options: Options) -> nn.Module:
    """Return the loss itself, without the term that it is added to.

    Args:
        kind: of the bundle.
        name: of the loss.
        options: further arguments of its class.

    Raises:
        ValueError: if the name is unknown or an option has a value that the class refuses.
        TypeError: if the class does not know an option.
    """
    entry, site = find_loss(kind, name), SITES[kind]
    try:
        return entry.make(site, {**site.options.get(name, {}), **options})
    except TypeError as error:
        if options:
            raise TypeError(
                f"`loss_options` needs arguments of the loss {name!r}, got {dict(options)}: {error}."
            ) from error
        raise
