# SPDX-License-Identifier: Apache-2.0
"""The skip connection of DC-UNet: residual convolutions."""

from __future__ import annotations

from monai.networks.layers import get_act_layer
from torch import Tensor, nn

from monai_boundary._validation import check_positive, check_spatial_dims
from monai_boundary.networks.blocks.dual_channel import NEW_RELU, conv_norm_act
from monai_boundary.networks.blocks.layers import LayerSpec, norm_layer


class _PathStep(nn.Module):
    def __init__(self, spatial_dims: int, in_channels: int, channels: int, norm: LayerSpec, act: LayerSpec) -> None:
        super().__init__()
        self.straight = conv_norm_act(spatial_dims, in_channels, channels, 1, norm, "")
        self.bent = conv_norm_act(spatial_dims, in_channels, channels, 3, norm, act)
        self.finish = nn.Sequential(get_act_layer(act), norm_layer(norm, spatial_dims, channels))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.finish(self.straight(x) + self.bent(x))
        return result


class ResidualPath(nn.Module):
    """Residual convolutions on a skip connection, so that encoder and decoder meet at like depth.

    The Res-path of Ibtehaz & Rahman 2020 (MultiResUNet), Sec. 3.2, which DC-UNet keeps: ``length`` times the sum of
    a 1 x 1 and a 3 x 3 (x 3) convolution. Spatial size kept.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input (B, in_channels, H, W[, D]).
        channels: channels of the output.
        length: number of steps; the outer skips of a U-Net get more of them.
        norm: MONAI's name of a normalisation, or name and arguments.
        act: the same of an activation.

    Raises:
        ValueError: if ``spatial_dims`` is not 2 or 3, or a number is not positive.

    Example:
        >>> import torch
        >>> from monai_boundary.networks import ResidualPath
        >>> ResidualPath(3, in_channels=5, channels=4, length=2)(torch.randn(1, 5, 4, 4, 3)).shape
        torch.Size([1, 4, 4, 4, 3])
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        channels: int,
        length: int,
        norm: LayerSpec = "BATCH",
        act: LayerSpec = NEW_RELU,
    ) -> None:
        super().__init__()
        check_spatial_dims("spatial_dims", spatial_dims)
        check_positive("in_channels", in_channels)
        check_positive("channels", channels)
        check_positive("length", length)
        widths = [in_channels, *[channels] * (length - 1)]
        self.steps = nn.Sequential(*[_PathStep(spatial_dims, width, channels, norm, act) for width in widths])

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, channels, spatial) from (B, in_channels, spatial)."""
        result: Tensor = self.steps(x)
        return result
