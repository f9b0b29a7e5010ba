# SPDX-License-Identifier: Apache-2.0
"""The cubes between voxels that a surface passes through, and the box that holds two masks."""

from __future__ import annotations

import numpy as np
from numba import njit

from monai_boundary._typing import BoolArray, LongArray, UInt8Array


@njit(cache=True, nogil=True)
def union_box(first: BoolArray, second: BoolArray) -> LongArray:  # pragma: no cover - compiled
    """Return (first, one past the last) index per axis of what is in either of two 3-D masks; all 0 where nothing is.

    Args:
        first: boolean, C order, 3-D.
        second: of the same shape.

    Returns:
        int64, (3, 2).
    """
    depth, height, width = first.shape
    box = np.zeros((3, 2), dtype=np.int64)
    box[0, 0], box[1, 0], box[2, 0] = depth, height, width
    for i in range(depth):
        for j in range(height):
            low = 0
            while low < width and not (first[i, j, low] or second[i, j, low]):
                low += 1
            if low == width:
                continue
            high = width - 1
            while not (first[i, j, high] or second[i, j, high]):
                high -= 1
            box[0, 0] = min(box[0, 0], i)
            box[0, 1] = i + 1
            box[1, 0] = min(box[1, 0], j)
            box[1, 1] = max(box[1, 1], j + 1)
            box[2, 0] = min(box[2, 0], low)
            box[2, 1] = max(box[2, 1], high + 1)
    if box[0, 1] == 0:
        box[:] = 0
    return box


@njit(cache=True, nogil=True)
def surface_cubes(first: BoolArray, second: BoolArray) -> tuple[LongArray, UInt8Array]:  # pragma: no cover - compiled
    """Return the cubes of 2 x 2 x 2 voxels in which at least one of two masks has both inside and outside.

    Cube (i, j, k) has its first corner at voxel (i, j, k). A cube's code has a bit for each corner inside the mask: 128
    for the first, then 64, 32, ..., 1 with the last axis fastest.

    Args:
        first: boolean, C order, 3-D; with a margin of False around, or the frame cuts the surface open.
        second: of the same shape.

    Returns:
        indices (N, 3), in raster order, and codes (N, 2) of both masks: 0 outside, 255 inside, else on the surface.
    """
    depth, height, width = first.shape
    count = 0
    codes = np.empty((2, max(width - 1, 0)), dtype=np.uint8)
    for turn in range(2):  # first to count, then to write
        if turn == 1:
            index, code = np.empty((count, 3), dtype=np.int64), np.empty((count, 2), dtype=np.uint8)
            count = 0
        for i in range(depth - 1):
            for j in range(height - 1):
                _row_codes(first, i, j, codes[0])
                _row_codes(second, i, j, codes[1])
                for k in range(width - 1):
                    a, b = codes[0, k], codes[1, k]
                    if (a == 0 or a == 255) and (b == 0 or b == 255):
                        continue
                    if turn == 1:
                        index[count, 0], index[count, 1], index[count, 2] = i, j, k
                        code[count, 0], code[count, 1] = a, b
                    count += 1
    return index, code


@njit(cache=True, nogil=True)
def _row_codes(mask: BoolArray, i: int, j: int, codes: UInt8Array) -> None:  # pragma: no cover - compiled
    """Write the codes of the cubes (i, j, :)."""
    for k in range(codes.size):
        codes[k] = (
            mask[i, j, k] * 128
            + mask[i, j, k + 1] * 64
            + mask[i, j + 1, k] * 32
            + mask[i, j + 1, k + 1] * 16
            + mask[i + 1, j, k] * 8
            + mask[i + 1, j, k + 1] * 4
            + mask[i + 1, j + 1, k] * 2
            + mask[i + 1, j + 1, k + 1]
        )
