# SPDX-License-Identifier: Apache-2.0
"""Weights of voxels by class and by distance to the border (U-Net)."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_boundary._validation import check_choice, check_positive, check_same_shape

CLASS_WEIGHTS = ("frequency", "inverse", "none")


@torch.no_grad()
def distance_weights(
    masks: Tensor,
    distance_map: Tensor,
    *,
    w0: float = 10.0,
    sigma: float = 5.0,
    class_weight: str = "frequency",
    known: Tensor | None = None,
) -> Tensor:
    """Return the weight of every voxel, w_c + w0 exp(-D^2 / (2 sigma^2)), where c is its class.

    After Ronneberger et al. (2015), as Kervadec et al. print it (section 3.2): D is the distance to the nearest border
    of any class, and w_c the *frequency* of the class in the image, so that a frequent class weighs more. U-Net's own
    intent, balance, is ``"inverse"``: 1 / (C * frequency).

    Args:
        masks: one-hot, (B, C, spatial); with one channel, the foreground.
        distance_map: signed distance maps (B, any channels, spatial), in mm: D is the least ``|phi|`` over the
            channels. A channel that is 0 everywhere has no border, and does not count.
        w0: weight on the border.
        sigma: width of the band, in the unit of the map (the paper: 5 voxels).
        class_weight: ``"frequency"``, ``"inverse"`` or ``"none"`` (w_c = 1).
        known: boolean, (B, 1, spatial): the frequencies are those among these voxels; all if not given.

    Returns:
        float32 weights (B, 1, spatial).

    Raises:
        ValueError: if batch or spatial shapes differ, or an argument is out of range.

    Example:
        >>> import torch
        >>> mask = torch.tensor([[[[0, 1, 1, 0]]]])
        >>> phi = torch.tensor([[[[0.5, -0.5, -0.5, 0.5]]]])
        >>> distance_weights(mask, phi, sigma=1.0)
        tensor([[[[9.3250, 9.3250, 9.3250, 9.3250]]]])
    """
    check_positive("w0", w0, zero=True)
    check_positive("sigma", sigma)
    check_choice("class_weight", class_weight, CLASS_WEIGHTS)
    check_same_shape(
        "distance_map", distance_map.shape[:1] + distance_map.shape[2:], "masks", masks.shape[:1] + masks.shape[2:]
    )
    truth = torch.cat([1 - masks.float(), masks.float()], dim=1) if masks.shape[1] == 1 else masks.float()
    away = distance_map.float().abs()
    no_border = away.flatten(2).amax(-1) == 0
    away = away.masked_fill(no_border.view(*no_border.shape, *(1,) * (away.ndim - 2)), torch.inf)
    nearest = away.amin(dim=1, keepdim=True)
    weights = w0 * torch.exp(-(nearest**2) / (2 * sigma**2))
    if class_weight == "none":
        return weights + 1
    if known is None:
        frequency = truth.flatten(2).mean(-1)
    else:
        certain = known.flatten(2).to(truth.dtype)
        frequency = (truth.flatten(2) * certain).sum(-1) / certain.sum(-1).clamp(min=1)
    if class_weight == "inverse":
        frequency = torch.where(frequency > 0, 1 / (truth.shape[1] * frequency), 0.0)
    return weights + (frequency.view(*frequency.shape, *(1,) * (truth.ndim - 2)) * truth).sum(1, keepdim=True)
