# SPDX-License-Identifier: Apache-2.0
"""What a network's strides ask of the sides of its input."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from monai.networks.nets import VNet

from monai_boundary.networks import DCUNet, ShapeStreamNet


def check_patch_multiple(patch_size: Sequence[int], multiple: int) -> None:
    """Check that the network's strides can halve a patch.

    Args:
        patch_size: voxels.
        multiple: product of the strides.

    Raises:
        ValueError: if a side is not a multiple (0 is none).

    Example:
        >>> check_patch_multiple([64, 48], 16)
    """
    if any(size % multiple or size < multiple for size in patch_size):
        raise ValueError(f"`patch_size` needs multiples of {multiple} (the network's strides), got {list(patch_size)}.")


def stride_multiple(network: torch.nn.Module) -> int:
    """Return what the sides of a network's input have to be multiples of, as far as it says; 1 where it does not.

    Args:
        network: of this library, or a ``UNet`` or ``VNet`` of MONAI.

    Example:
        >>> from monai.networks.nets import UNet, VNet
        >>> from monai_boundary.networks import BoundaryAwareNet
        >>> stride_multiple(BoundaryAwareNet(2, 1, 1)), stride_multiple(UNet(2, 1, 1, (8, 8, 8), (2, 2)))
        (8, 4)
    """
    if isinstance(network, VNet):
        return 16
    strides = getattr(network, "strides", None)
    if not strides:
        return 1
    if isinstance(network, (ShapeStreamNet, DCUNet)):  # the product along each axis
        return math.lcm(*strides)
    return math.prod(stride if isinstance(stride, int) else math.lcm(*stride) for stride in strides)
