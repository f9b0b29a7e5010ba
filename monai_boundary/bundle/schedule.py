# SPDX-License-Identifier: Apache-2.0
"""The schedules of the boundary loss by name, for a bundle's configuration."""

from __future__ import annotations

from collections.abc import Callable

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
