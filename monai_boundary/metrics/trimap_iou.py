# SPDX-License-Identifier: Apache-2.0
"""The IoU in bands around the true boundary: of two masks, and accumulated over a data set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from monai_boundary._typing import AnyArray
from monai_boundary._validation import check_positive
from monai_boundary.metrics.boundary_iou import SLACK, touches
from monai_boundary.metrics.mask_metric import MaskMetric, counts_of_misses
from monai_boundary.metrics.surface_pair import SurfacePair, measure_surfaces, near_squares


def compute_trimap_iou(
    y_pred: npt.ArrayLike,
    y: npt.ArrayLike,
    spacing: Sequence[float] | float | None,
    *,
    widths_mm: Sequence[float] = (1.0, 2.0, 5.0, 10.0),
) -> tuple[float, ...]:
    r"""Return the intersection over union within bands of several widths around the true boundary.

    The band :math:`B_d` is the voxels within ``d`` of a voxel of the other side, centre to centre in mm (Kohli et al.,
    IJCV 2009), and at least those with a face on it; outside the image is no side, since nobody labelled it:

    .. math:: |P \cap T \cap B_d| \,/\, |(P \cup T) \cap B_d|

    What the prediction adds far from the true boundary is forgiven; a wide band comes near IoU. As a curve over the
    widths it says how far from the boundary the errors lie.

    Args:
        y_pred: predicted mask, 0 or 1, (H, W) or (H, W, D).
        y: true mask of the same shape.
        spacing: mm per axis in array order.
        widths_mm: half widths of the bands: so far to either side.

    Returns:
        One score for each width, 0..1: 0 where the truth is missed altogether, NaN where the truth is empty or full
        (there is no boundary).

    Raises:
        TypeError: if a mask does not hold numbers.
        ValueError: as :func:`~monai_boundary.metrics.measure_surfaces`, and if a width is not positive.

    Example:
        >>> import numpy as np
        >>> truth = np.zeros((1, 9)); truth[0, :4] = 1
        >>> pred = np.zeros((1, 9)); pred[0, :5] = 1; pred[0, 8] = 1
        >>> compute_trimap_iou(pred, truth, spacing=1.0, widths_mm=(1.0, 2.0, 9.0))  # 1 of 2, 2 of 3, 4 of 6
        (0.5, 0.6666666666666666, 0.6666666666666666)
    """
    for width in widths_mm:
        check_positive("widths_mm", width)
    return trimap_iou_of_pair(measure_surfaces(y_pred, y, spacing, distances=False), widths_mm)


def trimap_iou_of_pair(pair: SurfacePair, widths_mm: Sequence[float]) -> tuple[float, ...]:
    """Return what :func:`compute_trimap_iou` does, for masks that were measured."""
    true, predicted = pair.true, pair.predicted
    if not true.any() or pair.true_is_full:
        return (math.nan,) * len(widths_mm)
    limit = max(widths_mm)
    beyond = np.zeros_like(true)
    beyond[pair.image_part] = ~true[pair.image_part]
    apart = np.where(true, near_squares(beyond, pair.spacing, limit), near_squares(true, pair.spacing, limit))
    touching = np.where(true, touches(beyond), touches(true))
    scores = []
    for width in widths_mm:
        band = (apart <= width**2 * SLACK) | touching
        either = int(np.count_nonzero((predicted | true) & band))
        scores.append(int(np.count_nonzero(predicted & true & band)) / either)
    return tuple(scores)


class TrimapIoUMetric(MaskMetric):
    """Accumulate :func:`compute_trimap_iou` over items; see :class:`~monai_boundary.metrics.MaskMetric`.

    The scores are ``trimap_iou_1mm`` and so on, one for each width, and the numbers of items that are ``missed`` (all
    their scores are 0) and ``false_alarm`` (undefined: there is no true boundary).

    Args:
        structures: None for one mask of 0 and 1 (B, 1, ...), names for a mask in each channel, or ``{name: label value
            or values}`` for a label map (B, 1, ...).
        spacing: mm per axis in array order.
        reduction: over the items, as in MONAI: ``"mean"`` (default), ``"sum"``, ``"mean_batch"``, ``"sum_batch"``,
            ``"mean_channel"``, ``"sum_channel"`` or ``"none"``; every score is one channel of its own.
        widths_mm: half widths of the bands.

    Example:
        >>> import torch
        >>> truth = torch.zeros(1, 1, 1, 9); truth[..., :4] = 1
        >>> pred = torch.zeros(1, 1, 1, 9); pred[..., :5] = 1
        >>> TrimapIoUMetric(spacing=1.0, widths_mm=(1.0, 3.0))(pred, truth).tolist()
        [[0.5, 0.75, 0.0, 0.0]]
    """

    def __init__(
        self,
        structures: Sequence[str] | Mapping[str, int | Sequence[int]] | None = None,
        *,
        spacing: Sequence[float] | float | None = None,
        reduction: str = "mean",
        widths_mm: Sequence[float] = (1.0, 2.0, 5.0, 10.0),
    ) -> None:
        self.widths_mm = tuple(float(width) for width in widths_mm)
        for width in self.widths_mm:
            check_positive("widths_mm", width)
        names = (f"trimap_iou_{width:g}mm" for width in self.widths_mm)
        self.mask_scores = (*names, "missed", "false_alarm")
        super().__init__(structures, spacing=spacing, reduction=reduction)

    def score_masks(self, y_pred: AnyArray, y: AnyArray, spacing: Sequence[float] | float) -> Mapping[str, float]:
        """Return the scores of two masks by name."""
        found = compute_trimap_iou(y_pred, y, spacing, widths_mm=self.widths_mm)
        return {**dict(zip(self.mask_scores, found, strict=False)), **counts_of_misses(y_pred, y)}
