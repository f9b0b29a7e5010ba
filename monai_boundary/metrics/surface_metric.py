# SPDX-License-Identifier: Apache-2.0
"""Surface scores, accumulated over a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from monai_boundary._typing import AnyArray
from monai_boundary._validation import check_choice
from monai_boundary.metrics.boundary_iou import DEFAULT_SHARE
from monai_boundary.metrics.mask_metric import MaskMetric
from monai_boundary.metrics.surface_scores import EMPTY_POLICIES, check_tolerances, compute_surface_scores


class SurfaceScoresMetric(MaskMetric):
    """Accumulate :func:`compute_surface_scores` over items; see :class:`~monai_boundary.metrics.MaskMetric`.

    The scores of each structure are ``hd_mm``, ``hd95_mm``, ``assd_mm``, ``nsd_1mm`` and ``boundary_f_1mm`` at each
    tolerance, ``boundary_iou``, and the counts ``missed`` and ``false_alarm``, which stand beside every mean: what a
    miss costs in the distances, ``empty_policy`` says.

    Args:
        structures: None for one mask of 0 and 1 (B, 1, ...), names for a mask in each channel, or ``{name: label value
            or values}`` for a label map (B, 1, ...).
        spacing: mm per axis in array order.
        reduction: over the items, as in MONAI: ``"mean"`` (default), ``"sum"``, ``"mean_batch"``, ``"sum_batch"``,
            ``"mean_channel"``, ``"sum_channel"`` or ``"none"``; every score is one channel of its own.
        tolerances_mm: tolerances in mm, a score of ``nsd`` and ``boundary_f`` for each: what two readers differ by.
        boundary_width_mm: width of the band of ``boundary_iou``.
        boundary_share: the same as a share of the diagonal.
        empty_policy: the distances where one mask is empty: the image's ``"diagonal"``, infinity (``"worst"``), NaN
            that makes the mean NaN (``"nan"``), or NaN that is left out (``"ignore"``).

    Example:
        >>> import torch
        >>> truth = torch.zeros(2, 1, 6, 6); truth[:, :, 2:4, 2:4] = 1
        >>> pred = truth.clone(); pred[1] = 0
        >>> metric = SurfaceScoresMetric(spacing=1.0, empty_policy="ignore")
        >>> rows = metric(pred, truth)
        >>> scores = metric.aggregate()
        >>> scores["hd95_mm"].item(), scores["nsd_1mm"].item(), scores["missed"].item()
        (0.0, 0.5, 1.0)
    """

    def __init__(
        self,
        structures: Sequence[str] | Mapping[str, int | Sequence[int]] | None = None,
        *,
        spacing: Sequence[float] | float | None = None,
        reduction: str = "mean",
        tolerances_mm: Sequence[float] = (1.0, 2.0),
        boundary_width_mm: float | None = None,
        boundary_share: float = DEFAULT_SHARE,
        empty_policy: str = "diagonal",
    ) -> None:
        check_choice("empty_policy", empty_policy, EMPTY_POLICIES)
        tolerances = check_tolerances(tolerances_mm)
        each = [f"{score}_{t:g}mm" for score in ("nsd", "boundary_f") for t in tolerances]
        self.mask_scores = ("hd_mm", "hd95_mm", "assd_mm", *each, "boundary_iou", "missed", "false_alarm")
        super().__init__(structures, spacing=spacing, reduction=reduction)
        self.options: dict[str, Any] = {
            "tolerances_mm": tolerances,
            "boundary_width_mm": boundary_width_mm,
            "boundary_share": boundary_share,
            "empty_policy": empty_policy,
        }

    def score_masks(self, y_pred: AnyArray, y: AnyArray, spacing: Sequence[float] | float) -> Mapping[str, float]:
        """Return the surface scores of two masks by name."""
        return compute_surface_scores(y_pred, y, spacing, **self.options).as_dict()

    def aggregate(self, reduction: str | None = None) -> dict[str, torch.Tensor]:
        """Return the reduced scores by name; with ``empty_policy="nan"`` a distance is NaN where anything was missed.

        Args:
            reduction: instead of that of the constructor.
        """
        scores = super().aggregate(reduction)
        if self.options["empty_policy"] != "nan" or "none" in (reduction, self.reduction):
            return scores
        rows = self.details()
        for prefix in [f"{name}_" for name in self.structures] or [""]:
            if float(rows[f"{prefix}missed"].nansum() + rows[f"{prefix}false_alarm"].nansum()):
                for name in ("hd_mm", "hd95_mm", "assd_mm"):
                    scores[f"{prefix}{name}"] = torch.full_like(scores[f"{prefix}{name}"], torch.nan)
        return scores
