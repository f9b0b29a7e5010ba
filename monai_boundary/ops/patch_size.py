# SPDX-License-Identifier: Apache-2.0
"""The patch that holds an image, or as much of it as is allowed, in steps that a network can halve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["PATCH_VOXELS", "patch_within"]

PATCH_VOXELS = {2: 320 * 320, 3: 96**3}
"""Dimensions of a network -> the most voxels of a patch that is not asked for."""


def patch_within(
    shape: Sequence[float], spacing: Sequence[float], steps: Sequence[int], most_voxels: int
) -> tuple[int, ...]:
    """Return the sides of the patch: the shape, rounded up to the steps, cut where it is longest in mm.

    No side is cut below one step, so that a patch of one step along each axis may have more voxels than allowed.

    Args:
        shape: of the image, in voxels.
        spacing: mm per voxel along each axis.
        steps: what each side is a multiple of: the product of a network's strides along the axis.
        most_voxels: of the patch.

    Example:
        >>> patch_within((35, 50, 36), (1.0, 1.0, 1.0), (8, 8, 8), 96**3)
        (40, 56, 40)
        >>> patch_within((512, 512, 40), (0.5, 0.5, 5.0), (8, 8, 1), 200_000)
        (128, 128, 12)
    """
    step = np.asarray(steps, dtype=np.int64)
    patch = np.maximum(np.ceil(np.asarray(shape, dtype=np.float64) / step).astype(np.int64), 1) * step
    while patch.prod() > most_voxels and (patch > step).any():
        longest = int(np.argmax(np.where(patch > step, patch * np.asarray(spacing, dtype=np.float64), -1.0)))
        patch[longest] -= step[longest]
    return tuple(int(side) for side in patch)
