# SPDX-License-Identifier: Apache-2.0
"""Boundary IoU: overlap of the inner bands along the boundary."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from monai_boundary._typing import BoolArray
from monai_boundary._validation import check_positive
from monai_boundary.metrics.surface_pair import SurfacePair, measure_surfaces, near_squares

# keeps "3 steps of 0.1 mm are within 0.3 mm" true in floating point
SLACK = 1 + 1e-9
DEFAULT_SHARE = 0.02
"""The width of boundary IoU's band in its paper, as a share of the image's diagonal."""


def compute_boundary_iou(
    y_pred: npt.ArrayLike,
    y: npt.ArrayLike,
    spacing: Sequence[float] | float | None,
    *,
    width_mm: float | None = None,
    width_share: float = DEFAULT_SHARE,
) -> float:
    r"""Return the intersection over union of the two masks' inner boundary bands (Cheng et al., CVPR 2021).

    The band :math:`M_d` of a mask :math:`M` is its voxels within ``d`` of the outside (centre to centre, in mm; outside
    the image is outside, as in the paper), and at least those with a face on the outside:

    .. math:: |P_d \cap T_d| \,/\, |P_d \cup T_d|

    The paper's band is eroded in square steps, here it is round, and as wide across thick slices as along them. A band
    wider than the object is the object: the score is then IoU.

    Args:
        y_pred: predicted mask, 0 or 1, (H, W) or (H, W, D).
        y: true mask of the same shape.
        spacing: mm per axis in array order.
        width_mm: width ``d`` of the band in mm; None for ``width_share``.
        width_share: the same as a share of the image's diagonal (in mm).

    Returns:
        0..1; 0 where one mask is empty, NaN where both are.

    Raises:
        TypeError: if a mask does not hold numbers.
        ValueError: as :func:`~monai_boundary.metrics.measure_surfaces`, and if a width is not positive.

    Example:
        >>> import numpy as np
        >>> truth = np.zeros((7, 8)); truth[1:6, 1:6] = 1
        >>> pred = np.zeros((7, 8)); pred[1:6, 1:7] = 1
        >>> round(compute_boundary_iou(pred, truth, spacing=1.0, width_mm=1.0), 3)  # 13 of 16 + 18 - 13
        0.619
        >>> round(compute_boundary_iou(pred, truth, spacing=1.0, width_mm=9.0), 3)  # 25 of 30
        0.833
    """
    pair = measure_surfaces(y_pred, y, spacing, distances=False)
    return boundary_iou_of_pair(pair, band_width_mm(pair, width_mm, width_share))


def boundary_iou_of_pair(pair: SurfacePair, width_mm: float) -> float:
    """Return what :func:`compute_boundary_iou` does, for masks that were measured."""
    if not pair.predicted.any() and not pair.true.any():
        return math.nan
    mine, theirs = (_inner_band(mask, pair.spacing, width_mm) for mask in (pair.predicted, pair.true))
    return int(np.count_nonzero(mine & theirs)) / int(np.count_nonzero(mine | theirs))


def band_width_mm(pair: SurfacePair, width_mm: float | None, width_share: float) -> float:
    """Return the width of the band in mm, of a width in mm or a share of the diagonal."""
    if width_mm is not None:
        check_positive("width_mm", width_mm)
        return width_mm
    check_positive("width_share", width_share)
    return width_share * pair.diagonal_mm


def _inner_band(mask: BoolArray, spacing: tuple[float, ...], width_mm: float) -> BoolArray:
    outside = ~mask
    near: BoolArray = near_squares(outside, spacing, width_mm) <= width_mm**2 * SLACK
    return mask & (near | touches(outside))


def touches(other: BoolArray) -> BoolArray:
    """Where a face neighbour is in ``other``."""
    out = np.zeros_like(other)
    for axis in range(other.ndim):
        before = tuple(slice(None, -1) if a == axis else slice(None) for a in range(other.ndim))
        after = tuple(slice(1, None) if a == axis else slice(None) for a in range(other.ndim))
        out[before] |= other[after]
        out[after] |= other[before]
    return out
