# SPDX-License-Identifier: Apache-2.0
"""The Hausdorff distance in millimetres, with a stated price for a missed lesion."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage
from scipy.spatial import KDTree

from monai_boundary._typing import AnyArray, BoolArray, DoubleArray
from monai_boundary._validation import check_choice, check_positive, check_section_axis, check_spacing
from monai_boundary.metrics.lesion_masks import lesion_masks


def compute_hausdorff_mm(
    y_pred: AnyArray | torch.Tensor,
    y: AnyArray | torch.Tensor,
    *,
    spacing: Sequence[float] | float,
    percentile: float = 95.0,
    section_axis: int | None = None,
    missed_mm: float | str = "diagonal",
    lesion_label: int = 1,
    ignore_labels: Sequence[int] = (),
) -> float:
    r"""Return the symmetric (percentile) Hausdorff distance of two masks in mm.

    .. math:: \max\left(P_{q}\{d(a, B) : a \in A\},\; P_{q}\{d(b, A) : b \in B\}\right)

    with :math:`A`, :math:`B` the border voxels (those with a background face neighbour; outside the image is
    background), :math:`d` the Euclidean distance of voxel centres in mm, and :math:`P_q` the percentile with linear
    interpolation. Equal to MONAI's ``compute_hausdorff_distance(..., spacing=spacing)`` where both masks hold
    something, but float64.

    With ``section_axis`` the border is found in each section alone, among its eight neighbours: the WMH 2017
    challenge's rule (the distances stay 3-D). Borders of thick sections then leave out their flat faces. Outside the
    image is then *not* background, as in the challenge's erosion: a voxel on the frame is on the border only where a
    neighbour inside the image is background. (A mask without any such voxel, which fills its sections, has its voxels
    on the frame as border; the challenge's script stops there.)

    Args:
        y_pred: the prediction, 0 or 1, shape (H, W) or (H, W, D).
        y: the truth, of the same shape.
        spacing: mm per axis in array order; required, because a distance in voxels is none in mm.
        percentile: 0..100; 100 is the Hausdorff distance itself.
        section_axis: axis across the sections, for borders within them; None for borders in 3-D.
        missed_mm: the value where exactly one mask is empty, in mm; ``"diagonal"`` is the diagonal of the image, which
            no distance inside it reaches.
        lesion_label: id of the lesions in the truth.
        ignore_labels: truth ids whose voxels are not scored.

    Returns:
        mm, >= 0; ``missed_mm`` where one mask is empty; NaN where both are.

    Raises:
        TypeError: if an input does not hold numbers.
        ValueError: if the masks are none (see :func:`~monai_boundary.metrics.lesion_masks`), or an option does not fit.

    Example:
        >>> import numpy as np
        >>> truth = np.zeros((1, 8)); truth[0, 1] = 1
        >>> pred = np.zeros((1, 8)); pred[0, 4] = 1
        >>> compute_hausdorff_mm(pred, truth, spacing=(5.0, 0.5))
        1.5
        >>> round(compute_hausdorff_mm(np.zeros((1, 8)), truth, spacing=(3.0, 0.5)), 6)
        5.0
    """
    predicted, true = lesion_masks(y_pred, y, lesion_label=lesion_label, ignore_labels=ignore_labels)
    return hausdorff_of_masks(
        predicted, true, spacing, percentile=percentile, section_axis=section_axis, missed_mm=missed_mm
    )


def hausdorff_of_masks(
    predicted: BoolArray,
    true: BoolArray,
    spacing: Sequence[float] | float | None,
    *,
    percentile: float = 95.0,
    section_axis: int | None = None,
    missed_mm: float | str = "diagonal",
) -> float:
    """Return what :func:`compute_hausdorff_mm` does, for two boolean masks."""
    (distance,) = hausdorff_percentiles(
        predicted, true, spacing, percentiles=(percentile,), section_axis=section_axis, missed_mm=missed_mm
    )
    return distance


def hausdorff_percentiles(
    predicted: BoolArray,
    true: BoolArray,
    spacing: Sequence[float] | float | None,
    *,
    percentiles: Sequence[float],
    section_axis: int | None = None,
    missed_mm: float | str = "diagonal",
) -> list[float]:
    """Return what :func:`compute_hausdorff_mm` does, for two boolean masks and several percentiles at once."""
    if spacing is None:
        raise ValueError(f"`spacing` needs {true.ndim} entries (mm per axis) for a distance in mm, got None.")
    sizes = np.asarray(check_spacing(spacing, true.ndim))
    for percentile in percentiles:
        if not 0 <= percentile <= 100:
            raise ValueError(f"`percentile` needs a number in 0..100, got {percentile!r}.")
    axis = check_section_axis(section_axis, true.ndim)
    check_missed_mm(missed_mm)
    if not predicted.any() and not true.any():
        return [math.nan] * len(percentiles)
    if not predicted.any() or not true.any():
        price = float(np.linalg.norm(sizes * true.shape)) if isinstance(missed_mm, str) else float(missed_mm)
        return [price] * len(percentiles)
    points = [_border_points(mask, axis) * sizes for mask in (predicted, true)]
    there, _ = KDTree(points[1]).query(points[0])
    back, _ = KDTree(points[0]).query(points[1])
    return [float(max(np.percentile(there, q), np.percentile(back, q))) for q in percentiles]


def check_missed_mm(missed_mm: float | str) -> None:
    """Raise ``ValueError`` unless ``missed_mm`` is ``"diagonal"`` or a finite distance > 0."""
    if isinstance(missed_mm, str):
        check_choice("missed_mm", missed_mm, ("diagonal",))
    else:
        check_positive("missed_mm", missed_mm)


def _border_points(mask: BoolArray, section_axis: int | None) -> DoubleArray:
    """Indices (N, ndim) of the border voxels."""
    (box,) = ndimage.find_objects(mask.astype(np.uint8))
    inside = mask[box]
    start = np.array([s.start for s in box])
    if section_axis is not None:
        border, start = _section_border(mask, box, section_axis)
    else:
        # a voxel on the side of the box is a border voxel: beyond the box is no mask
        border = inside & ~ndimage.binary_erosion(inside, ndimage.generate_binary_structure(mask.ndim, 1))
    points: DoubleArray = np.argwhere(border).astype(np.float64) + start
    return points


def _section_border(mask: BoolArray, box: tuple[slice, ...], section_axis: int) -> tuple[BoolArray, AnyArray]:
    """Border within the sections, the frame being none, in the mask's box and one voxel around it; and its start."""
    wide = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in box)
    inside = mask[wide]
    element = np.ones([1 if a == section_axis else 3 for a in range(mask.ndim)], dtype=np.bool_)
    border = inside & ~ndimage.binary_erosion(inside, element, border_value=1)
    if not border.any():  # the mask fills every section that it is in
        border = inside & ~ndimage.binary_erosion(inside, element)
    return border, np.array([s.start for s in wide])
