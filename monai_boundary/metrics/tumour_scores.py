# SPDX-License-Identifier: Apache-2.0
"""What BraTS scores: overlap and distance in mm of each region of a tumour, with stated empty cases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from monai_boundary._typing import AnyArray, BoolArray
from monai_boundary._validation import check_choice, check_same_shape, check_spatial_dims
from monai_boundary.metrics.hausdorff_mm import check_missed_mm, hausdorff_percentiles
from monai_boundary.metrics.millimetre_metric import MillimetreMetric, known_spacing
from monai_boundary.metrics.table_scores import mean_of_defined
from monai_boundary.ops.label_values import binary_mask
from monai_boundary.ops.tumour_regions import TUMOUR_REGIONS


class RegionScores(NamedTuple):
    """Scores of one region of one patient; NaN where undefined (see :func:`compute_tumour_scores`)."""

    dice: float
    jaccard: float
    hausdorff_mm: float
    hd95_mm: float
    missed: float
    false_alarm: float


AVERAGED = RegionScores._fields[:4]


def compute_tumour_scores(
    y_pred: AnyArray | torch.Tensor,
    y: AnyArray | torch.Tensor,
    *,
    spacing: Sequence[float] | float | None,
    regions: Sequence[str] = TUMOUR_REGIONS,
    missed_mm: float | str = "diagonal",
    both_empty: str = "undefined",
) -> dict[str, RegionScores]:
    r"""Return the scores of each region of one patient.

    With :math:`P` the predicted and :math:`T` the true voxels of a region:

    - ``dice``: :math:`2 |P \cap T| / (|P| + |T|)`; ``jaccard``: :math:`|P \cap T| / |P \cup T|`;
    - ``hausdorff_mm`` and ``hd95_mm``: :func:`~monai_boundary.metrics.compute_hausdorff_mm`, 100th and 95th percentile;
    - ``missed``: 1 where the region is there and nothing is predicted; ``false_alarm``: 1 the other way round.

    ============================ ======================= ======================= =========================
    empty is                     only the prediction     only the truth          both (``"undefined"``)
    ============================ ======================= ======================= =========================
    dice, jaccard                0                       0                       NaN
    hausdorff_mm, hd95_mm        ``missed_mm``           ``missed_mm``           NaN
    missed, false_alarm          1, 0                    0, 1                    0, 0
    ============================ ======================= ======================= =========================

    The default price of a miss, the image's diagonal, is 373.13 mm for 240 x 240 x 155 voxels of 1 mm: what BraTS's own
    evaluation takes. BraTS takes 1 and 0 mm where both are empty, which is ``both_empty="perfect"``; a patient without
    enhancing tumour then is the best of all, and a mean over few patients says more of them than of the network.

    Args:
        y_pred: predicted masks, 0 or 1, (R, H, W) or (R, H, W, D); they may overlap.
        y: true masks of the same shape.
        spacing: mm per axis in array order.
        regions: names of the R channels.
        missed_mm: the distances where one mask is empty, in mm, or ``"diagonal"`` of the image.
        both_empty: ``"undefined"``, or ``"perfect"``: where both are empty, dice and jaccard are 1, the distances 0.

    Returns:
        The scores by region, as floats.

    Raises:
        TypeError: if an input does not hold numbers.
        ValueError: if the shapes differ, are not those of the regions, or hold anything but 0 and 1; ``spacing`` is
            missing or has a wrong length, or an option does not fit.

    Example:
        >>> import numpy as np
        >>> truth = np.zeros((2, 1, 8)); truth[0, 0, 1:5] = 1; truth[1, 0, 2] = 1
        >>> pred = np.zeros((2, 1, 8)); pred[0, 0, 1:7] = 1
        >>> scores = compute_tumour_scores(pred, truth, spacing=(3.0, 0.5), regions=("wt", "tc"))
        >>> scores["wt"].dice, scores["wt"].hausdorff_mm, scores["tc"].dice, scores["tc"].missed
        (0.8, 1.0, 0.0, 1.0)
        >>> round(scores["tc"].hd95_mm, 6)
        5.0
    """
    check_choice("both_empty", both_empty, ("undefined", "perfect"))
    predicted, true = _masks("y_pred", y_pred), _masks("y", y)
    check_same_shape("y_pred", predicted.shape, "y", true.shape)
    check_spatial_dims("y", true.ndim - 1)
    if len(true) != len(regions):
        raise ValueError(f"`y` needs {len(regions)} channels, {', '.join(regions)}, got {len(true)}.")
    return {
        region: _region(p, t, spacing, missed_mm, both_empty)
        for region, p, t in zip(regions, predicted, true, strict=True)
    }


def _region(
    predicted: BoolArray,
    true: BoolArray,
    spacing: Sequence[float] | float | None,
    missed_mm: float | str,
    both_empty: str,
) -> RegionScores:
    n_pred, n_true, shared = (int(np.count_nonzero(mask)) for mask in (predicted, true, predicted & true))
    largest, hd95 = hausdorff_percentiles(predicted, true, spacing, percentiles=(100, 95), missed_mm=missed_mm)
    if not n_pred and not n_true:
        perfect = both_empty == "perfect"
        overlap, distance = (1.0, 0.0) if perfect else (math.nan, math.nan)
        return RegionScores(overlap, overlap, distance, distance, missed=0.0, false_alarm=0.0)
    return RegionScores(
        dice=2 * shared / (n_pred + n_true),
        jaccard=shared / (n_pred + n_true - shared),
        hausdorff_mm=largest,
        hd95_mm=hd95,
        missed=float(n_pred == 0),
        false_alarm=float(n_true == 0),
    )


def _masks(name: str, values: AnyArray | torch.Tensor) -> BoolArray:
    try:
        return binary_mask(name, values)
    except ValueError as error:
        raise ValueError(f"{error} One mask for each region: TumourRegions makes them of a segmentation.") from None


class TumourScoresMetric(MillimetreMetric):
    """Accumulate :func:`compute_tumour_scores` over patients.

    ``metric(y_pred, y)`` takes batches of shape (B, R, H, W[, D]) or lists of (R, H, W[, D]) and returns the scores of
    each item in the order of ``score_names``: ``wt_dice``, ``wt_jaccard``, ``wt_hausdorff_mm``, ``wt_hd95_mm``,
    ``wt_missed``, ``wt_false_alarm``, the same of ``tc`` and ``et``, then ``dice``, ``jaccard``, ``hausdorff_mm`` and
    ``hd95_mm``, the means over the regions that are defined in that patient.

    ``aggregate()`` returns them by name: means over the patients where a score is defined, but for ``..._missed`` and
    ``..._false_alarm``, which are *counts* of patients. Where no patient is defined a score is NaN: an HD95 is never
    0.0 because nothing was found. Processes: see :class:`~monai_boundary.metrics.ItemMetric`.

    Score whole patients, not patches: a distance belongs to the volume. (In the paper's setting the items are slices.)

    *Spacing* is in mm: see :class:`~monai_boundary.metrics.MillimetreMetric`.

    Args:
        regions: names of the channels; ``("tc",)`` for the tumour core alone.
        spacing: mm per axis in array order.
        reduction: over the items, as in MONAI: ``"mean"`` (default), ``"sum"``, ``"mean_batch"``, ``"sum_batch"``,
            ``"mean_channel"``, ``"sum_channel"`` or ``"none"``; every score is one channel of its own.
        missed_mm: the distances where one mask is empty, in mm, or ``"diagonal"`` of the image.
        both_empty: ``"undefined"``, or ``"perfect"``: where both are empty, dice and jaccard are 1, the distances 0.

    Raises:
        ValueError: if a region is named twice.

    Example:
        >>> import torch
        >>> truth = torch.zeros(2, 3, 4, 4, 4)
        >>> truth[:, :, 1, 1, 1] = 1
        >>> pred = truth.clone()
        >>> pred[1, 2] = 0
        >>> metric = TumourScoresMetric(spacing=(1.0, 1.0, 3.0))
        >>> rows = metric(pred, truth)
        >>> scores = metric.aggregate()
        >>> scores["et_dice"].item(), scores["et_missed"].item(), round(scores["dice"].item(), 3)
        (0.5, 1.0, 0.833)
    """

    key_score = "dice"
    undefined = "lack a region that was not predicted either"

    def __init__(
        self,
        regions: Sequence[str] = TUMOUR_REGIONS,
        *,
        spacing: Sequence[float] | float | None = None,
        reduction: str = "mean",
        missed_mm: float | str = "diagonal",
        both_empty: str = "undefined",
    ) -> None:
        names = (regions,) if isinstance(regions, str) else tuple(regions)
        if not names or len(set(names)) < len(names):
            raise ValueError(f"`regions` needs different names, one for each channel, got {names}.")
        check_choice("both_empty", both_empty, ("undefined", "perfect"))
        check_missed_mm(missed_mm)
        super().__init__(spacing=spacing, reduction=reduction)
        self.regions = names
        self.channels = len(names)
        self.score_names = (*(f"{r}_{score}" for r in names for score in RegionScores._fields), *AVERAGED)
        self.counted = tuple(f"{r}_{score}" for r in names for score in ("missed", "false_alarm"))
        self.options: dict[str, Any] = {"missed_mm": missed_mm, "both_empty": both_empty}

    def _score(
        self, y_pred: AnyArray | torch.Tensor, y: AnyArray | torch.Tensor, spacing: Sequence[float] | float | None
    ) -> list[float]:
        sizes = known_spacing(spacing, np.ndim(y) - 1)
        scores = list(compute_tumour_scores(y_pred, y, spacing=sizes, regions=self.regions, **self.options).values())
        return [
            *(value for region in scores for value in region),
            *mean_of_defined([r[: len(AVERAGED)] for r in scores]),
        ]

    def count_undefined(self) -> int:
        """Return the number of patients, over all processes, in whom a region is neither there nor predicted."""
        columns = [self.score_names.index(f"{region}_dice") for region in self.regions]
        return int(self.get_buffer()[:, columns].isnan().any(dim=1).sum())
