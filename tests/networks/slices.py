# SPDX-License-Identifier: Apache-2.0
"""A 2-D network and the 3-D network that has to do the same to a volume of one slice."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def copy_to_volume(flat: nn.Module, deep: nn.Module) -> None:
    """Put a 2-D network's weights into the middle of a 3-D network's kernels, and noise where only padding is read."""
    pairs = zip(flat.named_parameters(), deep.named_parameters(), strict=True)
    with torch.no_grad():
        for (name, weight), (deep_name, kernel) in pairs:
            assert name == deep_name
            if weight.ndim < 4:
                kernel.copy_(weight)
            else:
                kernel.copy_(torch.randn_like(kernel))
                kernel[..., kernel.shape[-1] // 2] = weight


def as_slice(image: Tensor) -> Tensor:
    """Return (B, C, H, W) as (B, C, H, W, 1)."""
    return image[..., None]
