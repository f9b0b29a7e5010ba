# SPDX-License-Identifier: Apache-2.0
"""Contours of a mask and boundaries between labels, by side and width. The image frame is no boundary."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from monai_boundary._typing import BoolArray
from monai_boundary._validation import check_choice, check_spatial_dims
from monai_boundary.ops.label_values import check_label


def contour_mask(mask: npt.ArrayLike, side: str = "inner", width: int = 1, *, connectivity: int = 1) -> BoolArray:
    """The voxels within ``width`` steps of a mask's surface.

    One step goes to a face neighbour (``connectivity=1``), or also over edges and corners, up to ``connectivity`` axes
    at once. The inner contour of width 1 is the mask's voxels with a neighbour outside it; the outer one is the voxels
    outside that touch it (the contour C_i of methods: "MBD cut of region i").

    Args:
        mask: boolean or 0/1, 2-D or 3-D.
        side: ``"inner"``, ``"outer"`` or ``"both"`` (their union, ``2 * width`` thick).
        width: number of steps, at least 1.
        connectivity: 1 for faces (4/6), 2 for 8/18, 3 for 26.

    Returns:
        boolean array of the same shape. Empty for an empty mask, and for a full one: the frame is no boundary.

    Raises:
        ValueError: if the mask holds values other than 0 and 1, is not 2-D or 3-D, or an argument is out of range.

    Example:
        >>> import numpy as np
        >>> square = np.zeros((5, 5), dtype=bool)
        >>> square[1:4, 1:4] = True
        >>> contour_mask(square).astype(int)
        array([[0, 0, 0, 0, 0],
               [0, 1, 1, 1, 0],
               [0, 1, 0, 1, 0],
               [0, 1, 1, 1, 0],
               [0, 0, 0, 0, 0]])
        >>> contour_mask(square, "outer").astype(int)
        array([[0, 1, 1, 1, 0],
               [1, 0, 0, 0, 1],
               [1, 0, 0, 0, 1],
               [1, 0, 0, 0, 1],
               [0, 1, 1, 1, 0]])
    """
    values = check_label("mask", mask)
    check_spatial_dims("mask", values.ndim)
    check_choice("side", side, ("inner", "outer", "both"))
    check_choice("connectivity", connectivity, range(1, values.ndim + 1))
    if values.size and values.max() > 1:
        raise ValueError(f"`mask` needs values 0 and 1, got {values.max()}.")
    if isinstance(width, bool) or not isinstance(width, int) or width < 1:
        raise ValueError(f"`width` needs a whole number of voxels >= 1, got {width!r}.")
    inside = values.astype(np.bool_)
    step = ndimage.generate_binary_structure(inside.ndim, connectivity)
    out = np.zeros(inside.shape, dtype=np.bool_)
    if side != "outer" and not inside.all():
        out |= inside & ndimage.binary_dilation(~inside, step, iterations=width)
    if side != "inner" and inside.any():
        out |= ~inside & ndimage.binary_dilation(inside, step, iterations=width)
    return out


def region_boundaries(
    labels: npt.ArrayLike, side: str = "both", *, ignore_zero: bool = False, axes: Iterable[int] | None = None
) -> BoolArray:
    """The voxels with a face neighbour of another label.

    Args:
        labels: integer labels, 2-D or 3-D.
        side: ``"both"`` marks the voxels on both sides of a boundary (2 thick), ``"greater"`` those of the greater
            label alone (1 thick): what is left of two touching labels then touches no more.
        ignore_zero: a face between 0 and a label is no boundary.
        axes: look across these axes only; all by default.

    Returns:
        boolean array of the same shape; nothing is marked where only one label is. The frame is no boundary.

    Raises:
        ValueError: if the labels are not integral, not 2-D or 3-D, or ``side`` is unknown.

    Example:
        >>> import numpy as np
        >>> region_boundaries(np.array([[1, 1, 2, 2], [0, 0, 2, 2]])).astype(int)
        array([[1, 1, 1, 0],
               [1, 1, 1, 0]])
        >>> region_boundaries(np.array([[1, 1, 2, 2], [0, 0, 2, 2]]), "greater", ignore_zero=True).astype(int)
        array([[0, 0, 1, 0],
               [0, 0, 0, 0]])
    """
    values = check_label("labels", labels)
    check_spatial_dims("labels", values.ndim)
    check_choice("side", side, ("both", "greater"))
    out = np.zeros(values.shape, dtype=np.bool_)
    for axis in range(values.ndim) if axes is None else axes:
        lower = tuple(slice(None, -1) if a == axis else slice(None) for a in range(values.ndim))
        upper = tuple(slice(1, None) if a == axis else slice(None) for a in range(values.ndim))
        first, second = values[lower], values[upper]
        differ = first != second
        if ignore_zero:
            differ &= (first > 0) & (second > 0)
        if side == "both":
            out[lower] |= differ
            out[upper] |= differ
        else:
            out[lower] |= differ & (first > second)
            out[upper] |= differ & (second > first)
    return out
