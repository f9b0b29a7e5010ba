# SPDX-License-Identifier: Apache-2.0
"""Exact Euclidean distances, but only those up to a limit: the cost grows with the limit, not with the object."""

from __future__ import annotations

import numpy as np
from numba import njit

from monai_boundary._typing import BoolArray, DoubleArray


@njit(cache=True, nogil=True)
def near_squared_distance(source: BoolArray, spacing: DoubleArray, limit: float) -> DoubleArray:  # pragma: no cover
    """Return the squared distance of every voxel to the nearest source voxel, where it is at most ``limit``.

    Axis by axis, as exact transforms do; each axis looks no farther than the limit, so the work per voxel is twice the
    number of voxels that the limit spans.

    Args:
        source: boolean, 3-D, C order.
        spacing: per axis, float64 (3,).
        limit: distance in the unit of ``spacing``.

    Returns:
        float64, the shape of ``source``: 0 at the sources; exact up to ``limit**2``, some larger number (perhaps
        infinity) beyond.
    """
    depth, height, width = source.shape
    out = np.empty(source.shape, dtype=np.float64)
    row = np.empty(width, dtype=np.float64)
    for i in range(depth):
        for j in range(height):
            last = np.inf
            for k in range(width):
                last = 0.0 if source[i, j, k] else last + spacing[2]
                row[k] = last
            last = np.inf
            for k in range(width - 1, -1, -1):
                last = 0.0 if source[i, j, k] else last + spacing[2]
                nearest = min(last, row[k])
                out[i, j, k] = nearest * nearest
    _widen(out.reshape((depth, height, width)), spacing[1], limit)
    _widen(out.reshape((1, depth, height * width)), spacing[0], limit)
    return out


@njit(cache=True, nogil=True)
def _widen(squared: DoubleArray, step: float, limit: float) -> None:  # pragma: no cover
    """Take into account the sources of other rows along axis 1, in place."""
    blocks, rows, width = squared.shape
    reach = min(int(np.floor(limit / step * (1 + 1e-9))), rows - 1)  # an infinite step leaves an axis alone
    before = np.empty((rows, width), dtype=np.float64)
    for b in range(blocks):
        before[:] = squared[b]
        for offset in range(1, reach + 1):
            price = (offset * step) ** 2
            for r in range(rows):
                for other in (r - offset, r + offset):
                    if 0 <= other < rows:
                        for k in range(width):
                            here, there = squared[b, r, k], before[other, k] + price
                            squared[b, r, k] = there if there < here else here  # no branch: this loop is vectorised
