# SPDX-License-Identifier: Apache-2.0
"""Several losses as one: named terms with weights that can be read, scheduled and saved."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from monai_boundary._validation import check_positive
from monai_boundary.losses._base import argument_text
from monai_boundary.losses._gradient_shares import EVERY, GradientShares, network_outputs, single_precision
from monai_boundary.ops.plain_tensor import plain_tensor


class CompoundLoss(nn.Module):
    """The weighted sum of named losses, of MONAI, of this library or your own.

    After each call ``terms`` holds every term as it is, detached and unweighted, under its name, and its weight under
    ``weight_{name}``, so that a training log shows them apart (`monai_boundary.handlers.LossTerms`). A loss that has
    ``terms`` itself adds them as ``{name}.{its name}``. A term of weight 0 is not computed, and absent.

    The weights are plain numbers in ``weights``; `set_weights` changes them, by hand or by a schedule
    (`RebalanceSchedule`, ..., `monai_boundary.handlers.LossWeightHandler`). They are part of ``state_dict()``.

    In place of a weight a term may have a *share*: every few steps its gradient with respect to ``input`` (the logits,
    not the network) is measured, and its weight follows so that the norm of its weighted gradient is that share of the
    regional term's. In the steps that measure, ``terms`` also holds for each term but the regional one
    ``share_{name}``, what its share was in this batch, and ``cosine_{name}``, the cosine between its gradient and the
    regional one: below 0 it pulls against it. Only calls with a gradient count as steps, so a validation changes
    nothing. Half-precision logits are made float32 first, and a gradient scaler, which scales all terms alike, plays no
    part. What is measured is part of ``state_dict()``, and the same in all processes of a distributed training.

    Args:
        losses: name -> loss, called as ``loss(input, target, **targets)``, which gives a scalar.
        weights: name -> weight; 1 for those not named.
        schedule: gives the weights from the epoch; `set_step` applies it. The weights before the first step are its
            weights at 0. Of a term with a share it gives the share.
        shares: name -> share of the regional term's gradient, in place of a weight. The weight is at most 1000; until
            the first measurement the gradients are taken as equally strong, and a norm that is 0 (an empty patch) or
            not finite is none. ``{}`` measures, and leaves the weights alone; None does not measure.
        regional: the term that the others are compared with; the first one if not given.
        measure_every: steps between two measurements.

    Raises:
        ValueError: if there is no term, a name is no identifier, or a weight or share is for no term, negative or not
            finite, or a term has both.
        TypeError: if a term is not callable.

    Example:
        >>> import torch
        >>> from monai.losses import DiceLoss
        >>> from monai_boundary.losses import CompoundLoss, RebalanceSchedule, SignedDistanceLoss
        >>> loss = CompoundLoss(
        ...     {"region": DiceLoss(sigmoid=True), "boundary": SignedDistanceLoss(sigmoid=True)},
        ...     schedule=RebalanceSchedule(),
        ... )
        >>> loss.set_step(50)
        >>> label = torch.zeros(1, 1, 8, 8)
        >>> label[..., 2:6, 2:6] = 1
        >>> value = loss(20 * label - 10, label, distance_map=torch.ones(1, 1, 8, 8))
        >>> {name: round(float(term), 2) for name, term in loss.terms.items()}
        {'region': 0.0, 'weight_region': 0.5, 'boundary': 0.25, 'weight_boundary': 0.51}

    The boundary term with a tenth of the regional gradient's strength, whatever the unit of its map:

        >>> logits = torch.zeros(1, 1, 8, 8, requires_grad=True)
        >>> parts = {"region": DiceLoss(sigmoid=True), "boundary": SignedDistanceLoss(sigmoid=True)}
        >>> for unit in (1.0, 1000.0):
        ...     loss = CompoundLoss(parts, shares={"boundary": 0.1})
        ...     value = loss(logits, label, distance_map=unit * (0.5 - label))
        ...     print(f"{loss.weights['boundary']:.2g}", round(float(loss.terms["share_boundary"]), 3))
        0.24 0.1
        0.00024 0.1
    """

    measures = True  # a call counts as a step; false for all heads of deep supervision but the first
    _shares: GradientShares | None = None

    def __init__(
        self,
        losses: Mapping[str, Callable[..., Tensor]],
        weights: Mapping[str, float] | None = None,
        schedule: Callable[[int], Mapping[str, float]] | None = None,
        shares: Mapping[str, float] | None = None,
        regional: str | None = None,
        measure_every: int = EVERY,
    ) -> None:
        super().__init__()
        if not losses:
            raise ValueError("`losses` needs at least one term, got none.")
        for name, loss in losses.items():
            if not callable(loss):
                raise TypeError(f"`losses[{name!r}]` needs a callable, got {type(loss).__name__}.")
            if not name.isidentifier():
                raise ValueError(f"`losses` needs names that are identifiers, got {name!r}.")
        self._plain = {name: loss for name, loss in losses.items() if not isinstance(loss, nn.Module)}
        self._modules_by_name = nn.ModuleDict({n: loss for n, loss in losses.items() if isinstance(loss, nn.Module)})
        self._accepts = {name: accepted_targets(loss) for name, loss in losses.items()}
        self.weights: dict[str, float] = dict.fromkeys(losses, 1.0)
        self.schedule = schedule
        self.terms: dict[str, Tensor] = {}
        both = sorted({*(weights or {})} & {*(shares or {})})
        if both:
            raise ValueError(f"`shares` needs terms without a weight, got both for {', '.join(both)}.")
        first = next(iter(losses)) if regional is None else regional
        if shares is not None:
            self._shares = GradientShares(tuple(losses), first, shares, measure_every)
        self.set_weights(weights or {})
        if schedule is not None:
            self.set_step(0)

    @property
    def target_names(self) -> frozenset[str] | None:
        """Keywords of the precomputed targets that some term takes; None where one takes any."""
        return None if None in self._accepts.values() else frozenset().union(*filter(None, self._accepts.values()))

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """Change the weights of the terms that are named; of those that have a share, the share.

        Raises:
            ValueError: if a name is no term, or a weight is negative or not finite.
        """
        for name, weight in weights.items():
            if name not in self.weights:
                raise ValueError(f"`weights` needs names of terms, {', '.join(self.weights)}, got {name!r}.")
            check_positive(f"weights[{name!r}]", weight, zero=True)
        self.weights.update({name: float(weight) for name, weight in weights.items()})
        if self._shares is not None:
            self._shares.shares.update({n: float(s) for n, s in weights.items() if n in self._shares.shares})
        self._follow()

    def _follow(self) -> None:
        """Give the terms that have a share the weights that follow from what was measured."""
        if self._shares is not None:
            for name in self._shares.shares:
                self.weights[name] = self._shares.weight(name, self.weights[self._shares.regional])

    def set_step(self, step: int) -> None:
        """Take the schedule's weights at epoch (or iteration) ``step``, which counts from 0.

        Raises:
            ValueError: if there is no schedule, or it gives a weight that `set_weights` refuses.
        """
        if self.schedule is None:
            raise ValueError("`schedule` needs to be given to set a step, got None.")
        self.set_weights(self.schedule(step))

    def forward(self, input: Any, target: Tensor, **targets: Any) -> Tensor:
        """Return the weighted sum.

        Args:
            input: what the network gives.
            target: the label.
            targets: precomputed targets: each goes to the terms whose signature names it.

        Raises:
            ValueError: if no term takes a target, a term is no scalar, or all weights are 0.
        """
        self._check_targets(targets)
        if self._shares is not None:
            input = single_precision(input)
        terms: dict[str, Tensor] = {}
        values: dict[str, Tensor] = {}
        for name, weight in self.weights.items():
            if weight == 0:
                continue
            loss = self._plain[name] if name in self._plain else self._modules_by_name[name]
            accepted = self._accepts[name]
            mine = {key: value for key, value in targets.items() if accepted is None or key in accepted}
            value = loss(input, target, **mine)
            if value.numel() != 1:
                raise ValueError(f'`losses[{name!r}]` needs a scalar (reduction="mean"), got {tuple(value.shape)}.')
            value = plain_tensor(value).reshape(())
            values[name] = value
            terms[name] = value.detach()
            for own, term in getattr(loss, "terms", {}).items():
                terms[f"{name}.{own}"] = term
        if not values:
            raise ValueError(f"`weights` needs one above 0, got {self.weights}.")
        measured = self._measure(values, input)
        self.terms = {}
        total: Any = 0.0
        for name, value in values.items():
            weight = self.weights[name]
            total = total + weight * value
            about = {f"weight_{name}": weight, **measured.get(name, {})}
            self.terms[name] = terms[name]  # filled where the term is, since a number that is copied there waits for it
            self.terms |= {key: terms[name].new_full((), entry) for key, entry in about.items()}
            self.terms |= {key: term for key, term in terms.items() if key.startswith(f"{name}.")}
        result: Tensor = total
        return result

    def _measure(self, values: Mapping[str, Tensor], input: Any) -> dict[str, dict[str, float]]:
        """Measure the gradients if it is time to, let the weights follow, and return what is to be logged of a term."""
        outputs = network_outputs(input) if self._shares is not None and self.measures else []
        if self._shares is None or not outputs or not self._shares.is_due(tuple(values)):
            return {}
        found = self._shares.measure(values, outputs)
        self._follow()
        regional = self.weights[self._shares.regional]
        return {
            name: {f"share_{name}": self.weights[name] * ratio / regional, f"cosine_{name}": cosine}
            for name, (ratio, cosine) in found.items()
        }

    def _check_targets(self, targets: Mapping[str, Any]) -> None:
        for key in targets:
            if not any(accepted is None or key in accepted for accepted in self._accepts.values()):
                raise ValueError(f"`{key}` needs a term that takes it, got {', '.join(self.weights)}.")

    def extra_repr(self) -> str:
        """Return weights, schedule, shares, and the terms that are functions, for a printed loss."""
        functions = [f"{name}={argument_text(loss)}" for name, loss in self._plain.items()]
        options: dict[str, object] = {"weights": self.weights, "schedule": argument_text(self.schedule)}
        shares = self._shares
        options["shares"] = None if shares is None else shares.shares
        options["regional"] = None if shares is None else shares.regional
        options["measure_every"] = None if shares is None else shares.every
        return ", ".join([*functions, *(f"{name}={value}" for name, value in options.items())])

    def get_extra_state(self) -> dict[str, Any]:
        """Return the weights, and with shares what was measured, for ``state_dict()``."""
        weights = dict(self.weights)
        return weights if self._shares is None else {"weights": weights, **self._shares.state()}

    def set_extra_state(self, state: Mapping[str, Any]) -> None:
        """Take the weights of a ``state_dict()``, and with shares what was measured.

        Raises:
            ValueError: if one of the two has shares and the other has none, or it is of other terms.
        """
        weights = state.get("weights")
        if self._shares is None:
            if isinstance(weights, Mapping):
                raise ValueError(f"`state` needs weights alone, as the loss has no shares, got {dict(state)}.")
            self.set_weights(state)
            return
        if not isinstance(weights, Mapping):
            raise ValueError(f"`state` needs shares, as the loss has them, got weights alone: {dict(state)}.")
        for what, own, given in (("terms", self.weights, weights), ("shares", self._shares.shares, state["shares"])):
            if set(own) != set(given):
                raise ValueError(f"`state` needs the {what} of the loss, {', '.join(own)}, got {', '.join(given)}.")
        self._shares.load(state)
        self.weights.update({name: float(weight) for name, weight in weights.items()})


def accepted_targets(loss: Callable[..., Tensor]) -> frozenset[str] | None:
    """Return the keywords of precomputed targets that a loss takes beside input and target.

    Args:
        loss: called as ``loss(input, target, **targets)``. A loss that hands targets on to others says their keywords
            in an attribute ``target_names``, as `CompoundLoss` does.

    Returns:
        Names; None where the loss takes any.

    Example:
        >>> from monai_boundary.losses import SignedDistanceLoss
        >>> sorted(accepted_targets(SignedDistanceLoss(sigmoid=True)))
        ['distance_map', 'mask']
    """
    if hasattr(loss, "target_names"):
        names: frozenset[str] | None = loss.target_names
        return names
    return keywords_of(loss)


def keywords_of(loss: Callable[..., Tensor]) -> frozenset[str] | None:
    """Return the keywords that a loss takes beside input and target; None where it takes any."""
    call = loss.forward if isinstance(loss, nn.Module) else loss
    parameters = list(inspect.signature(call).parameters.values())
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    positional = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
    taken = {p.name for p in parameters[: min(2, positional)]}
    return frozenset(named) - taken
