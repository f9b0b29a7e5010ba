# SPDX-License-Identifier: Apache-2.0
"""What a network costs and how far it sees, measured on the network itself."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.utils.flop_counter import FlopCounterMode

_NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm)


class NetworkCost(NamedTuple):
    """Parameters and operations of a network.

    Attributes:
        parameters: numbers that training changes.
        flops: floating-point operations of one forward pass, a multiplication and an addition being two; convolutions
            and matrix products only.
    """

    parameters: int
    flops: int


def network_cost(network: nn.Module, image_shape: Sequence[int]) -> NetworkCost:
    """Return what a network costs on an image, in the mode in which it is.

    Nothing is computed: shapes go through a copy without numbers, so that a volume takes no longer than a thumbnail.

    Args:
        network: in training mode all heads count, in eval mode what is computed there.
        image_shape: (B, C, spatial).

    Example:
        >>> from torch import nn
        >>> from monai_boundary.networks import network_cost
        >>> network_cost(nn.Conv2d(3, 5, kernel_size=1), (1, 3, 10, 10))
        NetworkCost(parameters=20, flops=3000)
    """
    hollow = copy.deepcopy(network).to("meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        hollow(torch.empty(tuple(image_shape), device="meta"))
    parameters = sum(p.numel() for p in network.parameters() if p.requires_grad)
    return NetworkCost(parameters, int(counter.get_total_flops()))


def receptive_field(network: nn.Module, image_shape: Sequence[int], axis: int = 0, period: int = 1) -> int:
    """Return the number of voxels along an axis that one output voxel depends on, through convolutions and resizing.

    Measured by the gradient, in a copy with positive weights, means in the place of maxima, and no normalisation: a
    normalisation over the image lets every voxel depend on all of it, if weakly. In eval mode, for the output in the
    middle, or the first of several.

    Args:
        network: gives one tensor in eval mode.
        image_shape: (B, C, spatial), longer along the axis than the field; the other axes may be as small as can be.
        axis: of the spatial ones.
        period: the field of a network with strides depends on where the output voxel lies between them: the widest of
            this many neighbours is returned. The product of the strides sees all cases.

    Raises:
        ValueError: if the field reaches the image's frame.

    Example:
        >>> from torch import nn
        >>> from monai_boundary.networks import receptive_field
        >>> two = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 1, 3, padding=1, dilation=2))
        >>> receptive_field(two, (1, 1, 16, 16))
        7
    """
    plain = _plain_copy(network)
    image = torch.ones(tuple(image_shape), dtype=torch.float64, requires_grad=True)
    output = plain(image)
    others = [d for d in range(image.ndim) if d != axis + 2]
    profile: Tensor = output.sum(dim=[d for d in range(output.ndim) if d != axis + 2])
    widest = 0
    for place in range(len(profile) // 2, len(profile) // 2 + period):
        (slope,) = torch.autograd.grad(profile[place], image, retain_graph=True)
        seen = slope.sum(dim=others).nonzero()
        first, last = int(seen.min()), int(seen.max())
        if first == 0 or last == image.shape[axis + 2] - 1:
            raise ValueError(f"`image_shape` needs a longer axis {axis}, got {tuple(image_shape)}: the field is cut.")
        widest = max(widest, last - first + 1)
    return widest


def _plain_copy(network: nn.Module) -> nn.Module:
    """Return a copy in which every voxel that is read counts, whatever the weights."""
    plain = copy.deepcopy(network).double().eval()
    for parent in list(plain.modules()):
        if getattr(parent, "inplace", False):
            parent.inplace = False  # type: ignore[assignment]  # it would overwrite what a removed norm let through
        for name, child in list(parent.named_children()):
            if isinstance(child, _NORMS):
                setattr(parent, name, nn.Identity())
            elif isinstance(child, (nn.MaxPool2d, nn.MaxPool3d)):
                mean: Any = nn.AvgPool2d if isinstance(child, nn.MaxPool2d) else nn.AvgPool3d
                setattr(parent, name, mean(child.kernel_size, child.stride, child.padding))
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter.fill_(1 / max(1, parameter[0].numel()))
    return plain
