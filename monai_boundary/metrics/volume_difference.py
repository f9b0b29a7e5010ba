# SPDX-License-Identifier: Apache-2.0
"""How much too large or too small a prediction is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from monai_boundary._typing import AnyArray
from monai_boundary._validation import check_same_shape, check_spacing, check_spatial_dims
from monai_boundary.metrics.mask_metric import MaskMetric
from monai_boundary.ops.label_values import binary_mask


class VolumeDifference(NamedTuple):
    """Difference of two volumes, predicted less true; NaN where undefined (see :func:`compute_volume_difference`)."""

    volume_difference_ml: float
    signed_volume_difference_ml: float
    volume_difference_percent: float
    signed_volume_difference_percent: float
    missed: float
    false_alarm: float


def compute_volume_difference(
    y_pred: npt.ArrayLike, y: npt.ArrayLike, spacing: Sequence[float] | float | None
) -> VolumeDifference:
    """Return the difference of the two volumes, in ml and in percent of the truth, absolute and signed.

    A volume says nothing of the place: a prediction beside the truth may have the right one.

    Args:
        y_pred: predicted mask, 0 or 1, (H, W) or (H, W, D).
        y: true mask of the same shape.
        spacing: mm per axis in array order.

    Returns:
        Signed values are positive where too much is predicted. In ml NaN for 2-D images, which have no volume; in
        percent 100 (signed -100) where the truth is missed, and NaN where the truth is empty.

    Raises:
        TypeError: if a mask does not hold numbers.
        ValueError: if a mask holds anything but 0 and 1, the shapes differ or are not 2-D or 3-D, or ``spacing`` is
            missing or has a wrong length.

    Example:
        >>> import numpy as np
        >>> truth = np.zeros((10, 10, 10)); truth[:5] = 1
        >>> pred = np.zeros((10, 10, 10)); pred[:4] = 1
        >>> found = compute_volume_difference(pred, truth, spacing=(1.0, 1.0, 2.0))
        >>> found.signed_volume_difference_ml, found.volume_difference_percent
        (-0.2, 20.0)
    """
    predicted, true = binary_mask("y_pred", y_pred), binary_mask("y", y)
    check_spatial_dims("y", true.ndim)
    check_same_shape("y_pred", predicted.shape, "y", true.shape)
    if spacing is None:
        raise ValueError(f"`spacing` needs {true.ndim} entries (mm per axis) for a volume, got None.")
    sizes = check_spacing(spacing, true.ndim)
    millilitres = math.prod(sizes) / 1000 if true.ndim == 3 else math.nan
    n_pred, n_true = int(np.count_nonzero(predicted)), int(np.count_nonzero(true))
    return difference_of_counts(n_pred, n_true, millilitres)


def difference_of_counts(n_pred: int, n_true: int, voxel: float) -> VolumeDifference:
    """Return what :func:`compute_volume_difference` does, of numbers of voxels and the volume of one."""
    excess = n_pred - n_true
    percent = 100 * excess / n_true if n_true else math.nan
    return VolumeDifference(
        abs(excess) * voxel,
        excess * voxel,
        abs(percent),
        percent,
        float(n_true > 0 and not n_pred),
        float(n_pred > 0 and not n_true),
    )


class VolumeDifferenceMetric(MaskMetric):
    """Accumulate :func:`compute_volume_difference` over items; see :class:`~monai_boundary.metrics.MaskMetric`.

    Args:
        structures: None for one mask of 0 and 1 (B, 1, ...), names for a mask in each channel, or ``{name: label value
            or values}`` for a label map (B, 1, ...).
        spacing: mm per axis in array order.
        reduction: over the items, as in MONAI: ``"mean"`` (default), ``"sum"``, ``"mean_batch"``, ``"sum_batch"``,
            ``"mean_channel"``, ``"sum_channel"`` or ``"none"``; every score is one channel of its own.

    Example:
        >>> import torch
        >>> truth = torch.zeros(1, 1, 2, 2, 2); truth[..., 0] = 1
        >>> metric = VolumeDifferenceMetric(spacing=1.0)
        >>> _ = metric(torch.ones_like(truth), truth)
        >>> metric.aggregate()["signed_volume_difference_percent"].item()
        100.0
    """

    mask_scores: tuple[str, ...] = VolumeDifference._fields

    def score_masks(self, y_pred: AnyArray, y: AnyArray, spacing: Sequence[float] | float) -> Mapping[str, float]:
        """Return the differences of two masks by name."""
        return compute_volume_difference(y_pred, y, spacing)._asdict()
