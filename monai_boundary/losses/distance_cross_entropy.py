# SPDX-License-Identifier: Apache-2.0
"""Cross-entropy that weighs voxels near the border more (U-Net)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_boundary._validation import check_choice, check_positive, check_same_shape
from monai_boundary.losses._base import ClassLoss, check_classes, plain_inputs, wide
from monai_boundary.losses._target_maps import maps_of, spacings_of
from monai_boundary.ops.activation import voxel_cross_entropy
from monai_boundary.ops.class_masks import target_masks
from monai_boundary.ops.distance_weights import CLASS_WEIGHTS, distance_weights
from monai_boundary.ops.plain_tensor import plain_tensor


class DistanceWeightedCELoss(ClassLoss):
    """Distance-weighted cross-entropy: the mean over the voxels of -u log s, where s is the true class's probability.

    u = w_c + w0 exp(-D^2 / (2 sigma^2)), see `monai_boundary.ops.distance_weights` (Ronneberger et al., 2015, with one
    distance as Kervadec et al. compare it, section 3.2). ``input`` holds logits: of exclusive classes, or of the
    foreground where it has one channel. 0 for a perfect prediction. Where nothing has a border only w_c remains.

    Args:
        to_onehot_y: the target is class indices (B, 1, spatial).
        w0: weight on the border.
        sigma: width of the band, in mm where the spacing is known, else in voxels (the paper: 5 voxels).
        class_weight: w_c: ``"frequency"`` of the class (as the paper prints it), ``"inverse"`` or ``"none"`` (1).
        spacing: voxel size along each axis in mm, for maps made here; by default of the target's affine where it is a
            MetaTensor, else 1. Not used with a given map.
        reduction: ``mean``, ``sum`` over the items, or ``none``: (B,).

    Raises:
        ValueError: if an option is out of range.

    Example:
        >>> import torch
        >>> label = torch.zeros(1, 1, 8, 8)
        >>> label[..., 2:6, 2:6] = 1
        >>> loss = DistanceWeightedCELoss()
        >>> bool(loss(20 * label - 10, label) < loss(torch.zeros(1, 1, 8, 8), label))
        True
    """

    def __init__(
        self,
        to_onehot_y: bool = False,
        w0: float = 10.0,
        sigma: float = 5.0,
        class_weight: str = "frequency",
        spacing: Sequence[float] | float | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(True, to_onehot_y, reduction=reduction)
        check_choice("class_weight", class_weight, CLASS_WEIGHTS)
        check_positive("w0", w0, zero=True)
        check_positive("sigma", sigma)
        self.w0 = w0
        self.sigma = sigma
        self.class_weight = class_weight
        self.spacing = spacing

    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        distance_map: Tensor | None = None,
        weight_map: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Return the loss.

        Args:
            input: logits (B, C, H, W[, D]).
            target: one-hot (B, C, spatial), or indices (B, 1, spatial) with ``to_onehot_y``.
            distance_map: signed distance maps (B, C, spatial), as `SignedDistanceLoss` takes them: the weights follow
                from them, and the class frequencies from the target.
            weight_map: the weights u themselves, (B, 1, spatial), for example of the whole image.
            mask: (B, 1, spatial), voxels that count (> 0). The mean is over them, as are class frequencies; an item
                without any counts 0. The target may hold any value (255) elsewhere: those voxels are on neither side
                of a border.

        Raises:
            ValueError: if shapes do not fit, the target is not one-hot (or holds indices outside 0..C-1), or both maps
                are given.
        """
        if distance_map is not None and weight_map is not None:
            raise ValueError("`weight_map` needs `distance_map` left out (it already holds the distances), got both.")
        given = distance_map is not None or weight_map is not None
        sizes = self.spacing if given or self.spacing is not None else spacings_of(target)
        scores, truth, counted = plain_inputs(input, target, mask)
        check_classes(scores, truth, self.to_onehot_y)
        with torch.autocast(scores.device.type, enabled=False):
            scores = wide(scores)
            masks = target_masks(truth, scores.shape[1] if self.to_onehot_y else None, counted)
            if scores.shape[1] == 1:
                entropy = voxel_cross_entropy(scores, masks.to(scores.dtype), sigmoid=True)
            else:
                entropy = -(F.log_softmax(scores, dim=1) * masks).sum(1, keepdim=True)
            if weight_map is None:
                phi = maps_of(masks, sizes, known=counted) if distance_map is None else distance_map
                weights = distance_weights(
                    masks,
                    plain_tensor(phi),
                    w0=self.w0,
                    sigma=self.sigma,
                    class_weight=self.class_weight,
                    known=counted,
                )
            else:
                weights = plain_tensor(weight_map).detach()
                check_same_shape("weight_map", weights.shape, "input, with one channel", entropy.shape)
            weights = weights.to(entropy.dtype)
            if counted is None:
                loss = (entropy * weights).flatten(1).mean(-1)
            else:
                summed = torch.where(counted, entropy * weights, 0).flatten(1).sum(-1)
                loss = summed / counted.flatten(1).sum(-1).clamp(min=1)
        return self._reduced(loss)
