# SPDX-License-Identifier: Apache-2.0
"""How a network runs over an image: by windows, or, a 2-D network over a volume, section by section."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from monai.inferers import Inferer, SliceInferer, SlidingWindowInferer

from monai_boundary.handlers.training.progress import is_terminal


class SectionwiseInferer(Inferer):
    """Run a network over an image by sliding windows; a 2-D network over a stack section by section.

    Args:
        roi_size: window, as many entries as the network has spatial dimensions.
        section_axis: spatial axis across the sections of a volume: 0 of an EM stack, 2 of a NIfTI with axial slices.
        progress: show a bar of the windows, on a terminal alone.
        **options: of MONAI's ``SlidingWindowInferer``, for example ``overlap`` and ``mode``.

    Raises:
        ValueError: when called, if the image has neither as many spatial axes as ``roi_size`` nor, for a 2-D network,
            one more.

    Example:
        >>> SectionwiseInferer((4, 4))(torch.ones(1, 1, 3, 8, 8), torch.nn.Conv2d(1, 2, 1)).shape
        torch.Size([1, 2, 3, 8, 8])
    """

    def __init__(self, roi_size: Sequence[int], section_axis: int = 0, progress: bool = False, **options: Any) -> None:
        super().__init__()
        self.roi_size = tuple(roi_size)
        self.section_axis = section_axis
        self.options = {**options, "progress": progress and is_terminal()}

    def __call__(self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any) -> Any:
        """Return the network's output over ``inputs`` (B, C, [D,] H, W)."""
        axes = inputs.ndim - 2
        if axes == len(self.roi_size):
            return SlidingWindowInferer(self.roi_size, **self.options)(inputs, network, *args, **kwargs)
        if (axes, len(self.roi_size)) != (3, 2):
            raise ValueError(f"`inputs` needs {len(self.roi_size)} spatial axes, got shape {tuple(inputs.shape)}.")
        inferer = SliceInferer(spatial_dim=self.section_axis, roi_size=self.roi_size, **self.options)
        return inferer(inputs, network, *args, **kwargs)
