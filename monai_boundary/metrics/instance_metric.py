# SPDX-License-Identifier: Apache-2.0
"""What the metrics of instance segmentations share: which voxels count, and spacing in nanometres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from monai.data import MetaTensor
from monai.data.utils import affine_to_spacing

from monai_boundary._validation import check_positive
from monai_boundary.metrics.item_metric import ItemMetric


class InstanceMetric(ItemMetric):
    """Base of the metrics that compare one instance segmentation with its truth.

    Inputs are batches of shape (B, 1, H, W[, D]) or lists of (1, H, W[, D]) with integer ids; volumes are (Z, Y, X).
    Spacing, reductions and processes: see :class:`~monai_boundary.metrics.ItemMetric`.

    *Spacing* (nanometres) is needed for a border tolerance only. A ``MetaTensor`` truth states it when its
    ``meta["units"]`` is ``"nm"``. Without any, a border tolerance is an error.

    *Undefined* scores (no truth voxel of an item is scored) are NaN.

    Args:
        ignore_labels: truth ids whose voxels are not scored.
        border_tolerance_nm: do not score voxels within this distance of a truth boundary; None or 0 scores all.
        spacing: nanometres per axis in array order.
        per_section: score each section of a volume alone and take the mean.
        border_per_section: find the border in each section alone (True, as CREMI) or in 3-D.
        reduction: over the items, as in MONAI: ``"mean"`` (default), ``"sum"``, ``"mean_batch"``, ``"sum_batch"``,
            ``"mean_channel"``, ``"sum_channel"`` or ``"none"``; every score is one channel of its own.
    """

    undefined = "have no truth voxel to score"  # by the truth alone: NaN does not come and go between epochs

    def __init__(
        self,
        *,
        ignore_labels: Sequence[int] = (0,),
        border_tolerance_nm: float | None = None,
        spacing: Sequence[float] | float | None = None,
        per_section: bool = False,
        border_per_section: bool = True,
        reduction: str = "mean",
    ) -> None:
        if border_tolerance_nm is not None:
            check_positive("border_tolerance_nm", border_tolerance_nm, zero=True)
        super().__init__(spacing=spacing, reduction=reduction)
        self.options: dict[str, Any] = {
            "ignore_labels": tuple(ignore_labels),
            "border_tolerance_nm": border_tolerance_nm,
            "per_section": per_section,
            "border_per_section": border_per_section,
        }

    def _image_spacing(self, y: torch.Tensor, item: int) -> tuple[float, ...] | None:
        if not isinstance(y, MetaTensor):
            return None
        units = y.meta.get("units")
        if units != "nm" and not (isinstance(units, (list, tuple)) and units and set(units) == {"nm"}):
            return None
        affine = y.affine[item] if y.affine.ndim == 3 else y.affine
        ndim = y.ndim - 2
        return tuple(float(s) for s in affine_to_spacing(affine)[:ndim])
