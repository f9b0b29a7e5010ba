# SPDX-License-Identifier: Apache-2.0
"""Exact squared Euclidean distance to a set of voxels, one axis after the other, in place.

Along each axis the squared distance is the lower envelope of the parabolas that stand on the voxels of a line
(Felzenszwalb and Huttenlocher, 2012). A line without finite value stays infinite. Each function takes a range of lines,
so that threads can share the work: nothing is written outside of it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from monai_boundary._typing import BoolArray, DoubleArray, FloatArray, LongArray

LINES = 16  # float32 columns side by side fill a line of the processor's cache


@njit(cache=True, nogil=True)
def distance_along_rows(voxels: BoolArray, size: float, squared: FloatArray, start: int, stop: int) -> None:
    """Write the squared distance along the last axis to ``voxels`` (rows, n), for the rows ``start`` to ``stop``."""
    length = voxels.shape[1]
    for row in range(start, stop):
        last = -1
        for i in range(length):
            if voxels[row, i]:
                last = i
            squared[row, i] = np.inf if last < 0 else np.float32(((i - last) * size) ** 2)
        last = -1
        for i in range(length - 1, -1, -1):
            if voxels[row, i]:
                last = i
            if last >= 0:
                squared[row, i] = min(squared[row, i], np.float32(((last - i) * size) ** 2))


@njit(cache=True, nogil=True)
def lower_envelope(
    heights: DoubleArray, area: float, result: DoubleArray, feet: LongArray, starts: DoubleArray
) -> None:
    """Write min over k of heights[k] + area * (i - k)^2 to ``result``; ``feet`` and ``starts`` are room to work in.

    ``area`` is the square of the voxel size. Parabola ``feet[j]`` is the lowest from ``starts[j]`` to the next.
    """
    length = heights.shape[0]
    count = 0
    for k in range(length):
        if heights[k] == np.inf:
            continue
        start = -np.inf
        while count > 0:
            foot = feet[count - 1]
            start = ((heights[k] - heights[foot]) / area + (k * k - foot * foot)) / (2.0 * (k - foot))
            if start > starts[count - 1]:
                break
            count -= 1
            start = -np.inf
        feet[count] = k
        starts[count] = start
        count += 1
    if count == 0:
        result[:] = np.inf
        return
    j = 0
    for i in range(length):
        while j + 1 < count and starts[j + 1] < i:
            j += 1
        result[i] = heights[feet[j]] + area * (i - feet[j]) ** 2


@njit(cache=True, nogil=True)
def distance_along_columns(squared: FloatArray, size: float, start: int, stop: int) -> None:
    """Lower ``squared`` (outer, n, inner) along its middle axis, in place, for the blocks ``start`` to ``stop``.

    A block is `LINES` neighbouring columns; they are counted through ``inner`` first, then ``outer``.
    """
    _, length, inner = squared.shape
    heights = np.empty((LINES, length), np.float64)
    result = np.empty(length, np.float64)
    feet = np.empty(length, np.int64)
    starts = np.empty(length, np.float64)
    blocks = (inner + LINES - 1) // LINES
    for block in range(start, stop):
        o, first = block // blocks, block % blocks * LINES
        width = min(LINES, inner - first)
        for i in range(length):
            for c in range(width):
                heights[c, i] = squared[o, i, first + c]
        for c in range(width):
            lower_envelope(heights[c], size * size, result, feet, starts)
            heights[c] = result
        for i in range(length):
            for c in range(width):
                squared[o, i, first + c] = np.float32(heights[c, i])


def column_blocks(outer: int, inner: int) -> int:
    """Return how many blocks `distance_along_columns` counts."""
    return outer * -(-inner // LINES)
