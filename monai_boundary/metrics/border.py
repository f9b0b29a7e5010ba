# SPDX-License-Identifier: Apache-2.0
"""The border of the truth's segments, within which an evaluation does not look."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage

from monai_boundary._typing import AnyArray, BoolArray
from monai_boundary._validation import check_positive, check_spacing, check_spatial_dims
from monai_boundary.ops.label_values import whole_label


def truth_border_mask(
    y: AnyArray | torch.Tensor,
    tolerance_nm: float,
    spacing: Sequence[float] | float | None,
    *,
    per_section: bool = True,
) -> BoolArray:
    r"""Return the voxels within ``tolerance_nm`` of a boundary between truth segments.

    A boundary voxel has a face neighbour of another id (both sides are boundary voxels; the image frame is none; id 0
    is an id as any other). A voxel :math:`x` is in the mask when :math:`\min_{b} \|S(x - b)\|_2 \le \text{tolerance}`
    over the boundary voxels :math:`b`, with :math:`S` the spacing: distances run between voxel centres, so boundary
    voxels are in the mask at every tolerance. This is the border of the CREMI challenge (cremi.org), which looks in
    each section alone because its sections are ten times thicker than its pixels; the challenge's pixels are square,
    here they need not be.

    Args:
        y: truth ids, shape (H, W) or (Z, H, W).
        tolerance_nm: in nanometres, >= 0.
        spacing: nanometres per axis, in array order; one number is every axis.
        per_section: for a volume, find boundaries and distances in each section of axis 0 alone (True, as CREMI) or in
            3-D.

    Returns:
        bool mask of the shape of ``y``; all False when there is no boundary.

    Raises:
        ValueError: if ``tolerance_nm`` is negative, ``spacing`` is missing or has a wrong length, or ``y`` is not 2-D
            or 3-D.

    Example:
        >>> import numpy as np
        >>> truth = np.array([[1, 1, 1, 1, 2, 2, 2, 2]] * 2)
        >>> truth_border_mask(truth, tolerance_nm=4.0, spacing=(4.0, 4.0)).astype(int)
        array([[0, 0, 1, 1, 1, 1, 0, 0],
               [0, 0, 1, 1, 1, 1, 0, 0]])
    """
    ids = whole_label("y", y)
    check_spatial_dims("y", ids.ndim)
    check_positive("tolerance_nm", tolerance_nm, zero=True)
    if spacing is None:
        raise ValueError(f"`spacing` needs {ids.ndim} entries (nm per axis) for a border tolerance in nm, got None.")
    sampling = check_spacing(spacing, ids.ndim, unit="nm")
    if per_section and ids.ndim == 3:
        return np.stack([_within(_boundary(section), tolerance_nm, sampling[1:]) for section in ids])
    return _within(_boundary(ids), tolerance_nm, sampling)


def _boundary(ids: AnyArray) -> BoolArray:
    boundary = np.zeros(ids.shape, dtype=np.bool_)
    for axis in range(ids.ndim):
        before = tuple(slice(None, -1) if a == axis else slice(None) for a in range(ids.ndim))
        after = tuple(slice(1, None) if a == axis else slice(None) for a in range(ids.ndim))
        change = ids[before] != ids[after]
        boundary[before] |= change
        boundary[after] |= change
    return boundary


def _within(boundary: BoolArray, tolerance_nm: float, sampling: tuple[float, ...]) -> BoolArray:
    if not boundary.any():  # SciPy's transform of an image without any zero is a finite, meaningless distance
        return boundary
    distance = ndimage.distance_transform_edt(~boundary, sampling=sampling)
    # the slack keeps "3 steps of 0.1 nm are within 0.3 nm" true in floating point
    within: BoolArray = np.asarray(distance) <= tolerance_nm * (1 + 1e-9)
    return within
