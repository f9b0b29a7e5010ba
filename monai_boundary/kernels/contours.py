# SPDX-License-Identifier: Apache-2.0
"""Contours as lists of voxels: of the parts of a partition, widened, and turned into weights.

A list of contours is two arrays: the C-order indices of the voxels of all contours one after the other, and where each
contour begins (one entry more than there are contours). Every function takes a volume (D, H, W).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from monai_boundary._typing import BoolArray, FloatArray, IntArray, LongArray


@njit(cache=True, nogil=True)
def touching_labels(labels: IntArray, z: int, y: int, x: int, found: IntArray) -> int:
    """Write each label > 0 of the face neighbours that differs from the voxel's own to ``found``; count them."""
    depth, height, width = labels.shape
    own = labels[z, y, x]
    n = 0
    for k in range(6):
        step = 2 * (k % 2) - 1
        i = z + (step if k < 2 else 0)
        j = y + (step if 2 <= k < 4 else 0)
        m = x + (step if k >= 4 else 0)
        if not (0 <= i < depth and 0 <= j < height and 0 <= m < width):
            continue
        label = labels[i, j, m]
        if label <= 0 or label == own:
            continue
        known = False
        for f in range(n):
            known = known or found[f] == label
        if not known:
            found[n] = label
            n += 1
    return n


@njit(cache=True, nogil=True)
def label_contours(labels: IntArray, number: int, candidates: LongArray) -> tuple[LongArray, LongArray]:
    """Return for every label 1..number the voxels outside of it that touch it by a face.

    Args:
        labels: (D, H, W); voxels with 0 belong to no label but may stand in a contour.
        number: the largest label.
        candidates: C-order indices, ascending, of at least the voxels with a face neighbour of another label.
    """
    _, height, width = labels.shape
    found = np.empty(6, np.int32)
    begins = np.zeros(number + 1, np.int64)
    for v in candidates:
        z, rest = v // (height * width), v % (height * width)
        for f in range(touching_labels(labels, z, rest // width, rest % width, found)):
            begins[found[f]] += 1
    for c in range(number):
        begins[c + 1] += begins[c]
    voxels = np.empty(begins[number], np.int64)
    fill = begins[:-1].copy()
    for v in candidates:
        z, rest = v // (height * width), v % (height * width)
        for f in range(touching_labels(labels, z, rest // width, rest % width, found)):
            voxels[fill[found[f] - 1]] = v
            fill[found[f] - 1] += 1
    return voxels, begins


@njit(cache=True, nogil=True)
def widen_contours(
    voxels: LongArray, begins: LongArray, shape: tuple[int, ...], radius: tuple[int, ...]
) -> tuple[LongArray, LongArray]:
    """Return each contour dilated by a box that reaches ``radius`` voxels to both sides along every axis."""
    depth, height, width = shape
    stamp = np.zeros(depth * height * width, np.int32)
    out, used = np.empty(max(1024, 2 * voxels.size), np.int64), 0
    ends = np.zeros(begins.size, np.int64)
    for c in range(begins.size - 1):
        for v in range(begins[c], begins[c + 1]):
            z, rest = voxels[v] // (height * width), voxels[v] % (height * width)
            y, x = rest // width, rest % width
            for i in range(max(0, z - radius[0]), min(depth, z + radius[0] + 1)):
                for j in range(max(0, y - radius[1]), min(height, y + radius[1] + 1)):
                    for m in range(max(0, x - radius[2]), min(width, x + radius[2] + 1)):
                        q = (i * height + j) * width + m
                        if stamp[q] != c + 1:
                            stamp[q] = c + 1
                            if used == out.size:
                                larger = np.empty(2 * used, np.int64)
                                for at in range(used):
                                    larger[at] = out[at]
                                out = larger
                            out[used] = q
                            used += 1
        ends[c + 1] = used
    return out[:used], ends


@njit(cache=True, nogil=True)
def contour_weights(voxels: LongArray, begins: LongArray, truth: BoolArray, balance: bool) -> tuple[FloatArray, int]:
    """Return the weight map whose scalar product with a voxel-wise loss is the sum of the contours' mean losses.

    Args:
        voxels: the contours' voxels.
        begins: where each contour begins.
        truth: the membrane, flat in C order.
        balance: give the membrane voxels and the other voxels of a contour half of its weight each, where it has both.

    Returns:
        The flat weights, and the number of contours that are not empty.
    """
    weights = np.zeros(truth.size, np.float32)
    number = 0
    for c in range(begins.size - 1):
        size = begins[c + 1] - begins[c]
        if size == 0:
            continue
        number += 1
        positive = 0
        for v in range(begins[c], begins[c + 1]):
            positive += truth[voxels[v]]
        of_true = of_false = 1.0 / size
        if balance and 0 < positive < size:
            of_true, of_false = 0.5 / positive, 0.5 / (size - positive)
        for v in range(begins[c], begins[c + 1]):
            weights[voxels[v]] += of_true if truth[voxels[v]] else of_false
    return weights, number
