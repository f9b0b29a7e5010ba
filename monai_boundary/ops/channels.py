# SPDX-License-Identifier: Apache-2.0
"""Which channels of a prediction a loss compares with which channels of the label."""

from __future__ import annotations

from torch import Tensor

from monai_boundary.ops.class_masks import target_masks


def select_channels(
    input: Tensor,
    target: Tensor,
    include_background: bool = True,
    to_onehot_y: bool = False,
) -> tuple[Tensor, Tensor]:
    """Bring the target to one channel per class and leave the background out where asked.

    Args:
        input: (B, C, spatial).
        target: (B, C, spatial), or labels (B, 1, spatial) with ``to_onehot_y``.
        include_background: keep channel 0. A prediction of one channel has no background channel, and it is kept.
        to_onehot_y: turn labels 0..C-1 into C channels.

    Returns:
        Both, (B, C, spatial), or (B, C - 1, spatial) without background.

    Raises:
        ValueError: if a label to be made one-hot is not an integer in 0..C-1, or there is one channel to compare with.

    Example:
        >>> import torch
        >>> label = torch.tensor([[[[0, 1, 2]]]])
        >>> scores, target = select_channels(torch.zeros(1, 3, 1, 3), label, include_background=False, to_onehot_y=True)
        >>> target[0, :, 0].int()
        tensor([[0, 1, 0],
                [0, 0, 1]], dtype=torch.int32)
    """
    channels = input.shape[1]
    if to_onehot_y:
        if channels == 1:
            raise ValueError("`to_onehot_y` needs a prediction of at least 2 channels, got 1.")
        target = target_masks(target, channels).float()
    if not include_background and channels > 1:
        input = input[:, 1:]
        if target.shape[1] == channels:
            target = target[:, 1:]
    return input, target
