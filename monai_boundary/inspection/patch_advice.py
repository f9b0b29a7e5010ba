# SPDX-License-Identifier: Apache-2.0
"""How large a patch and how deep a network fit a data set: by its shapes and voxel sizes, as nnU-Net's plans do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from monai_boundary._typing import DoubleArray
from monai_boundary.ops.patch_size import patch_within

__all__ = ["PatchPlan", "plan_patch"]

_FEWEST = 4  # voxels along an axis of the coarsest level
_ANISOTROPY = 2.0  # an axis is halved while its voxels are no longer than this many of the shortest
_FIRST_CHANNELS, _MOST_CHANNELS = 16, 256


class PatchPlan(NamedTuple):
    """A patch and a network for it.

    Attributes:
        patch_size: voxels along each axis.
        strides: of each level below the first, per axis.
        channels: of each level.
        covers: whether the patch holds the median image.
    """

    patch_size: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]
    channels: tuple[int, ...]
    covers: bool


def plan_patch(shape: Sequence[float], spacing: Sequence[float], most_voxels: int, most_levels: int = 5) -> PatchPlan:
    """Return the patch that holds the median image, or as much of it as is allowed, and the levels of a U-Net for it.

    An axis is halved from level to level while 4 voxels are left on it and its voxels are not more than twice as long
    as the shortest: thick slices are pooled later, or never. Every axis of the patch is a multiple of what it is
    divided by.

    Args:
        shape: of the median image, in voxels of the network's grid.
        spacing: mm per axis of that grid.
        most_voxels: of a patch.
        most_levels: of the network, the first included.

    Example:
        >>> plan = plan_patch((35, 50, 36), (1.0, 1.0, 1.0), 96**3)
        >>> plan.patch_size, plan.channels, plan.covers
        ((40, 56, 40), (16, 32, 64, 128), True)
        >>> plan_patch((164, 166, 26), (0.8, 0.8, 5.0), 96**3).strides
        ((2, 2, 1), (2, 2, 1), (2, 2, 2), (2, 2, 2))
    """
    wanted = np.maximum(np.asarray(shape, dtype=np.float64), 1)
    size = _within(wanted, np.asarray(spacing, dtype=np.float64), most_voxels)
    strides = _strides(size, np.asarray(spacing, dtype=np.float64), most_levels)
    divisor = np.prod(np.asarray(strides or [(1,) * len(size)]), axis=0)
    patch = patch_within(size.tolist(), spacing, divisor.tolist(), most_voxels)
    channels = tuple(min(_FIRST_CHANNELS * 2**k, _MOST_CHANNELS) for k in range(len(strides) + 1))
    return PatchPlan(patch, strides, channels, bool((np.asarray(patch) >= np.floor(wanted)).all()))


def _within(shape: DoubleArray, spacing: DoubleArray, most: int) -> DoubleArray:
    """The shape, with its longest sides (in mm) cut until it has no more voxels than allowed."""
    size = shape.copy()
    while np.prod(size) > most:
        longest = int(np.argmax(np.where(size > 1, size * spacing, -1)))
        size[longest] = max(1.0, size[longest] * 0.97)
    return np.asarray(np.ceil(size))


def _strides(size: DoubleArray, spacing: DoubleArray, most_levels: int) -> tuple[tuple[int, ...], ...]:
    left, voxel = size.copy(), spacing.copy()
    strides: list[tuple[int, ...]] = []
    while len(strides) < most_levels - 1:
        halved = (left >= 2 * _FEWEST) & (voxel <= _ANISOTROPY * voxel[left >= 2 * _FEWEST].min(initial=np.inf))
        if not halved.any():
            break
        strides.append(tuple(2 if h else 1 for h in halved))
        left, voxel = np.where(halved, np.ceil(left / 2), left), np.where(halved, voxel * 2, voxel)
    return tuple(strides)
