# SPDX-License-Identifier: Apache-2.0
"""What the losses of class probabilities share: arguments as MONAI names them, and the way from them to a value."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.loss import _Loss

from monai_boundary._validation import check_choice, check_image_batch, check_same_shape
from monai_boundary.ops.activation import check_activation, clamp_to_unit, to_probabilities
from monai_boundary.ops.class_masks import counted_voxels, target_masks
from monai_boundary.ops.plain_tensor import plain_tensor

REDUCTIONS = ("mean", "sum", "none")

Activation = Callable[[Tensor], Tensor]


class ClassLoss(_Loss):
    """A loss of class probabilities: it owns background, one-hot, activation, mask and reduction.

    A loss that compares probabilities with masks, and nothing else, writes ``_values`` alone. One that takes a target
    of its own (a distance map, seeds) writes ``forward``, with the functions of this module.

    Where a prediction has one channel, there is no background to leave out, and the channel is compared also with
    ``include_background=False``, without a warning: this is one rule for all losses (MONAI warns and does the same).

    Args:
        include_background: compare channel 0 too.
        to_onehot_y: the target is class indices (B, 1, spatial).
        sigmoid: ``input`` holds logits of independent channels.
        softmax: ``input`` holds logits of exclusive classes.
        other_act: gives probabilities from ``input``.
        reduction: ``mean``, ``sum`` or ``none`` of the values.

    Raises:
        ValueError: if the reduction is unknown, or several activations are asked for.
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Activation | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        check_activation(sigmoid, softmax, other_act)
        check_choice("reduction", reduction, REDUCTIONS)
        self.include_background = include_background
        self.to_onehot_y = to_onehot_y
        self.sigmoid = sigmoid
        self.softmax = softmax
        self.other_act = other_act

    @property
    def class_options(self) -> dict[str, Any]:
        """The arguments that `class_inputs` and its neighbours take."""
        return {
            "include_background": self.include_background,
            "to_onehot_y": self.to_onehot_y,
            "sigmoid": self.sigmoid,
            "softmax": self.softmax,
            "other_act": self.other_act,
        }

    def forward(self, input: Tensor, target: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """Return the loss.

        Args:
            input: (B, C, H, W[, D]).
            target: 0/1 per class, (B, C, spatial), which may overlap; or indices (B, 1, spatial) with ``to_onehot_y``.
            mask: (B, 1, spatial), voxels that count (> 0); what becomes of the others says the class. Their target may
                hold any value (255), and no gradient goes to them.

        Raises:
            ValueError: if shapes do not fit, or the target is not one-hot (or holds indices outside 0..C-1
                with ``to_onehot_y``).

        Warns:
            UserWarning: if probabilities are expected and values outside [0, 1] came; they are clamped.
        """
        probability, masks, counted = class_inputs(input, target, mask, **self.class_options)
        with torch.autocast(probability.device.type, enabled=False):
            return self._reduced(self._values(probability, masks, counted))

    def _values(self, probability: Tensor, masks: Tensor, counted: Tensor | None) -> Tensor:
        """Return what is reduced, (B, C) or (B,).

        Args:
            probability: of the classes that are compared, (B, C, spatial), float32 or float64.
            masks: true masks, boolean, same shape; empty where voxels do not count.
            counted: voxels that count, boolean, (B, 1, spatial); None where all do.
        """
        raise NotImplementedError

    def _reduced(self, each: Tensor) -> Tensor:
        """Return the mean or the sum of the values, or the values themselves."""
        if self.reduction == "none":
            return each
        return each.mean() if self.reduction == "mean" else each.sum()

    def extra_repr(self) -> str:
        """Return the arguments, for a printed loss; those that are modules are printed below it."""
        names = list(inspect.signature(type(self).__init__).parameters)[1:]
        shown = {name: getattr(self, name) for name in names if name not in self._modules}
        return ", ".join(f"{name}={argument_text(value)}" for name, value in shown.items())


def argument_text(value: Any) -> str:
    """Return an argument as a printed loss shows it: a function by its name, a module by its class."""
    if isinstance(value, nn.Module):
        return type(value).__name__
    return getattr(value, "__name__", None) or repr(value)


def plain_inputs(input: Tensor, target: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return prediction and target as plain tensors (no MetaTensor in, none out), and the voxels that count.

    Raises:
        ValueError: if the prediction is not that of at least one 2-D or 3-D image, or the mask does not fit it.
    """
    scores, truth = plain_tensor(input), plain_tensor(target)
    check_image_batch("input", scores.shape)
    return scores, truth, None if mask is None else counted_voxels(mask, scores)


def known_target(truth: Tensor, counted: Tensor | None) -> Tensor:
    """Return the target with 0 in the voxels that do not count, whatever it was there."""
    return truth if counted is None else torch.where(counted, truth, 0)


def check_classes(scores: Tensor, truth: Tensor, to_onehot_y: bool) -> None:
    """Check that the target has the shape of the prediction, or one channel of indices with ``to_onehot_y``.

    Raises:
        ValueError: if it has not, or there is one channel and ``to_onehot_y``.
    """
    if to_onehot_y and scores.shape[1] == 1:
        raise ValueError("`to_onehot_y` needs a prediction of at least 2 channels, got 1.")
    wanted = (len(scores), 1, *scores.shape[2:]) if to_onehot_y else tuple(scores.shape)
    check_same_shape("target", truth.shape, "input, with one channel" if to_onehot_y else "input", wanted)


def class_inputs(
    input: Tensor,
    target: Tensor,
    mask: Tensor | None,
    *,
    include_background: bool = True,
    to_onehot_y: bool = False,
    sigmoid: bool = False,
    softmax: bool = False,
    other_act: Activation | None = None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return probabilities (B, C, spatial), true masks of the same shape, and the voxels that count (B, 1, spatial).

    Raises:
        ValueError: if shapes do not fit, the target is not one-hot (or holds indices outside 0..C-1), or there is one
            channel and ``to_onehot_y``.
    """
    scores, truth, counted = plain_inputs(input, target, mask)
    check_classes(scores, truth, to_onehot_y)
    classes = scores.shape[1]
    with torch.autocast(scores.device.type, enabled=False):
        scores = wide(scores)
        probability = to_probabilities(scores, sigmoid, softmax, other_act)
        if not (sigmoid or softmax):
            probability = clamp_to_unit(probability)
        masks = target_masks(truth, classes if to_onehot_y else None, counted)
    first = first_class(classes, include_background)
    return probability[:, first:], masks[:, first:], counted


def entropy_inputs(
    input: Tensor,
    target: Tensor,
    mask: Tensor | None = None,
    *,
    maskable: bool = True,
    include_background: bool = True,
    to_onehot_y: bool = False,
    sigmoid: bool = False,
    softmax: bool = False,
    other_act: Activation | None = None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return what a cross-entropy of each channel takes: scores, a truth in 0..1, and the voxels that count.

    The scores (B, C, spatial) are logits with ``sigmoid``, for a cross-entropy that is exact in both tails, and else
    probabilities. The target may hold shares between 0 and 1, and may lack the channel of a background that is left
    out. A loss that takes no mask says so (``maskable``), for the advice of an error.

    Raises:
        ValueError: if shapes do not fit, there is one channel and ``to_onehot_y``, the target is not within [0, 1], or
            a probability is NaN.
    """
    scores, truth, counted = plain_inputs(input, target, mask)
    classes = scores.shape[1]
    first = first_class(classes, include_background)
    with torch.autocast(scores.device.type, enabled=False):
        scores = wide(scores)
        if not sigmoid:
            scores = to_probabilities(scores, softmax=softmax, other_act=other_act)
        if to_onehot_y:
            check_classes(scores, truth, to_onehot_y)
            truth = target_masks(truth, classes, counted, maskable=maskable).float()
        scores = scores[:, first:]
        truth = truth[:, first:] if truth.shape[1] == classes else truth
        check_same_shape("target", truth.shape, "input", scores.shape)
        truth = known_target(truth, counted).to(scores.dtype)
        if not to_onehot_y:
            _check_range(truth)
        return scores if sigmoid else clamp_to_unit(scores, allow_nan=False), truth, counted


def wide(scores: Tensor) -> Tensor:
    """Return the scores in float32, or float64 where they are."""
    return scores.to(torch.promote_types(scores.dtype, torch.float32))


def first_class(channels: int, include_background: bool) -> int:
    """Return the first channel that is compared: 1 where the background is left out and there are others."""
    return 0 if include_background or channels == 1 else 1


@torch.no_grad()
def _check_range(target: Tensor) -> None:
    if torch.compiler.is_compiling():
        return
    low, high = torch.stack(torch.aminmax(target)).tolist()
    if not (low >= 0 and high <= 1):  # also true for NaN
        raise ValueError(f"`target` needs values in [0, 1], got {low:g} to {high:g}.")
