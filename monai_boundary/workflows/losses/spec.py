# SPDX-License-Identifier: Apache-2.0
"""The loss of a training, described once: by a name of the library's losses, or a definition of one's own."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from monai_boundary._validation import check_choice, check_positive
from monai_boundary.losses import CompoundLoss, DelayedSchedule, EdgeAwareLoss, accepted_targets
from monai_boundary.workflows.losses.balance import BALANCES, add_boundary_term
from monai_boundary.workflows.losses.identity import loss_title
from monai_boundary.workflows.losses.schedule import loss_schedule
from monai_boundary.workflows.losses.site import LossSite, Options, loss_site
from monai_boundary.workflows.losses.table import LossEntry, find_loss, make_loss

Loss = str | Callable[..., Tensor]
Schedule = Callable[[int], Mapping[str, float]]
_STEP = 0.01
_EDGE_WEIGHTS = ("lambda_edge_dice", "lambda_edge_bce")


@dataclass(frozen=True)
class LossSpec:
    """A training's loss, and what the training has to know of it.

    Attributes:
        loss: called as ``loss(outputs, label, **targets)``; it has ``terms``.
        targets: keyword of the loss -> key of the batch, for `monai_boundary.handlers.LossWithTargets`: what has to be
            made of the label, and no more. A boundary term whose weight is and stays 0 needs nothing.
        title: what tells the loss from another, as plain values, for the settings of a training that may be resumed.
        weight: of the boundary term, or its share, in the first epoch that has it; 0 where the loss has no such term.
        schedule: weights of the terms (name -> weight) from the epoch, which counts from 0; None where they stay.
    """

    loss: Any
    targets: Mapping[str, str]
    title: Any
    weight: float = 0.0
    schedule: Schedule | None = None

    def set_step(self, step: int) -> None:
        """Give the terms their weights of epoch ``step``, which counts from 0.

        Raises:
            ValueError: if the weights stay as they are: there is no schedule.
        """
        if self.schedule is None:
            raise ValueError("`schedule` needs to be given to set a step, got None.")
        scheduled = _scheduled(self.loss)
        for part in scheduled:  # of a loss of one's own, which has it
            part.set_step(step)
        if not scheduled:
            self.loss.set_weights(self.schedule(step))


@dataclass(frozen=True)
class _Titled:
    """A schedule of ``region`` and ``boundary`` for a loss whose term of the region has another name."""

    schedule: Schedule
    title: str

    def __call__(self, step: int) -> dict[str, float]:
        weights = self.schedule(step)
        return {self.title if name == "region" else name: weight for name, weight in weights.items()}


def loss_spec(
    labels: str,
    loss: Loss,
    *,
    options: Options | None = None,
    weight: float | None = None,
    schedule: str | Schedule = "constant",
    step: float = _STEP,
    epochs: int = 100,
    warmup_epochs: int = 0,
    base: str | None = None,
    mask: bool = False,
    edges: bool | None = None,
    defaults: Mapping[str, Options] | None = None,
    edge_net: nn.Module | Callable[[], nn.Module] | None = None,
    balance: str = "weight",
) -> LossSpec:
    """Return the loss of a training, from what its labels are and a name.

    A loss of the region (``dice``, ``cross_entropy``, ...) takes the place of the task's own, ``base``. A boundary
    term (``boundary``, ``equipotential``, ...) is added to ``base`` with a weight, which a schedule may change. With an
    edge head, the terms of the edges are added to both. A loss of one's own is used as it is; one that has a
    ``schedule`` (`CompoundLoss`, also within another loss) keeps it. With an edge head, one that takes no ``edges`` is
    that of the segmentation.

    Args:
        labels: ``"classes"`` (exclusive, softmax, the label (B, 1, spatial) is an index), ``"binary"`` (one channel,
            sigmoid), ``"regions"`` (channels that may overlap, sigmoid) or ``"membrane"`` (walls between instances are
            1, one channel, sigmoid).
        loss: a name, or a loss.
        options: arguments of the named loss's class, beside those that follow from ``labels``.
        weight: of the boundary term, in the first epoch after the warm-up. By default the loss's own: 0.1 for
            ``baloss``, 0.01 for ``boundary``, ...; 0 for ``edge_aware``, which with a weight has a ``boundary`` term.
            With the balance ``"share"`` it is the term's share, by default 0.1, and so is what the schedule gives.
        schedule: of the weights over the epochs after the warm-up: ``"constant"``, ``"increase"``, ``"rebalance"``,
            ``"cosine"``, or called with the epoch (from 0), giving the weights of ``region`` and ``boundary``.
        step: what ``weight`` gains in each epoch, with ``"increase"`` and ``"rebalance"``; 0.01 by default.
        epochs: of the training, for ``"cosine"``.
        warmup_epochs: first epochs without the boundary term.
        base: name of the loss that boundary terms are added to. By default ``generalized_dice`` for classes, ``dice``
            for binary and regions, ``cross_entropy`` for membranes.
        mask: some voxels do not count. A named loss that cannot leave them out is refused; one's own gets the mask if
            it takes one.
        edges: of a network with an edge head, whether it is supervised; None for a network without.
        defaults: arguments of losses by name, used where ``options`` does not give them; None is not given. What is
            given needs to be of ``loss``.
        edge_net: fitted network of ``semeda``; or what makes it, called only if the loss is ``semeda``.
        balance: ``"weight"``: the boundary term has a weight. ``"share"``: its weight follows, so that the norm of its
            gradient with respect to the logits is a share of that of the region's term (`CompoundLoss`).
            ``"measure"``: it has a weight, and share and cosine of the gradients are logged.

    Raises:
        ValueError: if a name is unknown or makes no sense for the labels; a number is out of range; a weight, a
            schedule or a balance is given to a loss that has no boundary term; or an option would count for nothing.
        TypeError: if the loss is neither a name nor callable, or an option is unknown.

    Example:
        >>> spec = loss_spec("classes", "equipotential", options={"w": 5}, warmup_epochs=2, mask=True)
        >>> spec.weight, spec.targets
        (1.0, {'mask': 'label_counted'})
        >>> [spec.schedule(epoch) for epoch in (0, 2)]
        [{'region': 1.0, 'boundary': 0.0}, {'region': 1.0, 'boundary': 1.0}]
        >>> loss_spec("membrane", "baloss").targets
        {'seeds': 'seeds_label', 'regions': 'regions_label'}
    """
    site = loss_site(labels, base=base, mask=mask, edges=edges, defaults=defaults)
    check_choice("balance", balance, BALANCES)
    _check_counts(loss, defaults or {}, schedule, step)
    if not isinstance(loss, str):
        return _given(
            site, loss, {"loss_options": options or {}, "weight": weight or 0.0, "schedule": schedule}, balance
        )
    entry = find_loss(site, loss)
    net = {"net": _made(edge_net)} if entry.edge_net else {}
    own = {} if entry.edge_options else {**(options or {}), **net}
    heads = dict(options or {}) if entry.edge_options else {}
    title = loss_title(loss)
    _check_names(site, loss, entry, own)
    _check_edge_options(site, heads)
    if entry.weight is None:
        usual = {"weight": 0.0, "schedule": "constant", "balance": "weight"}
        for option, given in {"weight": weight or 0.0, "schedule": schedule, "balance": balance}.items():
            if given != usual[option]:  # it would change nothing
                raise ValueError(f"`{option}` needs a loss with a boundary term, got {given!r} for {loss!r}.")
        region = CompoundLoss({site.title(loss): make_loss(site, loss, own)})
        return LossSpec(_with_edges(site, region, heads), _targets(site, [region]), title)
    first = (entry.share if balance == "share" else entry.weight) if weight is None else weight
    used, first, counts = _schedule(schedule, first, step, epochs, warmup_epochs)
    made, regional, held, term = add_boundary_term(site, loss, own, balance)
    targets = _targets(site, [*held, term] if counts else held)
    spec = LossSpec(_with_edges(site, made, heads), targets, title, first, _Titled(used, regional))
    spec.set_step(0)
    return spec


def _check_counts(loss: Loss, defaults: Mapping[str, Options], schedule: str | Schedule, step: float) -> None:
    """Refuse what is given and would count for nothing: options of another loss, the step of what does not grow."""
    title = repr(loss) if isinstance(loss, str) else "one's own"
    for name, options in defaults.items():
        for option in (key for key in options if name != loss and options[key] is not None):
            raise ValueError(f"`{option}` needs the loss {name!r}, got {options[option]!r} for {title}.")
    if step != _STEP and schedule not in ("increase", "rebalance"):
        raise ValueError(
            f"`step` (alpha_step) needs the schedule 'increase' or 'rebalance', got {step:g} with {schedule!r}."
        )


def _check_names(site: LossSite, loss: str, entry: LossEntry, options: Options) -> None:
    if find_loss(site, site.base).weight is not None:
        raise ValueError(f"`base` needs a loss of the region, got {site.base!r}.")
    if entry.whole and "alpha" in options:
        raise ValueError(f"`loss_options` needs arguments of the loss {loss!r} other than `alpha`, which is `weight`.")


def _check_edge_options(site: LossSite, heads: Options) -> None:
    """Refuse arguments of `EdgeAwareLoss` that would count for nothing: edges come with the batch, or do not count."""
    own = set(inspect.signature(EdgeAwareLoss).parameters) - set(_EDGE_WEIGHTS) - {"lambda_region", "balance"}
    for name in heads:
        if name in own:
            raise ValueError(
                f"`loss_options` needs weights or `balance` for edge_aware, got {name!r}: what an edge is, `edges` "
                "says, and the region has a loss of its own."
            )
        if name in _EDGE_WEIGHTS and site.edges is False and heads[name]:
            raise ValueError(f"`{name}` needs edges that are supervised, got {heads[name]!r} without `edge_losses`.")


def _made(edge_net: nn.Module | Callable[[], nn.Module] | None) -> nn.Module | None:
    """Return the edge network; one that is yet to be made is made."""
    if edge_net is None or isinstance(edge_net, nn.Module):
        return edge_net
    return edge_net()


def _schedule(
    schedule: str | Schedule, weight: float, step: float, epochs: int, warmup_epochs: int
) -> tuple[Schedule, float, bool]:
    """Return the schedule, its first weight of the boundary term, and whether that term counts in any epoch."""
    check_positive("weight", weight, zero=True)
    check_positive("warmup_epochs", warmup_epochs, zero=True)
    if isinstance(schedule, str):
        used: Schedule = loss_schedule(schedule, weight, step, max(1, epochs - warmup_epochs))
        first = float(weight)
    else:
        used, first = schedule, float(schedule(0).get("boundary", 0.0))
    counts = first > 0 or schedule != "constant"
    return DelayedSchedule(used, warmup_epochs) if warmup_epochs else used, first, counts


def _targets(site: LossSite, terms: Sequence[Any]) -> dict[str, str]:
    """Return the batch's targets that one of the terms takes, and those of the edge head."""
    accepted = [accepted_targets(term) for term in terms]
    wanted = {*({"edges"} if site.edges else ())}.union(
        *(site.targets if names is None else names for names in accepted)
    )
    return {keyword: key for keyword, key in site.targets.items() if keyword in wanted}


