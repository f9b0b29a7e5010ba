# SPDX-License-Identifier: Apache-2.0
"""Persistent-homology loss: as many components and holes as the truth has, and no others."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.modules.loss import _Loss

from monai_boundary._validation import check_choice
from monai_boundary.losses._class_inputs import REDUCTIONS, class_inputs, reduce_values
from monai_boundary.ops.activation import check_activation
from monai_boundary.ops.persistence import persistence_pairs


@torch.compiler.disable
def persistence_distance(probability: Tensor, mask: Tensor, min_persistence: float = 0.0) -> Tensor:
    """Return the squared distance of the persistence diagrams of one map and one mask (Hu et al. 2019, Eq. 3-4).

    The mask's k features of a dimension (its components, its holes) are born at 1 and die at 0. The k features of the
    map that persist longest are matched with them and cost ``(1 - birth)^2 + death^2``; every other one should vanish
    and costs ``(birth - death)^2 / 2``, the way to the diagonal. A feature that is missing altogether costs 1/2. The
    last component dies at 0. Summed over features and dimensions.

    Args:
        probability: (spatial), floating, 2-D or 3-D.
        mask: boolean, same shape.
        min_persistence: features of the map below this persistence cost nothing.

    Returns:
        Scalar. The gradient goes to the voxels of birth and death alone.

    Raises:
        ImportError: as `monai_boundary.ops.persistence_pairs`, and its ``ValueError``.

    Example:
        >>> import torch
        >>> mask = torch.tensor([[1, 1, 0, 0]]).bool()
        >>> two = torch.tensor([[1.0, 1.0, 0.0, 0.6]])  # a second component: 0.6^2 / 2
        >>> round(float(persistence_distance(two, mask)), 4)
        0.18
    """
    values = probability.flatten()
    mine = persistence_pairs(probability.detach().cpu().numpy())
    theirs = persistence_pairs(mask.cpu().numpy())
    total = values.sum() * 0
    for pairs, true in zip(mine, theirs, strict=True):
        count = int(mask.flatten()[torch.from_numpy(true[:, 0]).to(mask.device)].sum())
        index = torch.from_numpy(pairs).to(values.device)
        birth = values[index[:, 0]]
        death = torch.where(index[:, 1] >= 0, values[index[:, 1].clamp(min=0)], 0.0)
        order = torch.argsort((birth - death).detach(), descending=True, stable=True)
        birth, death = birth[order], death[order]
        kept, rest = slice(None, count), (birth - death)[count:]
        total = total + ((1 - birth[kept]) ** 2 + death[kept] ** 2).sum() + max(0, count - len(order)) / 2
        total = total + (rest**2 / 2)[rest >= min_persistence].sum()
    return total


class PersistentHomologyLoss(_Loss):
    """Persistent-homology loss of Hu et al. 2019: the distance of the persistence diagrams of prediction and truth.

    See `persistence_distance` for the equation. It counts components, holes and cavities, and says nothing of where
    they are: a comparator from the papers' tables, to be added to a regional loss with a small weight (Hu et al.:
    0.005). It runs on the CPU, one map after the other, and needs GUDHI (``pip install monai-boundary[topology]``):
    use it on crops (the paper: 65 x 65). 0 for a perfect prediction.

    Args:
        include_background: use channel 0 too. A prediction of one channel has no background channel, and it is kept.
        to_onehot_y: the target is class indices (B, 1, spatial).
        sigmoid: ``input`` holds logits of independent channels.
        softmax: ``input`` holds logits of exclusive classes.
        other_act: gives probabilities from ``input``.
        min_persistence: features of the prediction below this persistence are noise and cost nothing.
        reduction: ``mean``, ``sum`` over items and classes, or ``none``: (B, C).

    Raises:
        ValueError: if an option is out of range, or several activations are asked for.

    Example:
        >>> import torch
        >>> label = torch.zeros(1, 1, 8, 8)
        >>> label[..., 2:5, 2:5] = 1
        >>> loss = PersistentHomologyLoss()
        >>> float(loss(label, label))
        0.0
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[Tensor], Tensor] | None = None,
        min_persistence: float = 0.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        check_activation(sigmoid, softmax, other_act)
        check_choice("reduction", reduction, REDUCTIONS)
        if not 0 <= min_persistence < 1:
            raise ValueError(f"`min_persistence` needs a number from 0 up to 1, got {min_persistence!r}.")
        self.include_background = include_background
        self.to_onehot_y = to_onehot_y
        self.sigmoid = sigmoid
        self.softmax = softmax
        self.other_act = other_act
        self.min_persistence = min_persistence

    def forward(self, input: Tensor, target: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """Return the loss.

        Args:
            input: (B, C, H, W[, D]).
            target: 0/1 per class, (B, C, spatial), which may overlap; or indices (B, 1, spatial) with ``to_onehot_y``.
            mask: (B, 1, spatial), voxels that count (> 0). The others hold 0 in prediction and truth (whose target may
                hold any value, 255), and no gradient goes to them.

        Raises:
            ImportError: if GUDHI is not installed.
            ValueError: if shapes do not fit, or the target is not one-hot (or holds indices outside 0..C-1
                with ``to_onehot_y``).

        Warns:
            UserWarning: if probabilities are expected and values outside [0, 1] came; they are clamped.
        """
        probability, masks, counted = class_inputs(
            input,
            target,
            mask,
            include_background=self.include_background,
            to_onehot_y=self.to_onehot_y,
            sigmoid=self.sigmoid,
            softmax=self.softmax,
            other_act=self.other_act,
        )
        if counted is not None:
            probability = torch.where(counted, probability, 0)
        each = [
            torch.stack([persistence_distance(u, g, self.min_persistence) for u, g in zip(item, truth, strict=True)])
            for item, truth in zip(probability, masks, strict=True)
        ]
        return reduce_values(torch.stack(each), self.reduction)
