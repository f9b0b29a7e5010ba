# SPDX-License-Identifier: Apache-2.0
"""Losses of single voxels (cross-entropy, focal) as a mean over the voxels that count."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from monai_boundary.ops.class_masks import counted_voxels
from monai_boundary.ops.plain_tensor import plain_tensor


class VoxelMean(nn.Module):
    """The mean of a loss's values over the voxels that count.

    Args:
        values: called as ``values(input, target)``, gives (B, channels, spatial).
    """

    def __init__(self, values: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.values = values

    def forward(self, input: Tensor, target: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """Return the mean; of no voxel at all it is 0.

        Args:
            input: logits (B, C, spatial).
            target: what the loss takes for its target. Voxels that do not count may hold any value (255).
            mask: (B, 1, spatial), voxels that count (> 0).
        """
        scores, truth = plain_tensor(input), plain_tensor(target)
        with torch.autocast(scores.device.type, enabled=False):
            scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
            if mask is None:
                return self.values(scores, truth).mean()
            counted = counted_voxels(mask, scores)
            values = self.values(scores, torch.where(counted, truth, 0))
            counted = counted.expand_as(values)
            return torch.where(counted, values, 0).sum() / counted.sum().clamp(min=1)


def cross_entropy(scores: Tensor, truth: Tensor) -> Tensor:
    """Return the cross-entropy of exclusive classes in every voxel, (B, 1, spatial).

    Args:
        scores: logits (B, C, spatial).
        truth: class indices (B, 1, spatial).
    """
    return F.cross_entropy(scores, truth[:, 0].long(), reduction="none")[:, None]


def binary_cross_entropy(scores: Tensor, truth: Tensor) -> Tensor:
    """Return the cross-entropy of independent channels in every voxel, (B, C, spatial).

    Args:
        scores: logits (B, C, spatial).
        truth: 0 or 1, same shape.
    """
    return F.binary_cross_entropy_with_logits(scores, truth.to(scores.dtype), reduction="none")
