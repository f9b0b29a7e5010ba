# SPDX-License-Identifier: Apache-2.0
"""Every loss that a bundle takes by name: how it is made, its weight, and where it makes no sense."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, NamedTuple

from monai.losses import DiceLoss, FocalLoss, GeneralizedDiceLoss, HausdorffDTLoss, SoftclDiceLoss
from torch import nn

from monai_boundary._extras import pip_line
from monai_boundary.losses import (
    BalancedBCELoss,
    BALoss,
    CompoundLoss,
    DistanceWeightedCELoss,
    EquipotentialLoss,
    LovaszSoftmaxLoss,
    MaskedOverlapLoss,
    PersistentHomologyLoss,
    SEMEDALoss,
    SignedDistanceLoss,
    SobelEdgeLoss,
    accepted_targets,
)
from monai_boundary.workflows.losses.site import LossSite, Options
from monai_boundary.workflows.losses.voxel_mean import VoxelMean, binary_cross_entropy, cross_entropy

Make = Callable[[LossSite, Options], nn.Module]


class LossEntry(NamedTuple):
    """A loss by name.

    Attributes:
        make: makes it for a task, with arguments of its class.
        weight: with which a boundary term is added; None for a loss of the region, which replaces the task's.
        refused: why it makes no sense for a task; None where it does.
        whole: it holds the term of the region itself, and its argument ``alpha`` is the weight.
        edge_net: it needs the fitted edge network, as its argument ``net``.
        edge_options: its arguments are those of `EdgeAwareLoss`.
        share: of a boundary term in place of its weight, where weights follow from shares of the gradient.
    """

    make: Make
    weight: float | None = None
    refused: Callable[[LossSite], str | None] = lambda site: None
    whole: bool = False
    edge_net: bool = False
    edge_options: bool = False
    share: float = 0.1


def _plain_cross_entropy(site: LossSite, options: Options) -> nn.Module:
    if options:
        raise TypeError(f"cross_entropy takes none, got {sorted(options)}")
    return VoxelMean(cross_entropy if site.softmax else binary_cross_entropy)


def _focal(site: LossSite, options: Options) -> nn.Module:
    return VoxelMean(FocalLoss(reduction="none", use_softmax=site.softmax, to_onehot_y=site.softmax, **options))


def _overlap(loss: Callable[..., Any]) -> Make:
    """A loss of MONAI, of probabilities in which the voxels that do not count are 0, as in the truth."""

    def make(site: LossSite, options: Options) -> nn.Module:
        chosen = options if loss is GeneralizedDiceLoss else {"include_background": not site.softmax, **options}
        return MaskedOverlapLoss(loss(**chosen), **site.activation)

    return make


def _own(loss: Callable[..., nn.Module]) -> Make:
    return lambda site, options: loss(**{**site.activation, **options})


def _lovasz(site: LossSite, options: Options) -> nn.Module:
    classes = "present" if site.softmax else "all"  # a lone mask that is empty has to cost its false alarms
    return LovaszSoftmaxLoss(**{"classes": classes, **site.activation, **options})


def _distance(site: LossSite, options: Options) -> nn.Module:
    return DistanceWeightedCELoss(**{"to_onehot_y": site.softmax, **options})


def _foreground(loss: Callable[..., nn.Module]) -> Make:
    return lambda site, options: loss(**{"include_background": not site.softmax, **site.activation, **options})


def _persistence(site: LossSite, options: Options) -> nn.Module:
    if importlib.util.find_spec("gudhi") is None:
        raise ImportError(f"`loss` persistent_homology needs GUDHI: {pip_line('topology')}")
    return _foreground(PersistentHomologyLoss)(site, options)


def _semeda(site: LossSite, options: Options) -> nn.Module:
    if options.get("net") is None:
        raise ValueError("`loss` semeda needs a fitted edge network, got None for `edge_net`.")
    return _own(SEMEDALoss)(site, options)


def _dice_and_cross_entropy(site: LossSite, options: Options) -> nn.Module:
    chosen = dict(options)
    weights = {"dice": chosen.pop("lambda_dice", 1.0), "cross_entropy": chosen.pop("lambda_ce", 1.0)}
    dice = _overlap(DiceLoss)(site, chosen)
    return CompoundLoss({"dice": dice, "cross_entropy": _plain_cross_entropy(site, {})}, weights)


def _without_walls(site: LossSite) -> str | None:
    return (
        None if site.walls else "it looks for holes in walls between regions, and the label of this task has no walls"
    )


def _without_edges(site: LossSite) -> str | None:
    edges = "it compares the edges that a network with an edge head predicts, which this task's network lacks"
    return edges if site.edges is None else None


def _overlapping(site: LossSite) -> str | None:
    exclusive = "it is a cross-entropy of exclusive classes, and the regions of this task overlap"
    return exclusive if site.overlapping else None


LOSSES: dict[str, LossEntry] = {
    # of the region: in place of the task's own
    "cross_entropy": LossEntry(_plain_cross_entropy),
    "weighted_bce": LossEntry(_own(BalancedBCELoss)),
    "distance_ce": LossEntry(_distance, refused=_overlapping),
    "focal": LossEntry(_focal),
    "dice": LossEntry(_overlap(DiceLoss)),
    "dice_ce": LossEntry(_dice_and_cross_entropy),
    "generalized_dice": LossEntry(_overlap(GeneralizedDiceLoss)),
    "lovasz": LossEntry(_lovasz),
    # of the boundary: added to it
    "boundary": LossEntry(_foreground(SignedDistanceLoss), 0.01),
    "baloss": LossEntry(_own(BALoss), 0.1, refused=_without_walls, whole=True),
    "equipotential": LossEntry(_own(EquipotentialLoss), 1.0),
    "semeda": LossEntry(_semeda, 1.0, edge_net=True),
    "sobel": LossEntry(_own(SobelEdgeLoss), 16.0),
    # the edges' terms that an edge head has with any loss; the boundary loss beside them if it is given a weight
    "edge_aware": LossEntry(_foreground(SignedDistanceLoss), 0.0, refused=_without_edges, edge_options=True, share=0.0),
    "hausdorff_dt": LossEntry(_overlap(HausdorffDTLoss), 0.01),
    "cldice": LossEntry(_overlap(SoftclDiceLoss), 0.5),
    "persistent_homology": LossEntry(_persistence, 0.005),
}


def loss_names(site: LossSite) -> tuple[str, ...]:
    """Return the names of the losses that a task takes.

    Args:
        site: what its losses see.

    Example:
        >>> from monai_boundary.workflows.losses.site import loss_site
        >>> loss_names(loss_site("membrane"))[:3]
        ('cross_entropy', 'weighted_bce', 'distance_ce')
    """
    return tuple(name for name, entry in LOSSES.items() if entry.refused(site) is None)


def find_loss(site: LossSite, name: str) -> LossEntry:
    """Return a loss by name.

    Args:
        site: what the task's losses see.
        name: of the loss.

    Raises:
        ValueError: if the name is unknown, or makes no sense for the task.
    """
    names = ", ".join(loss_names(site))
    if name not in LOSSES:
        raise ValueError(
            f"`loss` needs one of {names}, or a definition with `_target_` in a configuration file, got {name!r}."
        )
    why = LOSSES[name].refused(site)
    if why is not None:
        raise ValueError(f"`loss` cannot be {name!r} here: {why}. Choose one of {names}.")
    return LOSSES[name]


def make_loss(site: LossSite, name: str, options: Options) -> nn.Module:
    """Return the loss itself, without the term that it is added to.

    Args:
        site: what the task's losses see.
        name: of the loss.
        options: further arguments of its class.

    Raises:
        ValueError: if the name is unknown or an option has a value that the class refuses; if some voxels of the task
            do not count, and the loss cannot leave them out.
        TypeError: if the class does not know an option.
    """
    entry = find_loss(site, name)
    try:
        loss = entry.make(site, {**site.options.get(name, {}), **options})
    except TypeError as error:
        if options:
            raise TypeError(
                f"`loss_options` needs arguments of the loss {name!r}, got {dict(options)}: {error}."
            ) from error
        raise
    if site.mask and "mask" not in (accepted_targets(loss) or ()):
        raise ValueError(
            f"`loss` cannot be {name!r} here: it takes no mask, and some voxels of this task do not count."
        )
    return loss
