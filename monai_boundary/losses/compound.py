# SPDX-License-Identifier: Apache-2.0
"""Several losses as one: named terms with weights that can be read, scheduled and saved."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from monai_boundary._validation import check_positive
from monai_boundary.losses._base import argument_text
from monai_boundary.ops.plain_tensor import plain_tensor


class CompoundLoss(nn.Module):
    """The weighted sum of named losses, of MONAI, of this library or your own.

    After each call ``terms`` holds every term as it is, detached and unweighted, under its name, and its weight under
    ``weight_{name}``, so that a training log shows them apart (`monai_boundary.handlers.LossTerms`). A loss that has
    ``terms`` itself adds them as ``{name}.{its name}``. A term of weight 0 is not computed, and absent.

    The weights are plain numbers in ``weights``; `set_weights` changes them, by hand or by a schedule
    (`RebalanceSchedule`, ..., `monai_boundary.handlers.LossWeightHandler`). They are part of ``state_dict()``.

    Args:
        losses: name -> loss, called as ``loss(input, target, **targets)``, which gives a scalar.
        weights: name -> weight; 1 for those not named.
        schedule: gives the weights from the epoch; `set_step` applies it. The weights before the first step are its
            weights at 0.

    Raises:
        ValueError: if there is no term, a name is no identifier, or a weight is for no term, negative or not finite.
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
    """

    def __init__(
        self,
        losses: Mapping[str, Callable[..., Tensor]],
        weights: Mapping[str, float] | None = None,
        schedule: Callable[[int], Mapping[str, float]] | None = None,
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
        if weights:
            self.set_weights(weights)
        if schedule is not None:
            self.set_step(0)

    @property
    def target_names(self) -> frozenset[str] | None:
        """Keywords of the precomputed targets that some term takes; None where one takes any."""
        return None if None in self._accepts.values() else frozenset().union(*filter(None, self._accepts.values()))

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """Change the weights of the terms that are named.

        Raises:
            ValueError: if a name is no term, or a weight is negative or not finite.
        """
        for name, weight in weights.items():
            if name not in self.weights:
                raise ValueError(f"`weights` needs names of terms, {', '.join(self.weights)}, got {name!r}.")
            check_positive(f"weights[{name!r}]", weight, zero=True)
        self.weights.update({name: float(weight) for name, weight in weights.items()})

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
        terms: dict[str, Tensor] = {}
        total: Tensor | None = None
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
            terms[name] = value.detach()
            terms[f"weight_{name}"] = torch.full_like(terms[name], weight)
            for own, term in getattr(loss, "terms", {}).items():
                terms[f"{name}.{own}"] = term
            total = weight * value if total is None else total + weight * value
        if total is None:
            raise ValueError(f"`weights` needs one above 0, got {self.weights}.")
        self.terms = terms
        return total

    def _check_targets(self, targets: Mapping[str, Any]) -> None:
        for key in targets:
            if not any(accepted is None or key in accepted for accepted in self._accepts.values()):
                raise ValueError(f"`{key}` needs a term that takes it, got {', '.join(self.weights)}.")

    def extra_repr(self) -> str:
        """Return weights, schedule, and the terms that are functions, for a printed loss."""
        functions = [f"{name}={argument_text(loss)}" for name, loss in self._plain.items()]
        return ", ".join([*functions, f"weights={self.weights}", f"schedule={argument_text(self.schedule)}"])

    def get_extra_state(self) -> dict[str, float]:
        """Return the weights, for ``state_dict()``."""
        return dict(self.weights)

    def set_extra_state(self, state: Mapping[str, float]) -> None:
        """Take the weights of a ``state_dict()``."""
        self.set_weights(state)


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
