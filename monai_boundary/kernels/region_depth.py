# SPDX-License-Identifier: Apache-2.0
"""How deep inside its region every voxel lies, of all regions at once, and the deepest voxel of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from monai_boundary._typing import DoubleArray, LongArray

_TIE = 1e-9  # relative: squares of distances along other axes differ in the last bit
_COLUMNS = 16  # taken together, so that a line of the processor's cache is read once


@njit(cache=True, nogil=True)
def squared_region_depth(labels: Any, spacing: DoubleArray) -> DoubleArray:  # pragma: no cover
    """Return the squared distance of every voxel's centre to the nearest centre of another label; the frame is none.

    Axis by axis: along each, a voxel looks no farther than the first voxel of another label in its line, since all that
    lies behind is farther. Within such a run the nearest is the lower envelope of parabolas (Felzenszwalb and
    Huttenlocher 2012), so that the work per voxel does not grow with the depth.

    Args:
        labels: integers, 3-D, C order.
        spacing: per axis, float64 (3,); infinite leaves an axis alone.

    Returns:
        float64, the shape of ``labels``: 0 for label 0, infinity where no other label can be reached.
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
    _along(labels.reshape(depth, height, width), out.reshape(depth, height, width), spacing[1])
    flat = height * width
    _along(labels.reshape(1, depth, flat), out.reshape(1, depth, flat), spacing[0])
    return out


@njit(cache=True, nogil=True)
def _along(labels: Any, squared: DoubleArray, step: float) -> None:  # pragma: no cover
    """Take the middle axis into account, in place."""
    planes, rows, width = squared.shape
    if rows < 2 or not np.isfinite(step):
        return
    lines = np.empty((_COLUMNS, rows), dtype=np.float64)
    heights, begins = np.empty(rows + 2, dtype=np.float64), np.empty(rows + 3, dtype=np.float64)
    sites = np.empty(rows + 2, dtype=np.int64)
    for p in range(planes):
        for left in range(0, width, _COLUMNS):
            columns = min(_COLUMNS, width - left)
            for r in range(rows):
                for c in range(columns):
                    lines[c, r] = squared[p, r, left + c]
            for c in range(columns):
                begin: Any = np.int64(0)
                while begin < rows:
                    label, end = labels[p, begin, left + c], begin + 1
                    while end < rows and labels[p, end, left + c] == label:
                        end += 1
                    if label:
                        _lower_envelope(lines[c], begin, end, step * step, sites, heights, begins)
                    begin = end
            for r in range(rows):
                for c in range(columns):
                    squared[p, r, left + c] = lines[c, r]


@njit(cache=True, nogil=True)
def _lower_envelope(
    line: DoubleArray,
    begin: int,
    end: int,
    step2: float,
    sites: LongArray,
    heights: DoubleArray,
    begins: DoubleArray,
) -> None:  # pragma: no cover
    """Replace a run of one label by the least of its parabolas, and of those of 0 at what bounds it, in place.

    Args:
        line: squared distances by the axes before.
        begin: first voxel of the run.
        end: the one after its last.
        step2: square of the voxel size along the line.
        sites: room for the places of the envelope's parabolas.
        heights: room for what they are there.
        begins: room for where each begins to be the least.
    """
    count = -1
    for site in range(begin - 1, end + 1):
        if site < 0 or site == line.size:
            continue  # the frame
        height = 0.0 if site < begin or site == end else line[site]
        if not np.isfinite(height):
            continue
        first = -np.inf
        while count >= 0:
            apart = step2 * (site - sites[count])
            first = 0.5 * ((height - heights[count]) / apart + (site + sites[count]))
            if first > begins[count]:
                break
            count -= 1
            first = -np.inf
        count += 1
        sites[count], heights[count], begins[count] = site, height, first
    if count < 0:
        return
    begins[count + 1] = np.inf
    at = 0
    for place in range(begin, end):
        while begins[at + 1] < place:
            at += 1
        away = place - sites[at]
        line[place] = step2 * (away * away) + heights[at]


@njit(cache=True, nogil=True)
def deepest_voxels(labels: Any, squared: DoubleArray, count: int) -> LongArray:  # pragma: no cover
    """Return the place of the deepest voxel of each label 0..count, the first of those that are equally deep.

    Args:
        labels: integers 0..count, flat.
        squared: depths, flat.
        count: the greatest label.

    Returns:
        int64 (count + 1,); -1 for 0, and for a label that is nowhere.
    """
    least = np.zeros(count + 1, dtype=np.float64)
    for place in range(labels.size):
        if squared[place] > least[labels[place]]:
            least[labels[place]] = squared[place]
    least *= (1 - _TIE) ** 2
    out = np.full(count + 1, -1, dtype=np.int64)
    for place in range(labels.size):
        label = labels[place]
        if label and out[label] < 0 and squared[place] >= least[label]:
            out[label] = place
    return out
