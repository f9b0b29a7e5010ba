# SPDX-License-Identifier: Apache-2.0
"""How deep inside its region a voxel lies, up to a limit: the work per voxel grows with the depth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from monai_boundary._typing import DoubleArray


@njit(cache=True, nogil=True)
def squared_region_depth(labels: Any, spacing: DoubleArray, limit: float) -> DoubleArray:  # pragma: no cover
    """Return the squared distance of every voxel's centre to the nearest centre of another label; the frame is none.

    Axis by axis: along each, a voxel looks no farther than the first voxel of another label in its line, since all that
    lies behind is farther.

    Args:
        labels: integers, 3-D, C order.
        spacing: per axis, float64 (3,); infinite leaves an axis alone.
        limit: distances beyond it are not told apart.

    Returns:
        float64, the shape of ``labels``: exact up to ``limit**2``, some larger number (perhaps infinity) beyond; 0 for
        label 0.
    """
    depth, height, width = labels.shape
    out = np.empty(labels.shape, dtype=np.float64)
    for i in range(depth):
        for j in range(height):
            begin = 0
            while begin < width:
                end = begin + 1
                while end < width and labels[i, j, end] == labels[i, j, begin]:
                    end += 1
                for k in range(begin, end):
                    steps = np.inf
                    if begin > 0:
                        steps = k - begin + 1.0
                    if end < width:
                        steps = min(steps, end - k + 0.0)
                    out[i, j, k] = 0.0 if labels[i, j, k] == 0 else (steps * spacing[2]) ** 2
                begin = end
    _along(labels.reshape(depth, height, width), out.reshape(depth, height, width), spacing[1], limit)
    flat = height * width
    _along(labels.reshape(1, depth, flat), out.reshape(1, depth, flat), spacing[0], limit)
    return out


@njit(cache=True, nogil=True)
def _along(labels: Any, squared: DoubleArray, step: float, limit: float) -> None:  # pragma: no cover
    """Take the middle axis into account, in place."""
    planes, rows, width = squared.shape
    reach = min(int(np.floor(limit / step * (1 + 1e-9))), rows - 1)
    if reach < 1:
        return
    before = np.empty((rows, width), dtype=np.float64)
    for p in range(planes):
        before[:] = squared[p]
        for r in range(rows):
            for k in range(width):
                label, best = labels[p, r, k], before[r, k]
                if label == 0:
                    continue
                for sign in (-1, 1):
                    for offset in range(1, reach + 1):
                        price, other = (offset * step) ** 2, r + sign * offset
                        if price >= best or other < 0 or other >= rows:
                            break
                        if labels[p, other, k] != label:
                            best = price
                            break
                        best = min(best, before[other, k] + price)
                squared[p, r, k] = best
