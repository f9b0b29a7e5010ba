# SPDX-License-Identifier: Apache-2.0
"""The attention gate of the shape stream."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from monai_boundary._validation import check_positive, check_spatial_dims
from monai_boundary.networks.blocks.layers import conv_layer, resize_linear


class ShapeGate(nn.Module):
    """Let the main stream say where the shape stream is to look: one map per sample, between 0 and 1.

    Hatamizadeh et al. 2019, Eq. 1 and 2, with s the shape stream, m the main stream, and C a 1 x 1 convolution to one
    channel: ``alpha = sigmoid(C(s || m))``, ``o = s * alpha``.

    C of the concatenation is the sum of a convolution of s and one of m, and a 1 x 1 convolution and linear resizing
    may change places. So where m is coarser than s, one channel is resized, and nothing is concatenated: the value is
    that of the equation with m resized to s, at a fraction of its memory.

    Gradient flows to both streams.

    Args:
        spatial_dims: 2 or 3.
        shape_channels: channels of the shape stream.
        main_channels: channels of what comes from the main stream.

    Raises:
        ValueError: if ``spatial_dims`` is not 2 or 3, or a number of channels is not positive.

    Example:
        >>> import torch
        >>> from monai_boundary.networks import ShapeGate
        >>> gate = ShapeGate(2, shape_channels=8, main_channels=32)
        >>> gated, alpha = gate(torch.randn(1, 8, 16, 16), torch.randn(1, 32, 4, 4))
        >>> gated.shape, alpha.shape
        (torch.Size([1, 8, 16, 16]), torch.Size([1, 1, 16, 16]))
    """

    def __init__(self, spatial_dims: int, shape_channels: int, main_channels: int) -> None:
        super().__init__()
        check_spatial_dims("spatial_dims", spatial_dims)
        check_positive("shape_channels", shape_channels)
        check_positive("main_channels", main_channels)
        self.from_shape = conv_layer(spatial_dims, shape_channels, 1, kernel_size=1, bias=True)
        self.from_main = conv_layer(spatial_dims, main_channels, 1, kernel_size=1)

    def forward(self, shape: Tensor, main: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gated shape stream and the attention map.

        Args:
            shape: s, (B, shape_channels, spatial).
            main: m, (B, main_channels, spatial), at the same size or another, over the same field of view.
        """
        alpha = torch.sigmoid(self.from_shape(shape) + resize_linear(self.from_main(main), list(shape.shape[2:])))
        return shape * alpha, alpha
