# SPDX-License-Identifier: Apache-2.0
"""Face-connected components of equal value, with the size and first voxel of each, run by run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from monai_boundary._typing import IntArray, LongArray


@njit(cache=True, nogil=True)
def component_labels(
    values: Any, per_section: bool, labels: IntArray
) -> tuple[LongArray, LongArray]:  # pragma: no cover
    """Label the components of equal value but 0, 1..K in raster order of their first voxel.

    A row's runs of one value get a label each, which is joined with those that they touch in the row above and in the
    section before (union-find, the smaller label is the root); then every voxel gets its root's number.

    Args:
        values: a mask or integers, (z, y, x).
        per_section: sections are not connected.
        labels: int32, of the same shape; is overwritten.

    Returns:
        Voxels of each label 0..K, and the place of its first one in raster order, int64 (K + 1,); those of 0 are 0.
    """
    depth, height, width = values.shape
    parent = np.empty(_runs(values) + 1, dtype=np.int32)
    number = 0
    for z in range(depth):
        for y in range(height):
            x = 0
            while x < width:
                value = values[z, y, x]
                if not value:
                    labels[z, y, x] = 0
                    x += 1
                    continue
                number += 1
                parent[number] = number
                root, above, before = number, 0, 0
                while x < width and values[z, y, x] == value:
                    labels[z, y, x] = number
                    if y > 0 and values[z, y - 1, x] == value and labels[z, y - 1, x] != above:
                        above = labels[z, y - 1, x]
                        root = _join(parent, root, above)
                    if not per_section and z > 0 and values[z - 1, y, x] == value and labels[z - 1, y, x] != before:
                        before = labels[z - 1, y, x]
                        root = _join(parent, root, before)
                    x += 1
    count: Any = np.int64(0)
    for label in range(1, number + 1):  # a root is smaller than its children, so it has its number before them
        if parent[label] == label:
            count += 1
            parent[label] = -count
        else:
            parent[label] = parent[parent[label]]
    return _renumber(labels.reshape(-1), parent, count)


@njit(cache=True, nogil=True)
def _runs(values: Any) -> int:  # pragma: no cover
    """How many runs of one value but 0 the rows have."""
    depth, height, width = values.shape
    number = 0
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                number += values[z, y, x] != 0 and (x == 0 or values[z, y, x] != values[z, y, x - 1])
    return number


@njit(cache=True, nogil=True)
def _join(parent: IntArray, a: int, b: int) -> int:  # pragma: no cover
    """Join two trees, and return the root of both."""
    while parent[a] != a:
        a = parent[a]
    root = b
    while parent[root] != root:
        root = parent[root]
    low = min(a, root)
    while parent[b] != b:  # the way up becomes short
        b, parent[b] = parent[b], low
    parent[a] = parent[root] = low
    return low


@njit(cache=True, nogil=True)
def _renumber(labels: IntArray, parent: IntArray, count: int) -> tuple[LongArray, LongArray]:  # pragma: no cover
    sizes, firsts = np.zeros(count + 1, dtype=np.int64), np.zeros(count + 1, dtype=np.int64)
    for k in range(labels.size):
        if labels[k] > 0:
            label = -parent[labels[k]]
            labels[k] = label
            if sizes[label] == 0:
                firsts[label] = k
            sizes[label] += 1
    return sizes, firsts
