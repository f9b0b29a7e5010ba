# SPDX-License-Identifier: Apache-2.0
"""Distance of every voxel to the nearest voxel of the other side of a mask, for both sides in one go.

The squared distance is separable: along each axis a voxel takes the least of what its line's voxels hold, each with the
square of the way between the two added. Voxels of the other side hold 0. A voxel need not look beyond the first one of
the other side in its line, since all that lies behind is farther; so each *run*, the voxels of one side that follow one
another, is worked on by itself, and one number per voxel serves both sides.

The least of the parabolas in a run is found in linear time by their lower envelope (Felzenszwalb and Huttenlocher,
2012). With ``boxes`` the way to a voxel is that to its box, ``max(|i - k| - 1/2, 0)``, half a voxel less. The parabolas
then have flat bottoms, and still one ordinary envelope E does: a voxel left of i is met at i - 1/2 and one right of i
at i + 1/2, and either point is no nearer to the others than i is to their boxes. Hence the least is that of the voxel's
own value, E(i - 1/2) and E(i + 1/2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from monai_boundary._typing import BoolArray, DoubleArray, FloatArray, LongArray

BLOCK = 16  # lines that are taken together: neighbours in memory


@njit(cache=True, nogil=True)
def envelope(heights: DoubleArray, first: int, last: int, sites: LongArray, starts: DoubleArray) -> int:
    """Find which parabolas ``heights[k] + (x - k)^2``, first <= k <= last, are the lowest somewhere, in order.

    Args:
        heights: of the parabolas; infinite where there is none.
        first: where the run begins.
        last: where it ends (included).
        sites: gets their k.
        starts: gets the x from which each is the lowest.

    Returns:
        How many there are.
    """
    count = 0
    for q in range(first, last + 1):
        height = heights[q]
        if height == np.inf:
            continue
        start = -np.inf
        while count > 0:
            k = sites[count - 1]
            start = 0.5 * ((height - heights[k]) / (q - k) + (q + k))
            if start > starts[count - 1]:
                break
            count -= 1
            start = -np.inf
        sites[count] = q
        starts[count] = start
        count += 1
    return count


@njit(cache=True, nogil=True)
def lower_run(
    heights: DoubleArray,
    first: int,
    last: int,
    before: float,
    behind: float,
    half: float,
    sites: LongArray,
    room: DoubleArray,
) -> None:
    """Replace the heights of one run by the least squared distances, in voxels.

    Args:
        heights: of the whole line.
        first: where the run begins.
        last: where it ends (included).
        before: where the other side is met before the run; -infinity where the line begins.
        behind: where it is met behind the run; infinity where the line ends.
        half: 0.5 to measure to boxes, 0 to measure to centres.
        sites: room for one entry per voxel of the line.
        room: (2, voxels of the line).
    """
    starts, lowest = room[0], room[1]
    count = envelope(heights, first, last, sites, starts)
    for s in range(count):  # kept, since the results are written where the heights are
        lowest[s] = heights[sites[s]]
    left = np.inf
    j = 0
    for i in range(first, last + 1):
        way = min(i - before, behind - i)
        best = way * way
        if count > 0:
            if i == first and half > 0:
                while j + 1 < count and starts[j + 1] < i - half:
                    j += 1
                left = lowest[j] + (i - half - sites[j]) ** 2
            while j + 1 < count and starts[j + 1] < i + half:
                j += 1
            right = lowest[j] + (i + half - sites[j]) ** 2
            best = min(best, right)
            if half > 0:
                best = min(best, min(left, heights[i]))
            left = right
        heights[i] = best


@njit(cache=True, nogil=True)
def lower_along(sides: BoolArray, squared: FloatArray, size: float, boxes: bool, begin: int, end: int) -> None:
    """Take the step of one axis for some of its lines, in place.

    Args:
        sides: which side a voxel is on, (P, n, Q): the lines run along the middle axis.
        squared: squared distances after the axes before, infinite at first, of the same shape.
        size: of a voxel along the axis.
        boxes: measure to the boxes of the other side's voxels, not to their centres.
        begin: first of the P * Q lines, in memory's order.
        end: one after the last.
    """
    _, n, columns = sides.shape
    heights = np.empty((BLOCK, n))
    kinds = np.empty((BLOCK, n), np.bool_)
    sites = np.empty(n, np.int64)
    room = np.empty((2, n))
    half = 0.5 if boxes else 0.0
    area = size * size
    scale = 1.0 / area
    line = begin
    while line < end:
        p, q = line // columns, line % columns
        width = min(BLOCK, min(columns - q, end - line))
        for i in range(n):
            for c in range(width):
                heights[c, i] = squared[p, i, q + c] * scale
                kinds[c, i] = sides[p, i, q + c]
        for c in range(width):
            first: Any = np.int64(0)
            while first < n:
                last = first
                while last + 1 < n and kinds[c, last + 1] == kinds[c, first]:
                    last += 1
                before = first - 1 + half if first > 0 else -np.inf
                behind = last + 1 - half if last + 1 < n else np.inf
                lower_run(heights[c], first, last, before, behind, half, sites, room)
                first = last + 1
        for i in range(n):
            for c in range(width):
                squared[p, i, q + c] = heights[c, i] * area
        line += width
