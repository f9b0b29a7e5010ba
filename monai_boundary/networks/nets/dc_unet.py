# SPDX-License-Identifier: Apache-2.0
"""DC-UNet, the second network of the barrier-cut paper."""

from __future__ import annotations

import torch
from monai.networks.layers.factories import Conv, Pool
from torch import Tensor, nn

from monai_boundary._validation import check_positive, check_spatial_dims
from monai_boundary.networks.blocks.dual_channel import NEW_RELU, DualChannelBlock
from monai_boundary.networks.blocks.layers import LayerSpec, conv_layer
from monai_boundary.networks.blocks.residual_path import ResidualPath
from monai_boundary.networks.nets.input_size import check_input


class _Join(nn.Module):
    """Up by a transposed convolution, the skip through its residual path, both side by side, a block."""

    def __init__(self, up: nn.Module, path: nn.Module, block: nn.Module) -> None:
        super().__init__()
        self.up = up
        self.path = path
        self.block = block

    def forward(self, deeper: Tensor, skip: Tensor) -> Tensor:
        result: Tensor = self.block(torch.cat([self.up(deeper), self.path(skip)], dim=1))
        return result


class DCUNet(nn.Module):
    """DC-UNet: a U-Net of dual-channel blocks with residual paths on its skips, in 2-D and, as an extension, 3-D.

    Lou et al. 2021, on MultiResUNet (Ibtehaz & Rahman 2020); the second network of Ôn Vũ Ngọc et al. 2021 (BALoss). It
    ends in a 1 x 1 convolution to logits: no tanh, no sigmoid. ``filters``, twice, 4, 8 and 16 times as many per level;
    maximum pooling by 2 downwards, transposed convolutions upwards; the paths have 4, 3, 2 and 1 steps.

    With the defaults, one channel in and out: 10.8 million parameters in 2-D, 29.4 million in 3-D; a receptive field of
    298 voxels per axis.

    The output (B, out_channels, spatial) is one tensor in training and in eval mode. Sizes: multiples of
    2^(depth - 1), with two voxels or more at the deepest level in all.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
        out_channels: classes.
        filters: of the first level.
        depth: number of levels, 2 or more; 5 in the paper.
        width: factor to ``filters`` within the blocks.
        norm: MONAI's name of a normalisation, or name and arguments. The blocks' widths are odd numbers: groups
            will seldom fit.
        act: the same of an activation.
        shortcut: add a 1 x 1 convolution around each block, which then learns a residue.

    Raises:
        ValueError: if an argument is out of its range; when called, for an image with the wrong number of axes or
            channels, or of a size that the strides do not divide (the least size is named).

    Example:
        >>> import torch
        >>> from monai_boundary.networks import DCUNet
        >>> DCUNet(2, in_channels=1, out_channels=1, filters=4, depth=3)(torch.randn(2, 1, 12, 8)).shape
        torch.Size([2, 1, 12, 8])
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        filters: int = 32,
        depth: int = 5,
        width: float = 1.67,
        norm: LayerSpec = "BATCH",
        act: LayerSpec = NEW_RELU,
        shortcut: bool = True,
    ) -> None:
        super().__init__()
        check_spatial_dims("spatial_dims", spatial_dims)
        check_positive("in_channels", in_channels)
        check_positive("out_channels", out_channels)
        if depth < 2:
            raise ValueError(f"`depth` needs 2 or more levels, got {depth}.")
        self.in_channels = in_channels
        self.strides = [2 ** (depth - 1)] * spatial_dims
        self.pool = Pool[Pool.MAX, spatial_dims](2)
        up = Conv[Conv.CONVTRANS, spatial_dims]

        def block(channels: int, level: int) -> DualChannelBlock:
            return DualChannelBlock(spatial_dims, channels, filters * 2**level, width, norm, act, shortcut)

        downs: list[DualChannelBlock] = []
        for level in range(depth):
            downs.append(block(downs[-1].out_channels if downs else in_channels, level))
        joins: list[nn.Module] = []
        channels = downs[-1].out_channels
        for level in range(depth - 2, -1, -1):
            own = filters * 2**level
            path = ResidualPath(spatial_dims, downs[level].out_channels, own, depth - 1 - level, norm, act)
            joined = block(2 * own, level)
            joins.append(_Join(up(channels, own, 2, 2), path, joined))
            channels = joined.out_channels
        self.downs = nn.ModuleList(downs)
        self.joins = nn.ModuleList(joins)
        self.head = conv_layer(spatial_dims, channels, out_channels, kernel_size=1, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, out_channels, spatial).

        Args:
            x: image (B, in_channels, spatial).
        """
        if not torch.jit.is_tracing():  # type: ignore[attr-defined]
            check_input(x, self.in_channels, self.strides)
        features: list[Tensor] = []
        for level, down in enumerate(self.downs):
            x = down(x if level == 0 else self.pool(x))
            features.append(x)
        for level, join in enumerate(self.joins):
            x = join(x, features[-2 - level])
        result: Tensor = self.head(x)
        return result
