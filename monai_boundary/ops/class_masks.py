# SPDX-License-Identifier: Apache-2.0
"""One boolean mask per class, from index labels or one-hot labels, with the checks that both need."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from monai_boundary._validation import check_same_shape
from monai_boundary.ops.label_values import LABEL_TOLERANCE
from monai_boundary.ops.plain_tensor import plain_tensor

_HINT = 'Was it resampled linearly? Use mode="nearest", and not lazy=True, which ignores the mode.'
_NEAR = 1.01 * LABEL_TOLERANCE  # float32 has no 1.001


class _Words(NamedTuple):
    """What the errors call the label, and the options that its caller has."""

    name: str
    unknown: str
    indices: str


_LABEL = _Words(
    "label", "Give `ignore_index` for a value that is no class.", "Give `num_classes` for a label of class indices."
)
_TARGET = _Words(
    "target",
    "Voxels that are of no class need a `mask` that leaves them out.",
    "Set `to_onehot_y=True` for class indices; voxels that are of no class need a `mask` that leaves them out.",
)
_TARGET_OF_ALL = _Words(
    "target",
    "Every voxel needs a class: this loss leaves none out.",
    "Set `to_onehot_y=True` for class indices.",
)


def class_masks(label: Tensor, num_classes: int | None = None, ignore_index: int | None = None) -> Tensor:
    """Return one mask per class.

    Inside `torch.compile` the values are not checked, for that would wait for the device: a voxel with a value that is
    no class is in none of the masks.

    Args:
        label: class indices (B, 1, spatial) when ``num_classes`` is given, else 0/1 per class (B, C, spatial), which
            may overlap (nested regions). Any dtype; a float near a whole number is that number, by the rule of
            `monai_boundary.ops.whole_label`.
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
    return _checked_masks(plain_tensor(label), num_classes, ignore_index, _LABEL)


def target_masks(
    target: Tensor, num_classes: int | None = None, counted: Tensor | None = None, *, maskable: bool = True
) -> Tensor:
    """Return one mask per class of a loss's target, whose errors speak of `target`, `to_onehot_y` and `mask`.

    Args:
        target: class indices (B, 1, spatial) when ``num_classes`` is given, else 0/1 per class (B, C, spatial).
        num_classes: number of classes C, background included.
        counted: boolean, (B, 1, spatial): the other voxels are in no mask, and may hold any value.
        maskable: the loss takes a ``mask``, and an error may advise it.

    Returns:
        boolean masks (B, C, spatial).

    Raises:
        ValueError: as `class_masks`.

    Example:
        >>> target_masks(torch.tensor([[[[0, 1, 255]]]]), 2, torch.tensor([[[[True, True, False]]]])).int().tolist()
        [[[[1, 0, 0]], [[0, 1, 0]]]]
    """
    plain = plain_tensor(target)
    if counted is None:
        return _checked_masks(plain, num_classes, None, _TARGET if maskable else _TARGET_OF_ALL)
    return _checked_masks(torch.where(counted, plain, 0), num_classes, None, _TARGET) & counted


def _checked_masks(label: Tensor, num_classes: int | None, ignore_index: int | None, words: _Words) -> Tensor:
    if num_classes is None and ignore_index is not None:
        raise ValueError(f"`ignore_index` needs an index label and `num_classes`, got {ignore_index} without it.")
    if num_classes is not None and num_classes < 2:
        raise ValueError(
            f"`num_classes` needs at least 2 (the background counts), got {num_classes}: leave it out for a mask of 0 "
            "and 1 in one channel."
        )
    if num_classes is not None and label.shape[1] != 1:
        raise ValueError(f"`{words.name}` needs one channel of class indices, got {label.shape[1]}.")
    if num_classes is None and label.dtype == torch.bool:
        return label
    if torch.compiler.is_compiling():
        return _masks_and_known(_whole(label), num_classes, ignore_index)[0]
    masks, known = _masks_and_known(label, num_classes, ignore_index)
    if not bool(known.all()) and label.is_floating_point():
        label = _whole(label)
        masks, known = _masks_and_known(label, num_classes, ignore_index)
    if not bool(known.all()):
        value = float(label[~known][0])
        if num_classes is None:
            hint = _HINT if value % 1 else words.indices
            need = "0 and 1 in one channel per class (one-hot)"
        else:
            hint = _HINT if value % 1 else words.unknown
            need = f"integer class indices 0..{num_classes - 1}" + (
                "" if ignore_index is None else f", or {ignore_index}"
            )
        raise ValueError(f"`{words.name}` needs {need}, got {value:g}. {hint}")
    return masks


def _masks_and_known(label: Tensor, num_classes: int | None, ignore_index: int | None) -> tuple[Tensor, Tensor]:
    """The masks, and where the label holds a value that it may hold."""
    if num_classes is None:
        masks = label == 1
        return masks, masks | (label == 0)  # false for NaN
    classes = torch.arange(num_classes, device=label.device).view(1, -1, *(1,) * (label.ndim - 2))
    masks = label == classes
    known = masks.any(dim=1, keepdim=True)
    if ignore_index is not None:
        known = known | (label == ignore_index)
        if 0 <= ignore_index < num_classes:
            masks &= label != ignore_index
    return masks, known


def _whole(label: Tensor) -> Tensor:
    """The label with what is nearly a whole number made one."""
    if not label.is_floating_point():
        return label
    wide = label.to(torch.promote_types(label.dtype, torch.float32))
    whole = wide.round()
    return torch.where((wide - whole).abs() <= _NEAR, whole, wide)


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
    given = plain_tensor(mask)
    check_same_shape("mask", given.shape, "input, with one channel", (len(scores), 1, *scores.shape[2:]))
    return given > 0
