# SPDX-License-Identifier: Apache-2.0
"""A shape stream added to an encoder-decoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from monai_boundary._validation import check_positive
from monai_boundary.networks.blocks.dilated_pyramid import DilatedPyramid
from monai_boundary.networks.blocks.layers import GROUP_NORM, RELU, LayerSpec, conv_layer, norm_act, resize_linear
from monai_boundary.networks.blocks.shape_stream import ShapeStream
from monai_boundary.networks.nets.backbones import BackboneParts, backbone_parts
from monai_boundary.networks.nets.input_size import check_input


class ShapeStreamNet(nn.Module):
    """An encoder-decoder with a shape stream beside its encoder and an edge head.

    Hatamizadeh et al. 2019, Sec. 2.1, around a network of your own: the encoder's levels feed a `ShapeStream`; its
    output is concatenated with the encoder's, goes through a `DilatedPyramid`, and from there into the backbone's
    decoder; an edge head reads the stream.

    - **Training mode** returns a plain tuple ``(segmentation, edge, *coarser segmentations)`` of logits,
      (B, C, spatial) and (B, edge_channels, spatial), both at the segmentation's size; the coarser ones come with a
      ``DynUNet`` built with deep supervision, the finest first, at their own sizes.
    - **Eval mode** returns the segmentation alone, as everything outside expects it (sliding window, bundle checks,
      export). The edge head is not computed.
    - `forward_heads` gives both in either mode, `attention_maps` the maps of the gates.

    TorchScript, ``torch.export`` and ONNX take the network in eval mode; a scripted network returns the segmentation in
    either mode, and has ``forward_heads`` and ``attention_maps`` too. ``state_dict()`` has its own names: load
    weights of the backbone into the backbone, before or after, for both share them.

    Sizes: each axis a multiple of the backbone's strides, with two voxels or more at the deepest level in all.

    Args:
        backbone: a MONAI ``SegResNet``, ``DynUNet``, ``UNet`` or ``BasicUNet``, or `BackboneParts`.
        edge_channels: channels of the edge head; 1 for the edge of any class, or one for each class.
        stream_channels: width of the stream.
        stream: ``"fine"`` or ``"descending"``: see `ShapeStream`.
        dilation_rates: of the pyramid.
        residual: add the pyramid to the encoder's output, and start it at 0, so that a trained backbone gives at first
            exactly what it gave without the stream; or, with ``False``, let it take the output's place, as in the
            paper.
        norm: normalisation of the added layers, in MONAI's words.
        act: activation of the added layers, in MONAI's words.
        recompute: compute the stream's activations again in the backward pass instead of keeping them.

    Raises:
        TypeError: if the backbone is of another kind.
        ValueError: if an argument is out of its range; when called, for an image with the wrong number of axes or
            channels, or of a size that the strides do not divide (the least size is named).

    Example:
        >>> import torch
        >>> from monai.networks.nets import SegResNet
        >>> from monai_boundary.networks import ShapeStreamNet
        >>> net = ShapeStreamNet(SegResNet(2, init_filters=8, in_channels=4, out_channels=3))
        >>> image = torch.randn(1, 4, 32, 48)
        >>> segmentation, edge = net.train()(image)
        >>> segmentation.shape, edge.shape
        (torch.Size([1, 3, 32, 48]), torch.Size([1, 1, 32, 48]))
        >>> net.eval()(image).shape
        torch.Size([1, 3, 32, 48])
    """

    def __init__(
        self,
        backbone: nn.Module | BackboneParts,
        edge_channels: int = 1,
        stream_channels: int = 16,
        stream: str = "fine",
        dilation_rates: Sequence[int] = (1, 2, 4),
        residual: bool = True,
        norm: LayerSpec = GROUP_NORM,
        act: LayerSpec = RELU,
        recompute: bool = True,
    ) -> None:
        super().__init__()
        parts = backbone if isinstance(backbone, BackboneParts) else backbone_parts(backbone)
        check_positive("edge_channels", edge_channels)
        dims = len(parts.strides[0])
        deepest = parts.channels[-1]
        self.in_channels = parts.in_channels
        self.strides = list(parts.strides[-1])
        self.levels = nn.ModuleList(parts.levels)
        self.shape_stream = ShapeStream(
            dims, parts.channels, parts.strides, stream_channels, stream, norm, act, recompute
        )
        self.entry = norm_act(norm, act, dims, deepest)
        self.pyramid = DilatedPyramid(
            dims, deepest + stream_channels, deepest, dilation_rates, norm=norm, act=act, zero=residual
        )
        self.residual = residual
        self.decoder = parts.decoder
        self.edge_head = conv_layer(dims, stream_channels, edge_channels, kernel_size=1, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return the segmentation logits (B, C, spatial), or, in training mode, the tuple with those of all heads.

        Args:
            x: image (B, in_channels, spatial).
        """
        # Declared as a tensor: TorchScript wants one type, and skips what is under this condition.
        if not torch.jit.is_scripting() and self.training:  # type: ignore[attr-defined]
            return tuple(self._run(x, True)[0])  # type: ignore[return-value]
        return self._run(x, False)[0][0]

    @torch.jit.export
    def forward_heads(self, x: Tensor) -> list[Tensor]:
        """Return ``[segmentation, edge, *coarser segmentations]`` in training and in eval mode."""
        return self._run(x, True)[0]

    @torch.jit.export
    def attention_maps(self, x: Tensor, resize: bool = True) -> list[Tensor]:
        """Return the map of each gate (B, 1, spatial), between 0 and 1: the paper's Fig. 2, the first gate first.

        Args:
            x: image (B, in_channels, spatial).
            resize: bring the maps to the image's size, linearly, where they have another.
        """
        maps = self._run(x, True)[1]
        size = list(x.shape[2:])
        return [resize_linear(alpha, size) for alpha in maps] if resize else maps

    def _run(self, x: Tensor, all_heads: bool) -> tuple[list[Tensor], list[Tensor]]:
        """Return the logits of the heads and the attention maps."""
        if not torch.jit.is_tracing():  # type: ignore[attr-defined]
            check_input(x, self.in_channels, self.strides)
        features: list[Tensor] = []
        for level in self.levels:
            x = level(x)
            features.append(x)
        shape, maps = self.shape_stream(features)
        joined = self.pyramid(torch.cat([self.entry(x), self.shape_stream.to_deepest(shape)], dim=1))
        features[-1] = x + joined if self.residual else joined
        logits: list[Tensor] = self.decoder(features, all_heads)
        if all_heads:
            logits.insert(1, resize_linear(self.edge_head(shape), list(logits[0].shape[2:])))
        return logits, maps
