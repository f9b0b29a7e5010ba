# SPDX-License-Identifier: Apache-2.0
"""Binary cross-entropy that gives the rare voxels (edges) the weight of the many others."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from monai_boundary._validation import check_choice
from monai_boundary.losses._base import ClassLoss, entropy_inputs
from monai_boundary.ops.activation import voxel_cross_entropy

BALANCES = ("sample", "batch")


def balanced_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    mask: Tensor | None = None,
    include_background: bool = True,
    to_onehot_y: bool = False,
    sigmoid: bool = False,
    softmax: bool = False,
    other_act: Callable[[Tensor], Tensor] | None = None,
    balance: str = "sample",
) -> Tensor:
    """The balanced cross-entropy of every item and channel, by the equation of `BalancedBCELoss`.

    Args:
        input: logits or probabilities, (B, C, H, W[, D]).
        target: edges, 0 or 1 (or between: a share of both), (B, C, spatial); or labels (B, 1, spatial) with
            ``to_onehot_y``.
        mask: (B, 1, spatial), voxels that count (> 0), in the balance and in the mean.
        include_background: use channel 0 too. A lone channel is no background, and is kept.
        to_onehot_y: turn a label (B, 1, spatial) into one channel per class.
        sigmoid: ``input`` holds logits.
        softmax: ``input`` holds logits of exclusive channels.
        other_act: gives probabilities from ``input``.
        balance: beta of each item and channel (``"sample"``), or of each channel over the whole ``"batch"``.

    Returns:
        (B, C), or (B, C - 1) without the background.

    Raises:
        ValueError: if shapes do not fit, the target is not within [0, 1], or probabilities are NaN.

    Example:
        >>> import torch
        >>> edge = torch.tensor([[[[0.0, 0, 0, 1]]]])
        >>> balanced_cross_entropy(torch.zeros(1, 1, 1, 4), edge, sigmoid=True) / torch.tensor(2.0).log()
        tensor([[0.3750]])
    """
    check_choice("balance", balance, BALANCES)
    scores, truth, counted = entropy_inputs(
        input,
        target,
        mask,
        include_background=include_background,
        to_onehot_y=to_onehot_y,
        sigmoid=sigmoid,
        softmax=softmax,
        other_act=other_act,
    )
    with torch.autocast(scores.device.type, enabled=False):
        axes = list(range(2, truth.ndim)) if balance == "sample" else [0, *range(2, truth.ndim)]
        beta = 1 - _mean(truth, counted, axes)
        beta = torch.where((beta > 0) & (beta < 1), beta, 0.5)
        weights = beta * truth + (1 - beta) * (1 - truth)
        values = weights * voxel_cross_entropy(scores, truth, sigmoid)
        return _mean(values, counted, list(range(2, truth.ndim))).flatten(1)


class BalancedBCELoss(ClassLoss):
    r"""Balanced binary cross-entropy: the few edge voxels weigh as much as the many others.

    .. math:: L = -\frac{1}{N} \Big( \beta \sum_{j : g_j = 1} \log u_j + (1 - \beta) \sum_{j : g_j = 0} \log(1 - u_j)
        \Big)

    with :math:`\beta` the share of voxels that are *not* edge (Hatamizadeh et al., "End-to-End Boundary Aware
    Networks", Eq. 5). The paper's text says that y+ is the edge set and y- the other, and names them the other way
    round in the same sentence; it is the edges, the rare ones, that :math:`\beta` (near 1) belongs to. The paper sums
    over the voxels; the mean keeps the weight of the term independent of the image's size.

    0 for a perfect prediction. Where an item has no edge at all (or nothing else) there is nothing to balance, and the
    side that is there keeps the half that balance gives it: ``beta`` is 1/2. By the formula it would be 1, and no false
    alarm would cost anything. With ``balance="batch"`` the other items of the batch give the balance.

    Args:
        include_background: use channel 0 too. A prediction of one channel has no background channel, and it is kept.
        to_onehot_y: turn a label (B, 1, spatial) into one channel per class.
        sigmoid: ``input`` holds logits.
        softmax: ``input`` holds logits of exclusive channels.
        other_act: gives probabilities from ``input``.
        balance: beta of each item and channel (``"sample"``), or of each channel over the whole ``"batch"``.
        reduction: ``mean``, ``sum`` over items and channels, or ``none``: (B, C).

    Raises:
        ValueError: if an option is not among those named, or several activations are asked for.

    Example:
        >>> import torch
        >>> edge = torch.zeros(1, 1, 8, 8)
        >>> edge[..., 3] = 1
        >>> loss = BalancedBCELoss(sigmoid=True)
        >>> missed, alarm = -9 * torch.ones(1, 1, 8, 8), 9 * torch.ones(1, 1, 8, 8)
        >>> round(float(loss(missed, edge)), 2), round(float(loss(alarm, edge)), 2)
        (0.98, 0.98)
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[Tensor], Tensor] | None = None,
        balance: str = "sample",
        reduction: str = "mean",
    ) -> None:
        super().__init__(include_background, to_onehot_y, sigmoid, softmax, other_act, reduction)
        check_choice("balance", balance, BALANCES)
        self.balance = balance

    def forward(self, input: Tensor, target: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """Return the loss.

        Args:
            input: (B, C, H, W[, D]).
            target: edges, 0 or 1 (or between: a share of both), (B, C, spatial); or labels (B, 1, spatial) with
                ``to_onehot_y``.
            mask: (B, 1, spatial), voxels that count (> 0), in the balance and in the mean. An item without any counts
                0.

        Raises:
            ValueError: if shapes differ or are not those of 2-D or 3-D images, or the target is not within [0, 1].

        Warns:
            UserWarning: if probabilities are expected and values outside [0, 1] came; they are clamped.
        """
        loss = balanced_cross_entropy(input, target, mask=mask, balance=self.balance, **self.class_options)
        return self._reduced(loss)


def _mean(values: Tensor, counted: Tensor | None, axes: list[int]) -> Tensor:
    """The mean over the voxels that count, or over all, with the axes kept; 0 of none."""
    if counted is None:
        return values.mean(dim=axes, keepdim=True)
    total = torch.where(counted, values, 0).sum(dim=axes, keepdim=True)
    return total / counted.sum(dim=axes, keepdim=True).clamp(min=1)
