# SPDX-License-Identifier: Apache-2.0
"""One boolean mask per class, from index labels or one-hot labels, with the checks that both need."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_boundary._validation import check_same_shape

_HINT = 'Was it resampled linearly? Use mode="nearest", and not lazy=True, which ignores the mode.'


def class_masks(label: Tensor, num_classes: int | None = None, ignore_index: int | None = None) -> Tensor:
    """Return one mask per class.

    Args:
        label: class indices (B, 1, spatial) when ``num_classes`` is given, else 0/1 per class (B, C, spatial), which
            may overlap (nested regions).
        num_classes: number of classes C, background included.
        ignore_index: a value of an index label that belongs to no class: its voxels are in none of the masks.

    Returns:
        boolean masks (B, C, spatial).

    Raises:
        ValueError: if the label holds fractions, NaN or indices outside 0..C-1, has more than one channel where
            indices are expected, or anything but 0 and 1 where one-hot is expected.

    Example:
        >>> class_masks(torch.tensor([[[[0, 2, 255]]]]), num_classes=3, ignore_index=255).int().tolist()
        [[[[1, 0, 0]], [[0, 0, 0]], [[0, 1, 0]]]]
    """
    plain = torch.as_tensor(label).as_subclass(Tensor)
    if num_classes is None:
        return _one_hot_masks(plain, ignore_index)
    if num_classes < 2:
        raise ValueError(
            f"`num_classes` needs at least 2 (the background counts), got {num_classes}: leave it out for a mask of 0 "
            "and 1 in one channel."
        )
    if plain.shape[1] != 1:
        raise ValueError(f"`label` needs one channel of class indices for `num_classes`, got {plain.shape[1]}.")
    classes = torch.arange(num_classes, device=plain.device).view(1, -1, *(1,) * (plain.ndim - 2))
    masks = plain == classes
    known = masks.any(dim=1, keepdim=True)
    if ignore_index is not None:
        known |= plain == ignore_index
        if 0 <= ignore_index < num_classes:
            masks &= plain != ignore_index
    if not bool(known.all()):
        value = float(plain[~known][0])
        ignored = "" if ignore_index is None else f", or {ignore_index}"
        hint = f" {_HINT}" if value % 1 else " Give `ignore_index` for a value that is no class."
        raise ValueError(f"`label` needs integer class indices 0..{num_classes - 1}{ignored}, got {value:g}.{hint}")
    return masks


def _one_hot_masks(label: Tensor, ignore_index: int | None) -> Tensor:
    if ignore_index is not None:
        raise ValueError(f"`ignore_index` needs an index label and `num_classes`, got {ignore_index} without it.")
    if label.dtype == torch.bool:
        return label
    masks = label == 1
    wrong = ~(masks | (label == 0))  # also true for NaN
    if bool(wrong.any()):
        value = float(label[wrong][0])
        hint = _HINT if value % 1 else "Give the number of classes where the label holds class indices."
        raise ValueError(f"`label` needs 0 and 1 in one channel per class (one-hot), got {value:g}. {hint}")
    return masks


def counted_voxels(mask: Tensor, scores: Tensor) -> Tensor:
    """Return which voxels of a prediction count, (B, 1, spatial), boolean: those where the mask is above 0.

    Args:
        mask: (B, 1, spatial), any dtype.
        scores: the prediction, (B, C, spatial).

    Raises:
        ValueError: if the mask has another shape.

    Example:
        >>> counted_voxels(torch.tensor([[[[0, 1, 255]]]]), torch.zeros(1, 4, 1, 3)).tolist()
        [[[[False, True, True]]]]
    """
    given = torch.as_tensor(mask).as_subclass(Tensor)
    check_same_shape("mask", given.shape, "input, with one channel", (len(scores), 1, *scores.shape[2:]))
    return given > 0
