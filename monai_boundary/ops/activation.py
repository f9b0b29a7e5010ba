# SPDX-License-Identifier: Apache-2.0
"""From the network's output to probabilities and back to a voxel-wise loss: the one place where losses activate."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def check_activation(sigmoid: bool, softmax: bool, other_act: Callable[[Tensor], Tensor] | None) -> None:
    """Check that at most one activation is asked for.

    Args:
        sigmoid: the input holds logits of independent channels.
        softmax: the input holds logits of exclusive channels.
        other_act: gives probabilities from the input.

    Raises:
        ValueError: if more than one of the three is given.
        TypeError: if ``other_act`` is not callable.

    Example:
        >>> check_activation(sigmoid=True, softmax=False, other_act=None)
    """
    if other_act is not None and not callable(other_act):
        raise TypeError(f"`other_act` needs a callable or None, got {type(other_act).__name__}.")
    if int(sigmoid) + int(softmax) + int(other_act is not None) > 1:
        raise ValueError(
            f"at most one of `sigmoid`, `softmax` and `other_act` can be given, got sigmoid={sigmoid}, "
            f"softmax={softmax}, other_act={other_act}."
        )


def to_probabilities(
    input: Tensor,
    sigmoid: bool = False,
    softmax: bool = False,
    other_act: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Return the activated ``input`` (B, C, spatial); unchanged where no activation is asked for.

    Args:
        input: logits, or probabilities where no activation is asked for.
        sigmoid: the input holds logits of independent channels.
        softmax: the input holds logits of exclusive channels.
        other_act: gives probabilities from the input. At most one of the three is given.

    Raises:
        ValueError: if ``softmax`` is asked for with one channel, where it gives 1 everywhere.

    Example:
        >>> to_probabilities(torch.zeros(1, 2, 1, 1), softmax=True).flatten()
        tensor([0.5000, 0.5000])
    """
    if sigmoid:
        return torch.sigmoid(input)
    if softmax:
        if input.shape[1] == 1:
            raise ValueError("`softmax` needs at least 2 channels, got 1: use `sigmoid` for a single channel.")
        return torch.softmax(input, dim=1)
    return input if other_act is None else other_act(input)


def voxel_cross_entropy(scores: Tensor, target: Tensor, sigmoid: bool) -> Tensor:
    """Binary cross-entropy of every voxel and channel, in nats; 0 where the probability equals a target of 0 or 1.

    Args:
        scores: logits where ``sigmoid`` (exact in both tails), else probabilities (their logarithm is bounded at -100).
        target: 0..1, same shape.
        sigmoid: ``scores`` holds logits.

    Returns:
        The cross-entropy, same shape.

    Example:
        >>> voxel_cross_entropy(torch.tensor([0.0, 200.0]), torch.ones(2), sigmoid=True)
        tensor([0.6931, 0.0000])
    """
    if sigmoid:
        return F.binary_cross_entropy_with_logits(scores, target, reduction="none")
    return F.binary_cross_entropy(scores, target, reduction="none")


def clamp_to_unit(probability: Tensor, allow_nan: bool = True) -> Tensor:
    """Return the probabilities clamped to [0, 1]; warn where that changes them, for then logits came.

    Inside `torch.compile` there is no warning: it would wait for the device.

    Args:
        probability: any shape.
        allow_nan: False for what torch's cross-entropy of probabilities takes, which stops at NaN.

    Raises:
        ValueError: if there is NaN where it is not allowed.

    Warns:
        UserWarning: if a value lies outside [0, 1].

    Example:
        >>> clamp_to_unit(torch.tensor([0.0, 0.25]))
        tensor([0.0000, 0.2500])
    """
    if torch.compiler.is_compiling():
        return probability.clamp(0, 1)
    low, high = torch.aminmax(probability.detach())
    if not allow_nan and bool(torch.isnan(low)):
        raise ValueError(f"`input` needs numbers, got NaN in {int(torch.isnan(probability).sum())} places.")
    if low < 0 or high > 1:
        warnings.warn(
            f"`input` needs probabilities in [0, 1], got values from {float(low):.3g} to {float(high):.3g}; "
            "they are clamped. If the network gives logits, set `sigmoid=True` or `softmax=True`.",
            stacklevel=4,
        )
        return probability.clamp(0, 1)
    return probability
