# SPDX-License-Identifier: Apache-2.0
"""The layers all blocks are made of: convolution, normalisation with a readable error, means, linear resizing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import torch.nn.functional as F
from monai.networks.layers import get_act_layer, get_norm_layer
from monai.networks.layers.factories import Conv, Pool
from torch import Tensor, nn

LayerSpec: TypeAlias = "tuple[str, dict[str, Any]] | str"
"""A layer in MONAI's words: its name, or its name and arguments."""

GROUP_NORM: LayerSpec = ("GROUP", {"num_groups": 8})
RELU: LayerSpec = ("RELU", {"inplace": True})


def conv_layer(
    spatial_dims: int,
    in_channels: int,
    out_channels: int,
    kernel_size: int = 3,
    stride: Sequence[int] | int = 1,
    bias: bool = False,
) -> nn.Conv2d | nn.Conv3d:
    """Return a convolution that keeps the size (stride 1), or divides a multiple of the stride by it."""
    conv = Conv[Conv.CONV, spatial_dims]
    layer: nn.Conv2d | nn.Conv3d = conv(
        in_channels,
        out_channels,
        kernel_size,
        stride if isinstance(stride, int) else tuple(stride),
        padding=kernel_size // 2,
        bias=bias,
    )
    return layer


def norm_layer(norm: LayerSpec, spatial_dims: int, channels: int) -> nn.Module:
    """Return MONAI's normalisation layer of that name.

    Raises:
        ValueError: if it does not fit the channels, as 8 groups of 12 channels.
    """
    try:
        layer: nn.Module = get_norm_layer(norm, spatial_dims, channels)
    except ValueError as error:
        raise ValueError(f"`norm` needs to fit {channels} channels, got {norm!r}: {error}") from error
    return layer


def norm_act(norm: LayerSpec, act: LayerSpec, spatial_dims: int, channels: int) -> nn.Sequential:
    """Return normalisation, then activation; what goes in is not changed in place.

    An activation that works in place may overwrite what a normalisation gave, but with none (``norm=""``) that would be
    the input, which the residual sum needs.
    """
    activation = get_act_layer(act)
    if norm == "" and getattr(activation, "inplace", False):
        activation.inplace = False
    return nn.Sequential(norm_layer(norm, spatial_dims, channels), activation)


def mean_pool(spatial_dims: int, ratio: Sequence[int]) -> nn.Module:
    """Return the mean over blocks of ``ratio`` voxels; nothing to do where all are 1."""
    if all(r == 1 for r in ratio):
        return nn.Identity()
    layer: nn.Module = Pool[Pool.AVG, spatial_dims](tuple(ratio), tuple(ratio))
    return layer


def resize_linear(x: Tensor, size: list[int]) -> Tensor:
    """Return (B, C, spatial) at another spatial size, bilinear or trilinear, corners not aligned."""
    if list(x.shape[2:]) == size:
        return x
    return F.interpolate(x, size, mode="trilinear" if x.ndim == 5 else "bilinear", align_corners=False)
