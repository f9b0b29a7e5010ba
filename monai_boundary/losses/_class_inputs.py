# SPDX-License-Identifier: Apache-2.0
"""What losses of class probabilities share: from arguments as MONAI names them to probabilities and masks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from monai_boundary._validation import check_image_batch, check_same_shape
from monai_boundary.ops.activation import clamp_to_unit, to_probabilities
from monai_boundary.ops.class_masks import counted_voxels, target_masks
from monai_boundary.ops.plain_tensor import plain_tensor

REDUCTIONS = ("mean", "sum", "none")


def plain_inputs(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return prediction and target as plain tensors (no MetaTensor in, none out).

    Raises:
        ValueError: if the prediction is not that of at least one 2-D or 3-D image.
    """
    scores = plain_tensor(input)
    check_image_batch("input", scores.shape)
    return scores, plain_tensor(target)


def class_inputs(
    input: Tensor,
    target: Tensor,
    mask: Tensor | None,
    *,
    include_background: bool = True,
    to_onehot_y: bool = False,
    sigmoid: bool = False,
    softmax: bool = False,
    other_act: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return probabilities (B, C, spatial), true masks of the same shape, and the voxels that count (B, 1, spatial).

    A prediction of one channel has no background channel, and it is kept also without ``include_background``.

    Raises:
        ValueError: if shapes do not fit, the target is not one-hot (or holds indices outside 0..C-1), or there is one
            channel and ``to_onehot_y``.
    """
    scores, truth = plain_inputs(input, target)
    classes = scores.shape[1]
    if classes == 1 and to_onehot_y:
        raise ValueError("`to_onehot_y` needs a prediction of at least 2 channels, got 1.")
    wanted = (len(scores), 1, *scores.shape[2:]) if to_onehot_y else tuple(scores.shape)
    check_same_shape("target", truth.shape, "input, with one channel" if to_onehot_y else "input", wanted)
    counted = None if mask is None else counted_voxels(mask, scores)
    with torch.autocast(scores.device.type, enabled=False):
        scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
        probability = to_probabilities(scores, sigmoid, softmax, other_act)
        if not (sigmoid or softmax):
            probability = clamp_to_unit(probability)
        masks = target_masks(truth, classes if to_onehot_y else None, counted)
    first = first_class(classes, include_background)
    return probability[:, first:], masks[:, first:], counted


def first_class(channels: int, include_background: bool) -> int:
    """Return the first channel that is compared: 1 where the background is left out and there are others."""
    return 0 if include_background or channels == 1 else 1


def reduce_values(each: Tensor, reduction: str) -> Tensor:
    """Return the mean or the sum of the values, or the values themselves."""
    if reduction == "none":
        return each
    return each.mean() if reduction == "mean" else each.sum()
