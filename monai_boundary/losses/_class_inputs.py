# SPDX-License-Identifier: Apache-2.0
"""What losses of class probabilities share: from arguments as MONAI names them to probabilities and masks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from monai_boundary._validation import check_same_shape, check_spatial_dims
from monai_boundary.losses.signed_distance import _true_masks
from monai_boundary.ops.activation import clamp_to_unit, to_probabilities
from monai_boundary.ops.class_masks import counted_voxels


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

    Raises:
        ValueError: if shapes do not fit, the target is not one-hot (or holds indices outside 0..C-1), or there is one
            channel where two are needed.
    """
    scores, truth = (torch.as_tensor(x).as_subclass(Tensor) for x in (input, target))  # no MetaTensor in, none out
    check_spatial_dims("input", scores.ndim - 2)
    classes = scores.shape[1]
    if classes == 1 and (to_onehot_y or not include_background):
        option = "to_onehot_y" if to_onehot_y else "include_background=False"
        raise ValueError(f"`{option}` needs a prediction of at least 2 channels, got 1.")
    wanted = (len(scores), 1, *scores.shape[2:]) if to_onehot_y else tuple(scores.shape)
    check_same_shape("target", truth.shape, "input, with one channel" if to_onehot_y else "input", wanted)
    counted = None if mask is None else counted_voxels(mask, scores)
    with torch.autocast(scores.device.type, enabled=False):
        scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
        probability = to_probabilities(scores, sigmoid, softmax, other_act)
        if not (sigmoid or softmax):
            probability = clamp_to_unit(probability)
        masks = _true_masks(truth, counted, classes if to_onehot_y else None)
    first = 0 if include_background else 1
    return probability[:, first:], masks[:, first:], counted


def reduce_values(each: Tensor, reduction: str) -> Tensor:
    """Return the mean or the sum of the values, or the values themselves."""
    if reduction == "none":
        return each
    return each.mean() if reduction == "mean" else each.sum()
