# SPDX-License-Identifier: Apache-2.0
"""Lovasz-softmax: the Jaccard loss made convex by its Lovasz extension."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from monai_boundary._validation import check_choice
from monai_boundary.losses._base import ClassLoss

CLASSES = ("present", "all")


def lovasz_extension(errors: Tensor, masks: Tensor) -> Tensor:
    """Return the Lovasz extension of the Jaccard loss at the errors of each row.

    The errors, sorted from the largest on, weigh as much as each adds to the Jaccard loss (1 - intersection over union)
    of the voxels taken so far as wrong (Berman et al. 2018, Eq. 8-9, Algorithm 1). For errors of 0 and 1 it is the
    Jaccard loss itself. Equal errors are taken in the order of the array: the value is the same in any order.

    Args:
        errors: ``|g - s|`` in [0, 1], (..., voxels).
        masks: truth, boolean, same shape.

    Returns:
        (...). Where the truth is empty, the largest error. Differentiable.

    Example:
        >>> import torch
        >>> truth = torch.tensor([[True, True, False, False]])
        >>> wrong = torch.tensor([[0.0, 1.0, 1.0, 0.0]])  # 1 voxel in the intersection, 3 in the union
        >>> round(float(lovasz_extension(wrong, truth)), 4)
        0.6667
    """
    found = torch.sort(errors, dim=-1, descending=True, stable=True)
    true = masks.gather(-1, found.indices).to(torch.float64)
    count = true.sum(-1, keepdim=True)
    intersection = count - true.cumsum(-1)
    union = count + (1 - true).cumsum(-1)
    jaccard = 1 - intersection / union.clamp(min=1)
    steps = torch.diff(jaccard, dim=-1, prepend=torch.zeros_like(jaccard[..., :1]))
    return (found.values * steps.to(errors.dtype)).sum(-1)


class LovaszSoftmaxLoss(ClassLoss):
    """Lovasz-softmax: a piecewise linear, convex surrogate of the mean Jaccard loss (Berman et al. 2018, Eq. 11-12).

    Each class of each item is compared by itself: the errors ``|g - s|`` of the probabilities go through the Lovasz
    extension of 1 - IoU (`lovasz_extension`), and the mean is over the classes. MONAI has no such loss. 0 for a perfect
    prediction, 1 where everything is wrong. It sorts the voxels: n log n. The gradient at equal errors is that of one
    order of them. With a mask, the voxels that do not count are no part of intersection and union.

    Args:
        include_background: use channel 0 too. A prediction of one channel has no background channel, and it is kept.
        to_onehot_y: the target is class indices (B, 1, spatial).
        sigmoid: ``input`` holds logits of independent channels.
        softmax: ``input`` holds logits of exclusive classes.
        other_act: gives probabilities from ``input``.
        classes: mean over the classes ``"present"`` in an item's truth (the paper's choice), or over ``"all"``: an
            absent class then costs its largest probability. An item in which none of the classes is present (one
            channel and an empty mask, or no class but the background) is judged by all of them also with
            ``"present"``, so that a false alarm costs something.
        batch: sort the voxels of all items of a class together.
        reduction: ``mean``, ``sum`` over the items, or ``none``: (B,), or (1,) with ``batch``.

    Raises:
        ValueError: if an option is not among those named, or several activations are asked for.

    Example:
        >>> import torch
        >>> label = torch.zeros(1, 1, 4, 4)
        >>> label[..., 2:] = 1
        >>> loss = LovaszSoftmaxLoss()
        >>> float(loss(label, label)), round(float(loss(1 - label, label)), 4)
        (0.0, 1.0)
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[Tensor], Tensor] | None = None,
        classes: str = "present",
        batch: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(include_background, to_onehot_y, sigmoid, softmax, other_act, reduction)
        check_choice("classes", classes, CLASSES)
        self.classes = classes
        self.batch = batch

    def _values(self, probability: Tensor, masks: Tensor, counted: Tensor | None) -> Tensor:
        """Return the mean over the classes of each item, (B,); (1,) with ``batch``."""
        errors = (masks.to(probability.dtype) - probability).abs()
        if counted is not None:
            errors = torch.where(counted, errors, 0)  # an error of 0 outside of the truth comes last and adds nothing
        errors, masks = errors.flatten(2), masks.flatten(2)
        if self.batch:
            errors, masks = (t.transpose(0, 1).flatten(1)[None] for t in (errors, masks))
        each = lovasz_extension(errors, masks)
        if self.classes == "all":
            return each.mean(1)
        present = masks.any(-1)
        present = present | ~present.any(1, keepdim=True)
        return torch.where(present, each, 0).sum(1) / present.sum(1).clamp(min=1)
