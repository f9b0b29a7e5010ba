# SPDX-License-Identifier: Apache-2.0
"""Where the voxels of a (D, H, W) volume lie in a flat array with a border, so that every voxel has all neighbours."""

from __future__ import annotations

import numpy as np
from numba import njit

from monai_boundary._typing import LongArray


@njit(cache=True, nogil=True)
def padded_strides(depth: int, height: int, width: int) -> tuple[int, int, int, int]:
    """Return (first voxel, z stride, y stride, size) of the padded volume; a single slice gets no padding along z."""
    y_stride = width + 2
    z_stride = y_stride * (height + 2)
    pad_z = 1 if depth > 1 else 0
    return pad_z * z_stride + y_stride + 1, z_stride, y_stride, z_stride * (depth + 2 * pad_z)


@njit(cache=True, nogil=True)
def face_offsets(depth: int, z_stride: int, y_stride: int) -> LongArray:
    """Return the steps to the face neighbours, 6 in a volume and 4 in a slice, in raster order per axis."""
    if depth > 1:
        return np.array([-z_stride, z_stride, -y_stride, y_stride, -1, 1], dtype=np.int64)
    return np.array([-y_stride, y_stride, -1, 1], dtype=np.int64)


@njit(cache=True, nogil=True)
def padded_index(flat: int, depth: int, height: int, width: int) -> int:
    """Return the index in the padded volume of the voxel with C-order index ``flat``."""
    first, z_stride, y_stride, _ = padded_strides(depth, height, width)
    z, rest = flat // (height * width), flat % (height * width)
    return first + z * z_stride + (rest // width) * y_stride + rest % width
