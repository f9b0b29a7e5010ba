# SPDX-License-Identifier: Apache-2.0
"""The residual block of the boundary-aware network."""

from __future__ import annotations

from typing import cast

from monai.networks.layers import get_dropout_layer
from torch import Tensor, nn

from monai_boundary._validation import check_positive, check_spatial_dims
from monai_boundary.networks.blocks.layers import GROUP_NORM, RELU, LayerSpec, conv_layer, norm_act


class PreActivationBlock(nn.Module):
    """A residual block with normalisation and activation before each of its 3 x 3 (x 3) convolutions.

    ``x + conv(drop(act(norm(conv(act(norm(x)))))))``: He et al. 2016 (identity mappings), as in the encoder of
    Myronenko 2018, which the paper's authors share. The paper says "residual block" and no more (Sec. 2.1). Shape in
    and
    out: (B, C, H, W[, D]). The gradient flows unchanged through the sum.

    Args:
        spatial_dims: 2 or 3.
        channels: in and out.
        norm: MONAI's name of a normalisation, or name and arguments; ``""`` for none.
        act: the same of an activation.
        dropout: share of values set to 0 before the last convolution while training, or MONAI's name and arguments.
        convolutions: how many; two make the usual block.

    Raises:
        ValueError: if ``spatial_dims`` is not 2 or 3, a number not positive, or the norm does not fit the channels.

    Example:
        >>> import torch
        >>> from monai_boundary.networks import PreActivationBlock
        >>> PreActivationBlock(3, 8)(torch.randn(1, 8, 4, 6, 5)).shape
        torch.Size([1, 8, 4, 6, 5])
    """

    def __init__(
        self,
        spatial_dims: int,
        channels: int,
        norm: LayerSpec = GROUP_NORM,
        act: LayerSpec = RELU,
        dropout: float | LayerSpec = 0.0,
        convolutions: int = 2,
    ) -> None:
        super().__init__()
        check_spatial_dims("spatial_dims", spatial_dims)
        check_positive("channels", channels)
        check_positive("convolutions", convolutions)
        drop = nn.Identity() if dropout == 0 else cast("nn.Module", get_dropout_layer(dropout))
        layers: list[nn.Module] = []
        for _ in range(convolutions):
            layers += [norm_act(norm, act, spatial_dims, channels), conv_layer(spatial_dims, channels, channels)]
        layers.insert(-1, drop)
        self.branch = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, spatial) from the same."""
        result: Tensor = x + self.branch(x)
        return result
