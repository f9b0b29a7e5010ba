# SPDX-License-Identifier: Apache-2.0
"""Persistent-homology loss: as many components and holes as the truth has, and no others."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from monai_boundary.losses._base import ClassLoss
from monai_boundary.losses._uncompiled import uncompiled
from monai_boundary.ops.persistence import persistence_pairs


@uncompiled
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


class PersistentHomologyLoss(ClassLoss):
    """Persistent-homology loss of Hu et al. 2019: the distance of the persistence diagrams of prediction and truth.

    See `persistence_distance` for the equation. It counts components, holes and cavities, and says nothing of where
    they are: a comparator from the papers' tables, to be added to a regional loss with a small weight (Hu et al.:
    0.005). It runs on the CPU, one map after the other, and needs GUDHI (``pip install monai-boundary[topology]``):
    use it on crops (the paper: 65 x 65). 0 for a perfect prediction. With a mask, the voxels that do not count hold 0
    in prediction and truth.

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
        ImportError: when called, if GUDHI is not installed.

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
        super().__init__(include_background, to_onehot_y, sigmoid, softmax, other_act, reduction)
        if not 0 <= min_persistence < 1:
            raise ValueError(f"`min_persistence` needs a number from 0 up to 1, got {min_persistence!r}.")
        self.min_persistence = min_persistence

    def _values(self, probability: Tensor, masks: Tensor, counted: Tensor | None) -> Tensor:
        """Return the distance of each item and class, (B, C)."""
        if counted is not None:
            probability = torch.where(counted, probability, 0)
        each = [
            torch.stack([persistence_distance(u, g, self.min_persistence) for u, g in zip(item, truth, strict=True)])
            for item, truth in zip(probability, masks, strict=True)
        ]
        return torch.stack(each)
