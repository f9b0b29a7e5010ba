# SPDX-License-Identifier: Apache-2.0
"""Dilated spatial pyramid pooling."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from monai_boundary._validation import check_positive, check_spatial_dims
from monai_boundary.networks.blocks.layers import GROUP_NORM, RELU, LayerSpec, conv_layer, norm_act


class DilatedConv(nn.Module):
    """A 3 x 3 (x 3) convolution whose taps lie ``rate`` voxels apart, but within the image.

    Along an axis of n voxels the rate is at most n - 1: a larger one would read padding only, and a kernel of 27
    weights would use one. Along an axis of one voxel all but the middle taps read zeros.
    """

    def __init__(self, spatial_dims: int, in_channels: int, out_channels: int, rate: int) -> None:
        super().__init__()
        self.rate = rate
        self.conv = conv_layer(spatial_dims, in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, out_channels, spatial) from (B, in_channels, spatial)."""
        # A choice, not a minimum: with dynamic shapes an exporter can settle it by the size's range.
        rates = [self.rate if size > self.rate else max(1, size - 1) for size in x.shape[2:]]
        if x.ndim == 5:
            return F.conv3d(x, self.conv.weight, None, padding=rates, dilation=rates)
        return F.conv2d(x, self.conv.weight, None, padding=rates, dilation=rates)


class DilatedPyramid(nn.Module):
    """Dilated spatial pyramid pooling: the same place seen at several scales, by convolutions side by side.

    A 1 x 1 convolution and one 3 x 3 (x 3) convolution per dilation rate read the input; their outputs are
    concatenated, normalised, activated, and joined by a 1 x 1 convolution. Chen et al. 2017 (ASPP); Hatamizadeh et al.
    2019, Sec. 2.1, print no rates. **Decision:** 1, 2 and 4, for a bottleneck of 8 to 30 voxels, each at most the
    size less one.

    MONAI's ``SimpleASPP`` has four branches without an own number of output channels, and its rates are not
    limited by the size.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input (B, in_channels, spatial).
        out_channels: channels of the output, which has the size of the input.
        dilation_rates: one branch for each.
        branch_channels: outputs of each branch; a quarter of ``out_channels`` by default.
        norm: MONAI's name of a normalisation, or name and arguments; it has to fit ``branch_channels`` times the number
            of branches.
        act: the same of an activation.
        zero: start the last convolution at 0, for a pyramid that is added to something.

    Raises:
        ValueError: if ``spatial_dims`` is not 2 or 3, a number of channels or a rate is not positive, no rate is given,
            or the norm does not fit.

    Example:
        >>> import torch
        >>> from monai_boundary.networks import DilatedPyramid
        >>> DilatedPyramid(2, in_channels=24, out_channels=16, norm="batch")(torch.randn(2, 24, 6, 3)).shape
        torch.Size([2, 16, 6, 3])
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        dilation_rates: Sequence[int] = (1, 2, 4),
        branch_channels: int | None = None,
        norm: LayerSpec = GROUP_NORM,
        act: LayerSpec = RELU,
        zero: bool = False,
    ) -> None:
        super().__init__()
        check_spatial_dims("spatial_dims", spatial_dims)
        check_positive("in_channels", in_channels)
        check_positive("out_channels", out_channels)
        if not dilation_rates or not all(isinstance(rate, int) and rate > 0 for rate in dilation_rates):
            raise ValueError(f"`dilation_rates` needs one or more integers > 0, got {tuple(dilation_rates)}.")
        width = max(1, out_channels // 4) if branch_channels is None else branch_channels
        check_positive("branch_channels", width)
        branches: list[nn.Module] = [conv_layer(spatial_dims, in_channels, width, kernel_size=1)]
        branches += [DilatedConv(spatial_dims, in_channels, width, rate) for rate in dilation_rates]
        self.branches = nn.ModuleList(branches)
        last = conv_layer(spatial_dims, width * len(branches), out_channels, kernel_size=1, bias=True)
        if zero:
            for parameter in last.parameters():
                nn.init.zeros_(parameter)
        self.join = nn.Sequential(norm_act(norm, act, spatial_dims, width * len(branches)), last)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, out_channels, spatial) from (B, in_channels, spatial)."""
        seen: list[Tensor] = []
        for branch in self.branches:
            seen.append(branch(x))  # TorchScript does not know comprehensions over modules
        result: Tensor = self.join(torch.cat(seen, dim=1))
        return result
