# SPDX-License-Identifier: Apache-2.0
"""The shape stream: what follows the boundaries beside an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from monai_boundary._validation import check_choice, check_positive, check_spatial_dims
from monai_boundary.networks.blocks.layers import GROUP_NORM, RELU, LayerSpec, conv_layer, mean_pool, norm_act
from monai_boundary.networks.blocks.pre_activation import PreActivationBlock
from monai_boundary.networks.blocks.shape_gate import ShapeGate

STREAMS = ("fine", "descending")


class _GatedLevel(nn.Module):
    """One level of the stream: go there, gate by the encoder's output, then a residual block, or the last norm."""

    def __init__(self, pool: nn.Module, lateral: nn.Module, gate: ShapeGate, connection: nn.Module) -> None:
        super().__init__()
        self.pool = pool
        self.lateral = lateral
        self.gate = gate
        self.connection = connection

    def forward(self, shape: Tensor, main: Tensor) -> tuple[Tensor, Tensor]:
        gated, alpha = self.gate(self.pool(shape), self.lateral(main))
        return self.connection(gated), alpha


class ShapeStream(nn.Module):
    """A narrow stream that starts at an encoder's first level and is gated by each of the others.

    Hatamizadeh et al. 2019, Sec. 2.1: each level's output goes through a 1 x 1 convolution into the stream; an
    attention layer (`ShapeGate`) for each level after the first, with a residual block after all but the last. Four
    levels make the paper's three attention layers.

    **Decision:** the paper does not say at which resolution the stream runs. ``"fine"`` keeps the first level's, where
    an edge of one voxel still exists, and lets the gates bring what coarser levels know (as in Takikawa et al. 2019,
    which the paper follows). ``"descending"`` goes down with the encoder, the plainer reading of "the corresponding
    resolution", and takes the edges at the bottleneck's.

    **Decision:** the residual blocks have one convolution each. While training, a level's activations are computed
    again in the backward pass instead of being kept (unless they are batch-normalised, where that would count each
    batch twice); the gradient is the same. Both hold the price of a stream at full resolution down: see the concept
    page.

    Args:
        spatial_dims: 2 or 3.
        level_channels: channels of each encoder level, the first level first; two or more.
        level_strides: for each level, the image's size over its size, per axis.
        channels: width of the stream. Convolutions of fewer than 16 channels can be *slower* on CPUs.
        stream: ``"fine"`` or ``"descending"``.
        norm: MONAI's name of a normalisation, or name and arguments; it has to fit ``channels``.
        act: the same of an activation.
        recompute: compute again in the backward pass instead of keeping activations.

    Raises:
        ValueError: if ``spatial_dims`` is not 2 or 3, there are fewer than two levels, a stride is none of the next
            level's divisors, or an argument is out of its range.

    Example:
        >>> import torch
        >>> from monai_boundary.networks import ShapeStream
        >>> stream = ShapeStream(2, (16, 32, 64), ((1, 1), (2, 2), (4, 4)))
        >>> levels = [torch.randn(1, 16, 8, 8), torch.randn(1, 32, 4, 4), torch.randn(1, 64, 2, 2)]
        >>> shape, maps = stream(levels)
        >>> shape.shape, [tuple(alpha.shape) for alpha in maps]
        (torch.Size([1, 16, 8, 8]), [(1, 1, 8, 8), (1, 1, 8, 8)])
    """

    def __init__(
        self,
        spatial_dims: int,
        level_channels: Sequence[int],
        level_strides: Sequence[Sequence[int]],
        channels: int = 16,
        stream: str = "fine",
        norm: LayerSpec = GROUP_NORM,
        act: LayerSpec = RELU,
        recompute: bool = True,
    ) -> None:
        super().__init__()
        check_spatial_dims("spatial_dims", spatial_dims)
        check_positive("channels", channels)
        check_choice("stream", stream, STREAMS)
        check_levels(level_channels, level_strides)
        self.entry = conv_layer(spatial_dims, level_channels[0], channels, kernel_size=1, bias=True)
        levels = []
        last = len(level_channels) - 1
        here = tuple(level_strides[0])
        for number in range(1, last + 1):
            there = tuple(level_strides[number]) if stream == "descending" else here
            levels.append(
                _GatedLevel(
                    mean_pool(spatial_dims, [b // a for a, b in zip(here, there, strict=True)]),
                    conv_layer(spatial_dims, level_channels[number], channels, kernel_size=1, bias=True),
                    ShapeGate(spatial_dims, channels, channels),
                    PreActivationBlock(spatial_dims, channels, norm, act, convolutions=1)
                    if number < last
                    else norm_act(norm, act, spatial_dims, channels),
                )
            )
            here = there
        self.levels = nn.ModuleList(levels)
        # Batch statistics would count each batch twice.
        self.recompute = recompute and not any(isinstance(module, _BatchNorm) for module in self.modules())
        self.to_deepest = mean_pool(spatial_dims, [b // a for a, b in zip(here, level_strides[-1], strict=True)])

    def forward(self, features: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Return the stream's output (B, channels, spatial), normalised and activated, and the attention maps.

        Args:
            features: the encoder's outputs, the first level first.
        """
        shape = self.entry(features[0])
        maps: list[Tensor] = []
        for number, level in enumerate(self.levels):
            if not torch.jit.is_scripting() and self._keeps_less():  # type: ignore[attr-defined]
                shape, alpha = checkpoint(
                    level, shape, features[number + 1], use_reentrant=False, preserve_rng_state=False
                )
            else:
                shape, alpha = level(shape, features[number + 1])
            maps.append(alpha)
        return shape, maps

    def _keeps_less(self) -> bool:
        # A compiler decides by itself what to keep.
        return self.recompute and self.training and torch.is_grad_enabled() and not torch.compiler.is_compiling()


def check_levels(level_channels: Sequence[int], level_strides: Sequence[Sequence[int]]) -> None:
    """Raise ``ValueError`` unless there are two or more levels, with strides that divide those of the next level."""
    if len(level_channels) < 2:
        raise ValueError(f"`level_channels` needs two or more levels, got {tuple(level_channels)}.")
    if len(level_strides) != len(level_channels):
        raise ValueError(f"`level_strides` needs {len(level_channels)} levels, got {len(level_strides)}.")
    for fine, coarse in pairwise(level_strides):
        if any(b % a for a, b in zip(fine, coarse, strict=True)):
            raise ValueError(f"`level_strides` needs each to divide the next, got {tuple(fine)} and {tuple(coarse)}.")