def _with_edges(site: LossSite, loss: Any, options: Options) -> Any:
    """Return the loss of the segmentation, with the terms of the edges where the network has an edge head."""
    if site.edges is None:
        return loss
    weights = {} if site.edges else dict.fromkeys(_EDGE_WEIGHTS, 0.0)
    return EdgeAwareLoss(region_loss=loss, **{**weights, **options})


def _scheduled(loss: Any) -> list[Any]:
    """Return the parts of a loss, or itself, that have a schedule of their own."""
    parts = list(loss.modules()) if isinstance(loss, nn.Module) else [loss]
    return [p for p in parts if getattr(p, "schedule", None) is not None and callable(getattr(p, "set_step", None))]


def _given(site: LossSite, loss: Any, beside: Mapping[str, Any], balance: str) -> LossSpec:
    """Return what is to know of a loss of one's own."""
    if not callable(loss):
        raise TypeError(f"`loss` needs a name or a loss, got {type(loss).__name__}: {loss!r}.")
    for option, given in beside.items():
        if given not in ({}, 0.0, "constant"):  # it would change nothing
            raise ValueError(f"`{option}` needs a loss by name, got {given!r} for one's own, {type(loss).__name__}.")
    if balance != "weight":
        raise ValueError(f"`balance` needs a loss by name, got {balance!r}: give your CompoundLoss `shares`.")
    title, accepted = loss_title(loss), accepted_targets(loss)
    told = loss if isinstance(getattr(loss, "terms", None), Mapping) else CompoundLoss({"given": loss})
    sees_edges = accepted is not None and "edges" in accepted
    made = told if sees_edges else _with_edges(site, told, {})
    used = dataclasses.replace(site, edges=None if sees_edges else site.edges)
    schedule = next((part.schedule for part in _scheduled(loss)), None)
    return LossSpec(made, _targets(used, [loss]), title, 0.0, schedule)
