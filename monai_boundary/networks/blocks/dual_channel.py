# SPDX-License-Identifier: Apache-2.0
"""The block of DC-UNet: two chains of convolutions."""

from __future__ import annotations

import torch
from monai.networks.layers import get_act_layer
from torch import Tensor, nn

from monai_boundary._validation import check_positive, check_spatial_dims
from monai_boundary.networks.blocks.layers import LayerSpec, conv_layer, norm_layer

# Shares of a block's width that its three convolutions take: Ibtehaz & Rahman 2020, Sec. 3.1, which DC-UNet keeps.
SHARES = (1 / 6, 1 / 3, 1 / 2)
# Normalisation comes after the activation here, so each needs its own input for the gradient.
NEW_RELU: LayerSpec = ("RELU", {"inplace": False})


def conv_norm_act(
    spatial_dims: int, in_channels: int, out_channels: int, kernel_size: int, norm: LayerSpec, act: LayerSpec
) -> nn.Sequential:
    """Return convolution, normalisation and, unless ``act`` is ``""``, activation."""
    return nn.Sequential(
        conv_layer(spatial_dims, in_channels, out_channels, kernel_size, bias=norm == ""),
        norm_layer(norm, spatial_dims, out_channels),
        get_act_layer(act),
    )


class _Channel(nn.Module):
    """Three 3 x 3 (x 3) convolutions one after the other, their outputs side by side: fields of 3, 5 and 7 voxels."""

    def __init__(self, spatial_dims: int, in_channels: int, widths: list[int], norm: LayerSpec, act: LayerSpec) -> None:
        super().__init__()
        self.first = conv_norm_act(spatial_dims, in_channels, widths[0], 3, norm, act)
        self.second = conv_norm_act(spatial_dims, widths[0], widths[1], 3, norm, act)
        self.third = conv_norm_act(spatial_dims, widths[1], widths[2], 3, norm, act)
        self.norm = norm_layer(norm, spatial_dims, sum(widths))

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        second = self.second(first)
        result: Tensor = self.norm(torch.cat([first, second, self.third(second)], dim=1))
        return result


class DualChannelBlock(nn.Module):
    """Two chains of three convolutions each, added: DC-UNet's block, Lou et al. 2021, Sec. 2.

    Each chain gives 1/6, 1/3 and 1/2 of the width, rounded down, so that ``out_channels`` is a little less than
    ``width`` times ``filters``. Spatial size kept; the gradient flows through all chains.

    DC-UNet puts the second chain in the place of the 1 x 1 shortcut of MultiResUNet's block. **Decision:** the shortcut
    stays beside the two chains by default, for with it the network has the 10.8 million parameters of the one that was
    released with BALoss; without it 10.1 million, as DC-UNet's own.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input (B, in_channels, H, W[, D]).
        filters: of the plain U-Net's block that this one replaces.
        width: factor to ``filters``; 5/3 gives the cost of the plain block (1.67 in the paper).
        norm: MONAI's name of a normalisation, or name and arguments.
        act: the same of an activation.
        shortcut: add a 1 x 1 convolution of the input.

    Raises:
        ValueError: if ``spatial_dims`` is not 2 or 3, or the width is less than 6 channels.

    Example:
        >>> import torch
        >>> from monai_boundary.networks import DualChannelBlock
        >>> block = DualChannelBlock(2, in_channels=1, filters=32)
        >>> block.out_channels, tuple(block(torch.randn(2, 1, 9, 7)).shape)
        (51, (2, 51, 9, 7))
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        filters: int,
        width: float = 1.67,
        norm: LayerSpec = "BATCH",
        act: LayerSpec = NEW_RELU,
        shortcut: bool = True,
    ) -> None:
        super().__init__()
        check_spatial_dims("spatial_dims", spatial_dims)
        check_positive("in_channels", in_channels)
        widths = [int(width * filters * share) for share in SHARES]
        if widths[0] < 1:
            raise ValueError(f"`filters` needs to be {6 / width:.0f} or more at width {width}, got {filters}.")
        self.out_channels = sum(widths)
        self.left = _Channel(spatial_dims, in_channels, widths, norm, act)
        self.right = _Channel(spatial_dims, in_channels, widths, norm, act)
        self.has_shortcut = shortcut
        straight = conv_norm_act(spatial_dims, in_channels, self.out_channels, 1, norm, "")
        self.shortcut = straight if shortcut else nn.Identity()
        self.finish = nn.Sequential(get_act_layer(act), norm_layer(norm, spatial_dims, self.out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, out_channels, spatial) from (B, in_channels, spatial)."""
        both = self.left(x) + self.right(x)
        result: Tensor = self.finish(both + self.shortcut(x) if self.has_shortcut else both)
        return result
