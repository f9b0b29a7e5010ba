# SPDX-License-Identifier: Apache-2.0
"""The boundary-aware network."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from monai_boundary._validation import check_positive, check_spatial_dims
from monai_boundary.networks.blocks.layers import GROUP_NORM, RELU, LayerSpec, conv_layer, norm_act, resize_linear
from monai_boundary.networks.blocks.pre_activation import PreActivationBlock
from monai_boundary.networks.nets.backbones import BackboneParts, cumulative_strides
from monai_boundary.networks.nets.shape_stream_net import ShapeStreamNet
from monai_boundary.networks.nets.skip_decoder import SkipDecoder


class _UpStep(nn.Module):
    """Fewer channels, linear upsampling to the skip's size, the sum with the skip, residual blocks."""

    def __init__(self, narrow: nn.Module, blocks: nn.Module) -> None:
        super().__init__()
        self.narrow = narrow
        self.blocks = blocks

    def forward(self, deeper: Tensor, skip: Tensor) -> Tensor:
        result: Tensor = self.blocks(resize_linear(self.narrow(deeper), list(skip.shape[2:])) + skip)
        return result


class BoundaryAwareNet(ShapeStreamNet):
    """The boundary-aware network: residual encoder-decoder, shape stream with attention gates, dilated pyramid.

    Hatamizadeh et al. 2019, Sec. 2; no code was released. Two residual blocks per encoder level, a gate for each level
    after the first, and dilated pyramid pooling of encoder and stream in the encoder's place. **Decisions**, where the
    paper is silent: strided convolutions downwards; upwards a 1 x 1 convolution, linear upsampling, the *sum* with the
    skip and one residual block (as in Myronenko's network, which the paper names its relative); the edge head gives
    logits. The rest is in `ShapeStream` and `DilatedPyramid`. 2-D and 3-D.

    What comes back, sizes, export and attention maps: as `ShapeStreamNet`. In training mode
    ``(segmentation, edge, *coarser segmentations)``, in eval mode the segmentation.

    With the defaults 1.1 million parameters in 2-D, 3.4 million in 3-D, and a receptive field of 249 voxels per axis
    (the normalisation, and with it every output voxel, sees the whole image on top of that).

    Args:
        spatial_dims: 2 or 3.
        in_channels: modalities.
        out_channels: classes, C.
        edge_channels: channels of the edge head; 1 for the edge of any class, or one for each class.
        channels: width of each encoder level; two or more.
        blocks_down: residual blocks of each encoder level; one number for all, or one for each.
        blocks_up: residual blocks of each decoder level, the deepest first; one number for all, or one for each.
        strides: from level to level, 1 to 3; one number for all, or for each of the steps a number or one per axis, as
            ``((2, 2, 1), 2, 2)`` for thick slices.
        stream_channels: width of the shape stream.
        stream: ``"fine"`` or ``"descending"``: see `ShapeStream`.
        dilation_rates: of the pyramid; along each axis at most the deepest level's size less one.
        norm: MONAI's name of a normalisation, or name and arguments; it has to fit every width.
        act: the same of an activation.
        dropout: share of values set to 0 within each residual block of the main stream, or MONAI's name and arguments.
        deep_supervision: number of decoder levels below the full resolution that get a head.
        recompute: compute the stream's activations again in the backward pass instead of keeping them.

    Raises:
        ValueError: if an argument is out of its range or of the wrong length; when called, for an image with the wrong
            number of axes or channels, or of a size that the strides do not divide (the least size is named).

    Example:
        >>> import torch
        >>> from monai_boundary.networks import BoundaryAwareNet
        >>> net = BoundaryAwareNet(2, in_channels=1, out_channels=2, channels=(8, 16, 32))
        >>> image = torch.rand(1, 1, 24, 16)
        >>> [tuple(head.shape) for head in net(image)]
        [(1, 2, 24, 16), (1, 1, 24, 16)]
        >>> net = net.eval()
        >>> net(image).shape, [tuple(alpha.shape) for alpha in net.attention_maps(image)]
        (torch.Size([1, 2, 24, 16]), [(1, 1, 24, 16), (1, 1, 24, 16)])
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        edge_channels: int = 1,
        channels: Sequence[int] = (16, 32, 64, 128),
        blocks_down: Sequence[int] | int = 2,
        blocks_up: Sequence[int] | int = 1,
        strides: Sequence[Sequence[int] | int] | int = 2,
        stream_channels: int = 16,
        stream: str = "fine",
        dilation_rates: Sequence[int] = (1, 2, 4),
        norm: LayerSpec = GROUP_NORM,
        act: LayerSpec = RELU,
        dropout: float | LayerSpec = 0.0,
        deep_supervision: int = 0,
        recompute: bool = True,
    ) -> None:
        check_spatial_dims("spatial_dims", spatial_dims)
        check_positive("in_channels", in_channels)
        check_positive("out_channels", out_channels)
        if len(channels) < 2:
            raise ValueError(f"`channels` needs two or more levels, got {tuple(channels)}.")
        steps = len(channels) - 1
        if not 0 <= deep_supervision < steps:
            raise ValueError(f"`deep_supervision` needs 0 to {steps - 1} levels, got {deep_supervision}.")
        down = _each("blocks_down", blocks_down, len(channels))
        up = _each("blocks_up", blocks_up, steps)
        pace = _check_strides(strides, steps, spatial_dims)

        def blocks(width: int, number: int) -> list[nn.Module]:
            return [PreActivationBlock(spatial_dims, width, norm, act, dropout) for _ in range(number)]

        def head(width: int) -> nn.Module:
            last = conv_layer(spatial_dims, width, out_channels, kernel_size=1, bias=True)
            return nn.Sequential(norm_act(norm, act, spatial_dims, width), last)

        levels = [
            nn.Sequential(conv_layer(spatial_dims, before, width, stride=stride), *blocks(width, number))
            for before, width, stride, number in zip(
                (in_channels, *channels), channels, ((1,) * spatial_dims, *pace), down, strict=False
            )
        ]
        upwards = list(channels[::-1])
        decoder = SkipDecoder(
            [
                _UpStep(conv_layer(spatial_dims, wide, narrow, kernel_size=1), nn.Sequential(*blocks(narrow, number)))
                for wide, narrow, number in zip(upwards[:-1], upwards[1:], up, strict=True)
            ],
            head(channels[0]),
            {steps - 1 - k: head(channels[k]) for k in range(1, deep_supervision + 1)},
        )
        reach = cumulative_strides([1, *pace], spatial_dims)
        parts = BackboneParts(levels, decoder, in_channels, channels, reach)
        super().__init__(parts, edge_channels, stream_channels, stream, dilation_rates, False, norm, act, recompute)


def _each(name: str, value: Sequence[int] | int, length: int) -> list[int]:
    """Return one number of blocks for each level."""
    numbers = [value] * length if isinstance(value, int) else list(value)
    if len(numbers) != length or any(number < 1 for number in numbers):
        raise ValueError(f"`{name}` needs {length} numbers >= 1, got {value}.")
    return numbers


def _check_strides(
    strides: Sequence[Sequence[int] | int] | int, steps: int, spatial_dims: int
) -> list[tuple[int, ...]]:
    """Return one stride per step and axis."""
    given = [strides] * steps if isinstance(strides, int) else list(strides)
    each = [(stride,) * spatial_dims if isinstance(stride, int) else tuple(stride) for stride in given]
    if len(each) != steps or any(len(stride) != spatial_dims for stride in each):
        raise ValueError(
            f"`strides` needs {steps} steps (one less than levels), each {spatial_dims} long, got {strides}."
        )
    if any(not 1 <= value <= 3 for stride in each for value in stride):
        raise ValueError(f"`strides` needs 1, 2 or 3 along each axis, got {strides}.")
    return each
