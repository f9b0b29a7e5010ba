# SPDX-License-Identifier: Apache-2.0
"""Precomputed targets for MONAI's ``SupervisedTrainer``, by configuration alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from monai.engines.utils import default_prepare_batch


class LossWithTargets:
    """Hand the batch's precomputed targets to a loss as keywords.

    MONAI's ``SupervisedTrainer`` calls ``loss(pred, label)`` and knows no third argument. This object is both its
    ``prepare_batch`` and its ``loss_function``: the first takes the extra targets out of the batch and moves them to
    the device, the second hands them to the loss and forgets them. ``engine.state.output["label"]`` stays the tensor
    that MONAI's own handlers expect. It is deliberately no ``Module``: move, save and schedule ``loss`` itself.

    Args:
        loss: called as ``loss(pred, label, **targets)``.
        targets: keyword of the loss -> key of the batch, for example ``{"seeds": "seeds_label"}``.
        prepare: what takes image and label out of the batch, MONAI's default unless given. It may return
            ``(image, label)`` or ``(image, label, args, kwargs)``.

    Raises:
        ValueError: from ``prepare_batch``, if a key of ``targets`` is missing from the batch.
        TypeError: from ``prepare_batch``, if the batch is not a mapping.

    Example:
        >>> import torch
        >>> def loss(pred, label, *, weight):
        ...     return (weight * (pred - label) ** 2).mean()
        >>> with_targets = LossWithTargets(loss, {"weight": "label_weight"})
        >>> batch = {"image": torch.zeros(1, 1, 2, 2), "label": torch.ones(1, 1, 2, 2)}
        >>> batch["label_weight"] = torch.full((1, 1, 2, 2), 3.0)
        >>> image, label = with_targets.prepare_batch(batch)
        >>> with_targets(image, label)
        tensor(3.)

    In a bundle::

        trainer:
          _target_: SupervisedTrainer
          loss_function: "@loss_with_targets"
          prepare_batch: "$@loss_with_targets.prepare_batch"
    """

    def __init__(
        self,
        loss: Callable[..., torch.Tensor],
        targets: Mapping[str, str],
        prepare: Callable[..., Any] = default_prepare_batch,
    ) -> None:
        if not callable(loss):
            raise TypeError(f"`loss` needs a callable, got {type(loss).__name__}.")
        self.loss = loss
        self.targets = dict(targets)
        self.prepare = prepare
        self._waiting: dict[str, Any] = {}

    def prepare_batch(
        self,
        batchdata: Mapping[str, Any],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Return image and label as MONAI does, and keep the targets for the next call of the loss.

        ``kwargs`` are those of ``Tensor.to``; a ``dtype`` among them is for images, not for integer targets.
        """
        if not isinstance(batchdata, Mapping):
            raise TypeError(f"`batchdata` needs a dictionary with {self._names()}, got {type(batchdata).__name__}.")
        missing = [key for key in self.targets.values() if key not in batchdata]
        if missing:
            raise ValueError(
                f"the loss needs {self._names()} in the batch, missing: {', '.join(map(repr, missing))}. "
                f"The batch has: {', '.join(repr(k) for k in batchdata)}. Add the transform that makes the targets."
            )
        waiting = {}
        for keyword, key in self.targets.items():
            value = batchdata[key]
            if isinstance(value, torch.Tensor):
                to = kwargs if value.is_floating_point() else {k: v for k, v in kwargs.items() if k != "dtype"}
                value = value.to(device=device, non_blocking=non_blocking, **to)
            waiting[keyword] = value
        prepared = self.prepare(batchdata, device, non_blocking, **kwargs)
        self._waiting = waiting
        return prepared

    def __call__(self, pred: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Return ``loss(pred, label, **targets)`` with the targets of the last prepared batch, once.

        Without a prepared batch the loss is called with the label alone, and derives what it needs.
        """
        targets, self._waiting = self._waiting, {}
        return self.loss(pred, label, **targets)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the waiting batch, so that a pickle holds the loss only."""
        return {**self.__dict__, "_waiting": {}}

    def _names(self) -> str:
        return ", ".join(repr(key) for key in self.targets.values())
