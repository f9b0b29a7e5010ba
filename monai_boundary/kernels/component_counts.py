# SPDX-License-Identifier: Apache-2.0
"""Size and first voxel of every label, in one pass."""

from __future__ import annotations

from numba import njit

from monai_boundary._typing import IntArray, LongArray


@njit(cache=True, nogil=True)
def component_counts(labels: IntArray, sizes: LongArray, firsts: LongArray) -> None:  # pragma: no cover
    """Count the voxels of every label, and find its first one.

    Args:
        labels: int32, flat, 0..K.
        sizes: int64 (K + 1,), zeros; the voxels of each label are added.
        firsts: int64 (K + 1,); the place of the first voxel of each label that occurs is set.
    """
    for k in range(labels.size):
        label = labels[k]
        if sizes[label] == 0:
            firsts[label] = k
        sizes[label] += 1
