# SPDX-License-Identifier: Apache-2.0
"""The loss of a bundle by one override: a name of the library's losses, or a definition of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from monai_boundary._validation import check_choice
from monai_boundary.losses import BALoss, CompoundLoss, EdgeAwareLoss, accepted_targets
from monai_boundary.workflows.losses.table import LOSSES, SITES, Options, find_loss, losses_of, make_loss

Loss = str | Callable[..., Tensor]


def loss_names(kind: str) -> tuple[str, ...]:
    """Return the names that a bundle's ``loss`` takes.

    Args:
        kind: ``"membrane"``, ``"lesion"`` or ``"tumour"``.

    Raises:
        ValueError: if the kind is another.

    Example:
        >>> loss_names("membrane")[:3]
        ('cross_entropy', 'weighted_bce', 'distance_ce')
    """
    return losses_of(kind)


def loss_weight(kind: str, loss: Loss) -> float:
    """Return the weight with which a boundary term is added unless one is given; 0 where the loss is no such term.

    Args:
        kind: see `loss_names`.
        loss: a name, or a loss.

    Raises:
        ValueError: if the bundle does not take the name; the message has those that it takes.

    Example:
        >>> loss_weight("membrane", "baloss"), loss_weight("membrane", "dice")
        (0.1, 0.0)
    """
    if not isinstance(loss, str):
        return 0.0
    weight = find_loss(kind, loss).weight
    return SITES[kind].weights.get(loss, 0.0 if weight is None else weight)


def loss_targets(kind: str, loss: Loss) -> dict[str, str]:
    """Return the precomputed targets of a loss, keyword -> key of the batch, for `LossWithTargets`.

    Args:
        kind: see `loss_names`.
        loss: a name, or a loss: it gets those of the bundle's targets that its ``forward`` names.

    Raises:
        ValueError: as `loss_weight`.

    Example:
        >>> loss_targets("membrane", "boundary"), loss_targets("membrane", "equipotential")
        ({'distance_map': 'sdm_label'}, {})
    """
    check_choice("kind", kind, tuple(SITES))
    site = SITES[kind]
    if isinstance(loss, str):
        wanted = {*find_loss(kind, loss).targets, *site.always}
    else:
        known = accepted_targets(loss)
        wanted = set(site.targets) if known is None else set(known)
    return {keyword: key for keyword, key in site.targets.items() if keyword in wanted}


def weigh_boundary(loss: Any, weight: float) -> None:
    """Set the weight of the boundary term; a loss without such a term stays as it is.

    Args:
        loss: made by `membrane_loss`.
        weight: >= 0.

    Example:
        >>> loss = membrane_loss("baloss", 0.1)
        >>> weigh_boundary(loss, 0.0)
        >>> loss.alpha
        0.0
    """
    if isinstance(loss, BALoss):
        loss.alpha = weight
    elif "boundary" in getattr(loss, "weights", {}):
        loss.set_weights({"boundary": weight})


def membrane_loss(
    loss: Loss = "baloss",
    alpha: float = 0.1,
    *,
    contour: str = "leak",
    contour_width: int | None = None,
    options: Options | None = None,
    edge_net: nn.Module | None = None,
) -> Any:
    """Return the loss of the EM bundle, of logits and a membrane that is 1; it has ``terms``.

    Args:
        loss: a name of ``loss_names("membrane")``: a loss of the region takes the place of the cross-entropy (term
            ``bce``), a boundary term is added to it. Or a loss, which is used as it is.
        alpha: weight of the boundary term.
        contour: of BALoss, as ``contour_width``.
        contour_width: see ``contour``.
        options: further arguments of the named loss's class.
        edge_net: of SEMEDA, fitted.

    Raises:
        ValueError: if the bundle does not take the name, or a value is refused.
        TypeError: if an option is unknown.

    Example:
        >>> import torch
        >>> membrane = torch.zeros(1, 1, 16, 16)
        >>> membrane[..., 7] = 1
        >>> loss = membrane_loss("equipotential", alpha=1.0, options={"w": 5})
        >>> value = loss(torch.zeros(1, 1, 16, 16), membrane)
        >>> sorted(loss.terms)
        ['bce', 'boundary', 'boundary.line', 'boundary.point', 'weight_bce', 'weight_boundary']
    """
    if not isinstance(loss, str):
        return _as_given(loss)
    if loss == "baloss":
        chosen = {"contour": contour, "contour_width": contour_width, **(options or {}), "alpha": alpha}
        return make_loss("membrane", loss, chosen)
    return _compound("membrane", loss, options, edge_net, weights={"boundary": alpha})


def lesion_loss(
    loss: Loss = "boundary",
    schedule: Callable[[int], Mapping[str, float]] | None = None,
    *,
    options: Options | None = None,
    edge_net: nn.Module | None = None,
) -> Any:
    """Return the loss of the lesion bundles, of the logits of two classes and a label of 0 and 1; it has ``terms``.

    Args:
        loss: a name of ``loss_names("lesion")``: a loss of the region takes the place of the generalised Dice (term
            ``region``, without schedule), a boundary term (``boundary``) is added to it. Or a loss, used as it is.
        schedule: weights of both terms over the epochs, see `loss_schedule`; None is 1 for both.
        options: further arguments of the named loss's class.
        edge_net: of SEMEDA, fitted.

    Raises:
        ValueError: if the bundle does not take the name, or a value is refused.
        TypeError: if an option is unknown.

    Example:
        >>> import torch
        >>> label = torch.zeros(1, 1, 16, 16)
        >>> label[..., 4:9, 4:9] = 1
        >>> loss = lesion_loss("lovasz")
        >>> value = loss(torch.zeros(1, 2, 16, 16), label, mask=torch.ones(1, 1, 16, 16))
        >>> sorted(loss.terms)
        ['region', 'weight_region']
    """
    if not isinstance(loss, str):
        return _as_given(loss)
    return _compound("lesion", loss, options, edge_net, schedule=schedule)


def tumour_loss(
    loss: Loss = "edge_aware",
    boundary_weight: float = 0.0,
    *,
    edges: bool = True,
    options: Options | None = None,
    edge_net: nn.Module | None = None,
) -> Any:
    """Return the loss of the BraTS bundle, of the logits of overlapping regions (and of edges); it has ``terms``.

    Args:
        loss: a name of ``loss_names("tumour")``. ``"edge_aware"`` is Dice, the edges' terms and the boundary loss with
            its weight; a loss of the region takes the place of the Dice, a boundary term that of the boundary loss. Or
            a loss: one that takes ``edges`` is used as it is, any other takes the place of the segmentation's terms.
        boundary_weight: of the boundary term.
        edges: whether the network's edges are supervised; False for a network without.
        options: further arguments of the named loss's class.
        edge_net: of SEMEDA, fitted.

    Raises:
        ValueError: if the bundle does not take the name, or a value is refused.
        TypeError: if an option is unknown.

    Example:
        >>> import torch
        >>> label = torch.zeros(1, 3, 16, 16)
        >>> label[..., 4:9, 4:9] = 1
        >>> loss = tumour_loss("sobel", boundary_weight=16.0)
        >>> value = loss((torch.zeros(1, 3, 16, 16), torch.zeros(1, 1, 16, 16)), label)
        >>> sorted(name for name in loss.terms if "weight" not in name)
        ['edge_bce', 'edge_dice', 'region', 'region.boundary', 'region.dice']
    """
    heads: dict[str, Any] = {"lambda_edge_dice": 0.5 if edges else 0.0, "lambda_edge_bce": 0.1 if edges else 0.0}
    if not isinstance(loss, str):
        given = _as_given(loss)
        return given if "edges" in (accepted_targets(given) or ()) else EdgeAwareLoss(region_loss=given, **heads)
    if loss == "edge_aware":
        find_loss("tumour", loss)
        heads |= dict(options or {})
        loss, options = "boundary", None
    region = _compound("tumour", loss, options, edge_net, weights={"boundary": boundary_weight})
    return EdgeAwareLoss(region_loss=region, **heads)


def _compound(kind: str, loss: str, options: Options | None, edge_net: nn.Module | None, **weighting: Any) -> Any:
    """A loss of the region by itself, or a boundary term beside the bundle's own, weighted."""
    net: Mapping[str, Any] = {"net": edge_net} if loss == "semeda" else {}
    term, site = make_loss(kind, loss, {**(options or {}), **net}), SITES[kind]
    if LOSSES[loss].weight is None:
        return CompoundLoss({site.title(loss): term})
    return CompoundLoss({site.title(site.base): make_loss(kind, site.base, {}), "boundary": term}, **weighting)


def _as_given(loss: Any) -> Any:
    """A loss of one's own, with its value as a term where it has no terms."""
    if not callable(loss):
        raise TypeError(f"`loss` needs a name or a loss, got {type(loss).__name__}: {loss!r}.")
    return loss if isinstance(getattr(loss, "terms", None), Mapping) else CompoundLoss({"given": loss})
