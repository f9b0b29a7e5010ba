# SPDX-License-Identifier: Apache-2.0
"""Clean-up of the ids of regions or instances. Numpy, one image at a time, 2-D or 3-D."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from monai_boundary._typing import IntArray
from monai_boundary._validation import (
    check_spacing,
    check_spatial_dims,
)
from monai_boundary.ops.label_values import check_label, check_region_ids
from monai_boundary.ops.regions import label_regions, region_cells


def remove_small_regions(
    labels: npt.ArrayLike,
    min_size: int,
    *,
    fill: bool = False,
    spacing: Sequence[float] | float | None = None,
) -> IntArray:
    """Remove the ids that have fewer than ``min_size`` voxels; the others keep their id.

    Args:
        labels: integer ids, 0 is membrane, 2-D or 3-D. All pieces of an id count together: `label_regions` splits them.
        min_size: the smallest number of voxels that stays; 0 and 1 remove nothing.
        fill: False sets the removed voxels to 0; True gives them to the nearest remaining id, so that no hole is left.
        spacing: voxel size along each axis, for ``fill``; 1 by default.

    Returns:
        int32 ids of the same shape. All 0 when nothing is large enough.

    Raises:
        ValueError: if the labels are not integral ids, or ``min_size`` is negative.

    Example:
        >>> import numpy as np
        >>> remove_small_regions(np.array([[1, 1, 2, 3, 3]]), 2)
        array([[1, 1, 0, 3, 3]], dtype=int32)
    """
    values = check_region_ids("labels", labels)
    sizes = check_spacing(spacing, values.ndim, unit="voxel size")
    check_min_size(min_size)
    ids, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    small = ((counts < min_size) & (ids > 0))[inverse.reshape(values.shape)]
    kept = np.where(small, 0, values)
    return np.where(small, region_cells(kept, sizes), kept) if fill and small.any() else kept


def relabel_regions(labels: npt.ArrayLike, *, split: bool = False) -> IntArray:
    """Number the ids 1..K in raster order of their first voxel; 0 stays 0.

    Args:
        labels: integer ids, 0 is membrane, 2-D or 3-D; of any size.
        split: give every face-connected piece of an id a number of its own, as `label_regions`.

    Returns:
        int32 ids of the same shape.

    Raises:
        ValueError: if the labels are not integral ids >= 0.

    Example:
        >>> import numpy as np
        >>> relabel_regions(np.array([[9, 9, 0, 4, 9]]))
        array([[1, 1, 0, 2, 1]], dtype=int32)
    """
    values = check_label("labels", labels)
    check_spatial_dims("labels", values.ndim)
    if split:
        return label_regions(values)
    ids, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(np.where(ids > 0, first, -1), kind="stable")  # 0, where it is, goes first
    numbers = np.empty(len(ids), dtype=np.int32)
    numbers[order] = np.arange(len(ids)) + int(ids.size > 0 and ids[0] > 0)
    return numbers[inverse.reshape(values.shape)]


def check_min_size(min_size: int) -> None:
    """Raise a ValueError if the smallest number of voxels is none."""
    if isinstance(min_size, bool) or not isinstance(min_size, (int, np.integer)) or min_size < 0:
        raise ValueError(f"`min_size` needs a whole number of voxels >= 0, got {min_size!r}.")
