# SPDX-License-Identifier: Apache-2.0
"""The schedules of the boundary loss by name, for a bundle's configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.optim.lr_scheduler import PolynomialLR

from monai_boundary._validation import check_choice
from monai_boundary.losses import ConstantSchedule, CosineSchedule, IncreaseSchedule, RebalanceSchedule

SCHEDULES = ("rebalance", "increase", "constant", "cosine")


def loss_schedule(
    name: str, alpha: float = 0.01, step: float = 0.01, epochs: int = 100
) -> Callable[[int], dict[str, float]]:
    """Return the schedule of the weights of ``region`` and ``boundary`` over the epochs.

    Args:
        name: ``"rebalance"``, ``"increase"``, ``"constant"`` (see `monai_boundary.losses.RebalanceSchedule` and its
            neighbours) or ``"cosine"`` (to 1 over all epochs).
        alpha: weight of the boundary term in the first epoch; with ``"constant"`` in all of them, and 0 switches it
            off.
        step: what it gains in each epoch, with ``"rebalance"`` and ``"increase"``.
        epochs: of the training, for ``"cosine"``.

    Raises:
        ValueError: if the name is another, or a number is out of range.

    Example:
        >>> loss_schedule("increase", alpha=0.01, step=0.01)(99)
        {'region': 1.0, 'boundary': 1.0}
    """
    check_choice("schedule", name, SCHEDULES)
    if name == "constant":
        return ConstantSchedule(alpha)
    if name == "cosine":
        return CosineSchedule(epochs, start=alpha)
    return (RebalanceSchedule if name == "rebalance" else IncreaseSchedule)(alpha, step)


class PolynomialRate(PolynomialLR):
    """``PolynomialLR``, (1 - epoch / total_iters)^power of the base rate, of a training that can grow longer.

    PyTorch's goes on from the rate that it has reached, which is 0 at the end, and takes the number of epochs from the
    checkpoint. Here the rate follows from the epoch and from ``total_iters`` of this run.

    Args:
        optimizer: whose rates it sets.
        total_iters: epochs of the training; at their end the rate is 0.
        power: of the decay.
        last_epoch: the epoch before the first, as in PyTorch.

    Example:
        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        >>> rate = PolynomialRate(optimizer, total_iters=4, power=1.0)
        >>> optimizer.step(); rate.step(); rate.get_last_lr()
        [0.75]
    """

    def get_lr(self) -> list[Any]:
        """Return the rates of the epoch."""
        return list(self._get_closed_form_lr())

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take all but the number of epochs from a checkpoint, and set the optimizer's rates to those of its epoch."""
        super().load_state_dict({**state_dict, "total_iters": self.total_iters, "power": self.power})
        for group, rate in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
            group["lr"] = rate
