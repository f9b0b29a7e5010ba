# SPDX-License-Identifier: Apache-2.0
"""The Sobel baseline of the SEMEDA paper: gradients of every class by fixed kernels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from monai.networks.layers import separable_filtering
from torch import Tensor
from torch.nn.modules.loss import _Loss

from monai_boundary._validation import check_choice
from monai_boundary.losses._class_inputs import REDUCTIONS, class_inputs, reduce_values
from monai_boundary.ops.activation import check_activation


class SobelEdgeLoss(_Loss):
    """The mean absolute difference of the Sobel gradients of prediction and truth, each class by itself.

    The baseline that Chen et al. 2020 (section 4.1) compare SEMEDA with. For each axis the kernel is (-1, 0, 1) along
    it and (1, 2, 1) / 4 along the others, so that a step of 1 has the gradient 1 in 2-D and in 3-D; the paper's kernels
    are not normalised (4 times as large in 2-D), and its best weight, 4, is 16 here. The image's frame is repeated: it
    is no edge. Mean over axes and voxels. 0 for a perfect prediction, and for one that differs by a constant.

    Args:
        include_background: use channel 0 too. A prediction of one channel has no background channel, and it is kept.
        to_onehot_y: the target is class indices (B, 1, spatial).
        sigmoid: ``input`` holds logits of independent channels.
        softmax: ``input`` holds logits of exclusive classes.
        other_act: gives probabilities from ``input``.
        reduction: ``mean``, ``sum`` over items and classes, or ``none``: (B, C).

    Raises:
        ValueError: if the reduction is unknown, or several activations are asked for.

    Example:
        >>> import torch
        >>> label = torch.zeros(1, 1, 8, 8)
        >>> label[..., 4:] = 1
        >>> loss = SobelEdgeLoss()
        >>> float(loss(label, label)), float(loss(0 * label, label))  # 2 of 8 columns, one of 2 axes
        (0.0, 0.125)
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[Tensor], Tensor] | None = None,
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

    def forward(self, input: Tensor, target: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """Return the loss.

        Args:
            input: (B, C, H, W[, D]).
            target: 0/1 per class, (B, C, spatial), which may overlap; or indices (B, 1, spatial) with ``to_onehot_y``.
            mask: (B, 1, spatial), voxels that count (> 0): the others do not differ.

        Raises:
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
        with torch.autocast(probability.device.type, enabled=False):
            apart = probability - masks.to(probability.dtype)  # the gradients are linear
            if counted is not None:
                apart = torch.where(counted, apart, 0)
            ndim = apart.ndim - 2
            slope, smooth = apart.new_tensor([-1.0, 0.0, 1.0]), apart.new_tensor([0.25, 0.5, 0.25])
            total = torch.zeros_like(apart[:, :, 0].flatten(2)[..., 0])
            for axis in range(ndim):
                kernels = [slope if a == axis else smooth for a in range(ndim)]
                total = total + separable_filtering(apart, kernels, mode="replicate").abs().flatten(2).mean(-1)
            return reduce_values(total / ndim, self.reduction)
