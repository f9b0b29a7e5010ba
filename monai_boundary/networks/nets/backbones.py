# SPDX-License-Identifier: Apache-2.0
"""MONAI's networks taken apart: encoder levels here, decoder there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

from monai.networks.layers.simplelayers import SkipConnection
from monai.networks.nets import BasicUNet, DynUNet, SegResNet, UNet
from torch import Tensor, cat, nn

from monai_boundary.networks.nets.skip_decoder import SkipDecoder


class BackboneParts(NamedTuple):
    """An encoder-decoder in two: what `ShapeStreamNet` needs to know of it.

    Attributes:
        levels: the encoder; each module takes the output of the one before, the first takes the image.
        decoder: called as ``decoder(levels' outputs, deep)``, the first level first; returns logits, those at the full
            resolution first, then, where ``deep`` is true, coarser ones.
        in_channels: of the image.
        channels: of each level's output.
        strides: for each level, the image's size over its size, per axis.
    """

    levels: Sequence[nn.Module]
    decoder: nn.Module
    in_channels: int
    channels: Sequence[int]
    strides: Sequence[Sequence[int]]


class _SumStep(nn.Module):
    """SegResNet's step: up, add the skip, convolve."""

    def __init__(self, up: nn.Module, layer: nn.Module) -> None:
        super().__init__()
        self.up = up
        self.layer = layer

    def forward(self, deeper: Tensor, skip: Tensor) -> Tensor:
        result: Tensor = self.layer(self.up(deeper) + skip)
        return result


class _ConcatStep(nn.Module):
    """UNet's step: the skip and what is deeper side by side, then up."""

    def __init__(self, up: nn.Module) -> None:
        super().__init__()
        self.up = up

    def forward(self, deeper: Tensor, skip: Tensor) -> Tensor:
        result: Tensor = self.up(cat([skip, deeper], dim=1))
        return result


def _out_channels(level: nn.Module) -> int:
    return int([m for m in level.modules() if isinstance(m, (nn.Conv2d, nn.Conv3d))][-1].out_channels)


def cumulative_strides(strides: Sequence[Sequence[int] | int], spatial_dims: int) -> list[tuple[int, ...]]:
    """Return, for each level, the product of the strides to it, per axis."""
    each = [(s,) * spatial_dims if isinstance(s, int) else tuple(int(v) for v in s) for s in strides]
    return list(accumulate(each, lambda a, b: tuple(x * y for x, y in zip(a, b, strict=True))))


def _parts(
    levels: Sequence[nn.Module], decoder: nn.Module, in_channels: int, strides: Sequence[Sequence[int]]
) -> BackboneParts:
    return BackboneParts(levels, decoder, in_channels, [_out_channels(level) for level in levels], strides)


def _segresnet(net: SegResNet) -> BackboneParts:
    if not net.use_conv_final:
        raise ValueError("`backbone` needs `use_conv_final=True` to give logits, got a SegResNet without.")
    before = [net.convInit] if net.dropout_prob is None else [net.convInit, net.dropout]
    first, *others = net.down_layers
    levels = [nn.Sequential(*before, first), *others]
    steps = [_SumStep(up, layer) for up, layer in zip(net.up_samples, net.up_layers, strict=True)]
    if len(steps) != len(others):
        raise ValueError(f"`backbone` needs `blocks_up` of {len(others)} levels, got {len(steps)}.")
    strides = cumulative_strides([1, *[2] * len(others)], net.spatial_dims)
    return _parts(levels, SkipDecoder(steps, net.conv_final), net.in_channels, strides)


def _dynunet(net: DynUNet) -> BackboneParts:
    levels = [net.input_block, *net.downsamples, net.bottleneck]
    # Head k belongs to level k + 1; the steps start at the deepest level.
    heads = net.deep_supervision_heads if net.deep_supervision else []
    side = {len(net.upsamples) - 2 - k: head for k, head in enumerate(heads)}
    decoder = SkipDecoder(list(net.upsamples), net.output_block, side)
    return _parts(levels, decoder, net.in_channels, cumulative_strides(net.strides, net.spatial_dims))


def _unet(net: UNet) -> BackboneParts:
    levels: list[nn.Module] = []
    steps: list[nn.Module] = []
    part: nn.Module = net.model
    while isinstance(part, nn.Sequential) and len(part) == 3 and isinstance(part[1], SkipConnection):
        levels.append(part[0])
        steps.insert(0, _ConcatStep(part[2]))
        part = part[1].submodule
    levels.append(part)
    # The bottom layer has stride 1, and gets what is left of `strides` if there are too many.
    strides = cumulative_strides([*net.strides[: len(steps)], 1], net.dimensions)
    return _parts(levels, SkipDecoder(steps, nn.Identity()), net.in_channels, strides)


def _basic_unet(net: BasicUNet) -> BackboneParts:
    levels = [net.conv_0, net.down_1, net.down_2, net.down_3, net.down_4]
    steps = [net.upcat_4, net.upcat_3, net.upcat_2, net.upcat_1]
    decoder = SkipDecoder(steps, net.final_conv)
    first = next(m for m in net.conv_0.modules() if isinstance(m, (nn.Conv2d, nn.Conv3d)))
    return _parts(levels, decoder, first.in_channels, cumulative_strides([1, 2, 2, 2, 2], first.weight.ndim - 2))


_KNOWN: dict[type[nn.Module], Callable[..., BackboneParts]] = {
    SegResNet: _segresnet,
    DynUNet: _dynunet,
    UNet: _unet,
    BasicUNet: _basic_unet,
}


def backbone_parts(backbone: nn.Module) -> BackboneParts:
    """Return the encoder levels and the decoder of a MONAI network, made of the network's own modules.

    Known are ``SegResNet``, ``DynUNet``, ``UNet`` and ``BasicUNet``: convolutional encoder-decoders in which one tensor
    goes from level to level, with a skip at each. Other networks come as `BackboneParts` of your own making. Not their
    subclasses, whose ``forward`` may do something else (``SegResNetVAE``), and no transformers: their first level is
    already at a quarter of the resolution or less, where no edges are left to follow.

    Args:
        backbone: the network; its weights are shared, not copied.

    Raises:
        TypeError: if the network is not one of them.
        ValueError: if it is a ``SegResNet`` without final convolution, or with fewer steps up than down.

    Example:
        >>> from monai.networks.nets import SegResNet
        >>> from monai_boundary.networks import backbone_parts
        >>> parts = backbone_parts(SegResNet(2, init_filters=8, blocks_down=(1, 1, 1), blocks_up=(1, 1)))
        >>> parts.channels, parts.strides
        ([8, 16, 32], [(1, 1), (2, 2), (4, 4)])
    """
    take_apart = _KNOWN.get(type(backbone))
    if take_apart is None:
        known = ", ".join(cls.__name__ for cls in _KNOWN)
        raise TypeError(f"`backbone` needs to be BackboneParts or one of {known}, got {type(backbone).__name__}.")
    return take_apart(backbone)
