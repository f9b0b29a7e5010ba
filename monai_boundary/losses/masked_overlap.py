# SPDX-License-Identifier: Apache-2.0
"""Overlap losses of MONAI (Dice, generalised Dice, Tversky) over a part of the voxels."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from monai_boundary.losses._base import ClassLoss


class MaskedOverlapLoss(ClassLoss):
    """A loss of sums over voxels, as if the voxels that do not count were not there.

    Probabilities and one-hot truth are multiplied by the mask, *after* the activation, in every channel. A loss that
    only adds up products of the two (Dice, generalised Dice, Tversky, Jaccard) then has the value of an image without
    these voxels, and no gradient from them. MONAI's ``MaskedLoss`` multiplies the logits instead: they become a
    probability of 0.5, a false alarm that no training can remove. Not for means over voxels (cross-entropy, focal).

    Without a mask it is the loss itself, with the activation done here.

    Args:
        loss: called as ``loss(probabilities, one_hot)``, both (B, C, spatial): made *without* activation and
            ``to_onehot_y``.
        to_onehot_y: the target is class indices (B, 1, spatial).
        sigmoid: ``input`` holds logits of independent channels.
        softmax: ``input`` holds logits of exclusive classes.
        other_act: gives probabilities from ``input``.

    Raises:
        ValueError: if several activations are asked for; when called, if shapes do not fit or the target is not
            one-hot (or holds indices outside 0..C-1 with ``to_onehot_y``).
        TypeError: if ``loss`` is not callable.

    Example:
        >>> import torch
        >>> from monai.losses import DiceLoss
        >>> label = torch.tensor([[[[0.0, 1, 1, 0]]]])
        >>> wrong_at_the_end = 20 * torch.tensor([[[[0.0, 1, 1, 1]]]]) - 10
        >>> loss = MaskedOverlapLoss(DiceLoss(), sigmoid=True)
        >>> scores = loss(wrong_at_the_end, label), loss(wrong_at_the_end, label, mask=torch.tensor([[[[1, 1, 1, 0]]]]))
        >>> [round(float(score), 2) for score in scores]
        [0.2, 0.0]
    """

    def __init__(
        self,
        loss: Callable[..., Tensor],
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__(True, to_onehot_y, sigmoid, softmax, other_act)
        if not callable(loss):
            raise TypeError(f"`loss` needs a callable, got {type(loss).__name__}.")
        activated = [name for name in ("sigmoid", "softmax", "other_act", "to_onehot_y") if getattr(loss, name, None)]
        if activated:
            raise ValueError(f"`loss` needs probabilities and one-hot truth, got one with {', '.join(activated)}.")
        self.loss = loss

    def _values(self, probability: Tensor, masks: Tensor, counted: Tensor | None) -> Tensor:
        """Return the value of the loss, as it reduces it."""
        if counted is not None:
            probability = probability * counted
        return self.loss(probability, masks.to(probability.dtype))
