# SPDX-License-Identifier: Apache-2.0
"""The Sobel baseline of the SEMEDA paper: gradients of every class by fixed kernels."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_boundary.losses._base import ClassLoss

_BLOCK = 2**16  # voxels whose gradients are worked on at a time, so that they stay in the processor's cache


class SobelEdgeLoss(ClassLoss):
    """The mean absolute difference of the Sobel gradients of prediction and truth, each class by itself.

    The baseline that Chen et al. 2020 (section 4.1) compare SEMEDA with. For each axis the kernel is (-1, 0, 1) along
    it and (1, 2, 1) / 4 along the others, so that a step of 1 has the gradient 1 in 2-D and in 3-D; the paper's kernels
    are not normalised (4 times as large in 2-D), and its best weight, 4, is 16 here. The image's frame is repeated: it
    is no edge. Mean over axes and voxels. 0 for a perfect prediction, and for one that differs by a constant.

    With a mask, the gradient is not known where a kernel meets a voxel that does not count: the mean is over the rest,
    so that the rim of an ignored area is no edge.

    Args:
        include_background: use channel 0 too. A prediction of one channel has no background channel, and it is kept.
        to_onehot_y: the target is class indices (B, 1, spatial).
        sigmoid: ``input`` holds logits of independent channels.
        softmax: ``input`` holds logits of exclusive classes.
        other_act: gives probabilities from ``input``.
        reduction: ``mean``, ``sum`` over items and classes, or ``none``: (B, C).

    Raises:
        ValueError: if the reduction is unknown, or several activations are asked for.

    Example:
        >>> import torch
        >>> label = torch.zeros(1, 1, 8, 8)
        >>> label[..., 4:] = 1
        >>> loss = SobelEdgeLoss()
        >>> float(loss(label, label)), float(loss(0 * label, label))  # 2 of 8 columns, one of 2 axes
        (0.0, 0.125)
    """

    def _values(self, probability: Tensor, masks: Tensor, counted: Tensor | None) -> Tensor:
        """Return the mean of each item and class, (B, C)."""
        apart = probability - masks.to(probability.dtype)  # the gradients are linear
        seen = None
        if counted is not None:
            apart = torch.where(counted, apart, 0)
            seen = ~_grown(~counted)
        padded = F.pad(apart, [1] * 2 * (apart.ndim - 2), mode="replicate")
        sums = edge_sums if torch.compiler.is_compiling() else _StreamedEdgeSums.apply
        voxels = apart[0, 0].numel() if seen is None else seen.flatten(2).sum(-1).clamp(min=1)
        total: Tensor = sums(padded, seen) / (voxels * (apart.ndim - 2))
        return total


def edge_sums(padded: Tensor, seen: Tensor | None = None) -> Tensor:
    """Return the sum over axes and voxels of the absolute Sobel gradient, (B, C).

    Args:
        padded: field (B, C, spatial) with one voxel more on each side.
        seen: boolean, (B, 1, spatial): voxels that count.

    Example:
        >>> field = torch.tensor([[[[0.0, 0, 1, 1]] * 3]])  # one voxel is inside: its gradient along the last axis is 1
        >>> edge_sums(field)
        tensor([[2.]])
    """
    ndim = padded.ndim - 2
    total = padded.new_zeros(padded.shape[:2])
    for axis in range(ndim):
        found = padded
        for a in range(ndim):
            low, high = (found.narrow(a + 2, start, found.shape[a + 2] - 2) for start in (0, 2))
            middle = found.narrow(a + 2, 1, found.shape[a + 2] - 2)
            found = high - low if a == axis else (low + high) * 0.25 + middle * 0.5
        if seen is not None:
            found = torch.where(seen, found, 0)
        total = total + found.abs().flatten(2).sum(-1)
    return total


class _StreamedEdgeSums(torch.autograd.Function):
    """`edge_sums` block by block with the gradient alongside; it is piecewise linear, so there is no curvature."""

    @staticmethod
    def forward(ctx: Any, padded: Tensor, seen: Tensor | None) -> Tensor:
        wanted = ctx.needs_input_grad[0]
        gradient = torch.zeros_like(padded) if wanted else None
        total = padded.new_zeros(padded.shape[:2])
        length = padded.shape[2] - 2
        rows = max(1, _BLOCK // max(1, padded[0, 0, 0].numel()))
        for item, channel in torch.cartesian_prod(*map(torch.arange, padded.shape[:2])).tolist():
            for start in range(0, length, rows):
                stop = min(start + rows, length)
                place = (slice(item, item + 1), slice(channel, channel + 1), slice(start, stop + 2))
                known = None if seen is None else seen[item : item + 1, :, start:stop]
                with torch.set_grad_enabled(wanted):
                    block = padded[place].detach().requires_grad_(wanted)
                    found = edge_sums(block, known)
                    if gradient is not None:
                        gradient[place] += torch.autograd.grad(found.sum(), block)[0]
                total[item, channel] += found.detach().sum()
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * upstream.view(*upstream.shape, *(1,) * (gradient.ndim - 2)), None


def _grown(mask: Tensor) -> Tensor:
    """The voxels within one step of the mask, over corners too."""
    pool = F.max_pool2d if mask.ndim == 4 else F.max_pool3d
    return pool(mask.float(), 3, 1, 1) > 0
