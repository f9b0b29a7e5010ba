# SPDX-License-Identifier: Apache-2.0
"""What the lesion challenges score: overlap, distance in mm, volume and lesions found, with stated empty cases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from monai_boundary._typing import AnyArray
from monai_boundary._validation import check_choice, check_spacing
from monai_boundary.metrics.hausdorff_mm import check_missed_mm, hausdorff_of_masks
from monai_boundary.metrics.lesion_detection import F1_RULES, detection_of_masks
from monai_boundary.metrics.lesion_masks import lesion_masks
from monai_boundary.metrics.millimetre_metric import MillimetreMetric, known_spacing


class LesionScores(NamedTuple):
    """Scores of one patient; NaN where undefined (see :func:`compute_lesion_scores`)."""

    dice: float
    hd95_mm: float
    volume_difference_percent: float
    volume_difference_ml: float
    lesion_recall: float
    lesion_precision: float
    lesion_f1: float
    lesion_count_difference: float
    missed: float
    false_alarm: float


def compute_lesion_scores(
    y_pred: AnyArray | torch.Tensor,
    y: AnyArray | torch.Tensor,
    *,
    spacing: Sequence[float] | float | None,
    lesion_label: int = 1,
    ignore_labels: Sequence[int] = (),
    section_axis: int | None = None,
    fully_connected: bool = True,
    f1_rule: str = "wmh2017",
    missed_mm: float | str = "diagonal",
    both_empty: str = "undefined",
) -> LesionScores:
    r"""Return the scores of the WMH 2017 and ISLES 2022 challenges for one patient.

    With :math:`P` the predicted and :math:`T` the true voxels (without the ignored ones), :math:`v` the volume of one:

    - ``dice``: :math:`2 |P \cap T| / (|P| + |T|)`;
    - ``hd95_mm``: :func:`~monai_boundary.metrics.compute_hausdorff_mm`, 95th percentile;
    - ``volume_difference_percent``: :math:`100 \cdot ||P| - |T|| / |T|` (WMH 2017's AVD), and
      ``volume_difference_ml``: :math:`v \cdot ||P| - |T||` (ISLES 2022's);
    - ``lesion_recall``, ``lesion_precision``, ``lesion_f1``: :func:`~monai_boundary.metrics.compute_lesion_detection`;
    - ``lesion_count_difference``: the difference of the numbers of lesions, absolute (ISLES 2022);
    - ``missed``: 1 where there are true lesions and nothing is predicted; ``false_alarm``: 1 the other way round.

    ================================ ======================= ======================= ============================
    empty is                         only the prediction     only the truth          both (``"undefined"``)
    ================================ ======================= ======================= ============================
    dice                             0                       0                       NaN
    hd95_mm                          ``missed_mm``           ``missed_mm``           NaN
    volume_difference_percent        100                     NaN                     NaN
    volume_difference_ml             volume of the truth     volume predicted        0
    lesion_recall                    0                       NaN                     NaN
    lesion_precision                 NaN                     0                       NaN
    lesion_f1                        0                       0                       NaN
    lesion_count_difference          lesions of the truth    lesions predicted       0
    missed, false_alarm              1, 0                    0, 1                    0, 0
    ================================ ======================= ======================= ============================

    Args:
        y_pred: the prediction, 0 or 1, shape (H, W) or (H, W, D).
        y: the truth of the same shape: 0, ``lesion_label``, and ids of ``ignore_labels``.
        spacing: mm per axis in array order.
        lesion_label: id of the lesions in the truth.
        ignore_labels: truth ids whose voxels are not scored: ``(2,)`` for WMH 2017's other pathology.
        section_axis: axis across the sections, to find the borders for ``hd95_mm`` in each section alone, as WMH 2017
            (see :func:`~monai_boundary.metrics.compute_hausdorff_mm`); None for borders in 3-D, as MONAI.
        fully_connected: whether lesions are connected by edges and corners too (True, both challenges).
        f1_rule: how ``lesion_f1`` is put together, ``"wmh2017"`` or ``"isles2022"``: one blob over several lesions
            makes the two differ.
        missed_mm: ``hd95_mm`` where one mask is empty, in mm, or ``"diagonal"`` of the image.
        both_empty: ``"undefined"``, or ``"perfect"``: where both are empty, dice, recall, precision and f1 are 1, and
            hd95_mm and volume_difference_percent 0, as ISLES 2022 has it.

    Returns:
        The scores, as floats. ``volume_difference_ml`` is NaN for 2-D images, which have no volume.

    Raises:
        TypeError: if an input does not hold numbers.
        ValueError: if the masks are none, ``spacing`` is missing or has a wrong length, or an option does not fit.

    Example:
        >>> import numpy as np
        >>> truth = np.zeros((4, 4, 2)); truth[1, 1, 0] = truth[3, 3, 0] = 1
        >>> pred = np.zeros((4, 4, 2)); pred[1, 1, 0] = pred[1, 2, 0] = 1
        >>> scores = compute_lesion_scores(pred, truth, spacing=(1.0, 1.0, 3.0))
        >>> scores.dice, scores.lesion_recall, scores.lesion_precision, scores.volume_difference_percent
        (0.5, 0.5, 1.0, 0.0)
    """
    check_choice("both_empty", both_empty, ("undefined", "perfect"))
    predicted, true = lesion_masks(y_pred, y, lesion_label=lesion_label, ignore_labels=ignore_labels)
    distance = hausdorff_of_masks(predicted, true, spacing, section_axis=section_axis, missed_mm=missed_mm)
    found = detection_of_masks(predicted, true, fully_connected=fully_connected, f1_rule=f1_rule)
    n_pred, n_true = int(predicted.sum()), int(true.sum())
    excess = abs(n_pred - n_true)
    millilitres = math.prod(check_spacing(spacing, true.ndim)) / 1000 if true.ndim == 3 else math.nan
    scores = LesionScores(
        dice=2 * int((predicted & true).sum()) / (n_pred + n_true) if n_pred + n_true else math.nan,
        hd95_mm=distance,
        volume_difference_percent=100 * excess / n_true if n_true else math.nan,
        volume_difference_ml=excess * millilitres,
        lesion_recall=found.recall,
        lesion_precision=found.precision,
        lesion_f1=found.f1,
        lesion_count_difference=float(abs(found.predicted_lesions - found.true_lesions)),
        missed=float(n_true > 0 and n_pred == 0),
        false_alarm=float(n_pred > 0 and n_true == 0),
    )
    if both_empty == "perfect" and not n_pred and not n_true:
        best = dict.fromkeys(("dice", "lesion_recall", "lesion_precision", "lesion_f1"), 1.0)
        return scores._replace(**best, hd95_mm=0.0, volume_difference_percent=0.0)
    return scores


class LesionScoresMetric(MillimetreMetric):
    """Accumulate :func:`compute_lesion_scores` over patients.

    ``metric(y_pred, y)`` takes batches of shape (B, 1, H, W[, D]) or lists of (1, H, W[, D]) and returns (B, 10)
    scores; ``aggregate()`` returns them by name: means over the patients where a score is defined, but for ``missed``
    and ``false_alarm``, which are *counts* of patients. Processes and NaN: see
    :class:`~monai_boundary.metrics.ItemMetric`.

    Score whole patients, not patches or single sections: a lesion's count and distance belong to the volume.

    *Spacing* is in mm: that of the call (one for all, or a row for each item), of the constructor, or of the truth's
    affine when it is a ``MetaTensor``. Without any it is an error, because a cache that drops the meta data would turn
    mm into voxels in silence.

    Args:
        spacing: mm per axis in array order.
        reduction: over the items, as in MONAI: ``"mean"`` (default), ``"sum"``, ``"mean_batch"``, ``"sum_batch"``,
            ``"mean_channel"``, ``"sum_channel"`` or ``"none"``; every score is one channel of its own.
        lesion_label: id of the lesions in the truth.
        ignore_labels: truth ids whose voxels are not scored.
        section_axis: axis across the sections, for borders in each section alone.
        fully_connected: whether lesions are connected by edges and corners too.
        f1_rule: ``"wmh2017"`` or ``"isles2022"``.
        missed_mm: ``hd95_mm`` where one mask is empty.
        both_empty: ``"undefined"`` or ``"perfect"``.

    Example:
        >>> import torch
        >>> truth = torch.zeros(2, 1, 4, 4, 4)
        >>> truth[:, :, 1, 1, 1] = 1
        >>> pred = truth.clone()
        >>> pred[1] = 0
        >>> metric = LesionScoresMetric(spacing=(1.0, 1.0, 3.0))
        >>> rows = metric(pred, truth)
        >>> scores = metric.aggregate()
        >>> scores["dice"].item(), scores["missed"].item(), scores["hd95_mm"].item() > 6
        (0.5, 1.0, True)
    """

    score_names: tuple[str, ...] = LesionScores._fields
    counted: tuple[str, ...] = ("missed", "false_alarm")
    key_score = "dice"
    undefined = "have no lesion, and none was predicted"

    def __init__(
        self,
        *,
        spacing: Sequence[float] | float | None = None,
        reduction: str = "mean",
        lesion_label: int = 1,
        ignore_labels: Sequence[int] = (),
        section_axis: int | None = None,
        fully_connected: bool = True,
        f1_rule: str = "wmh2017",
        missed_mm: float | str = "diagonal",
        both_empty: str = "undefined",
    ) -> None:
        check_choice("both_empty", both_empty, ("undefined", "perfect"))
        check_choice("f1_rule", f1_rule, F1_RULES)
        check_missed_mm(missed_mm)
        super().__init__(spacing=spacing, reduction=reduction)
        self.options: dict[str, Any] = {
            "lesion_label": lesion_label,
            "ignore_labels": tuple(ignore_labels),
            "section_axis": section_axis,
            "fully_connected": fully_connected,
            "f1_rule": f1_rule,
            "missed_mm": missed_mm,
            "both_empty": both_empty,
        }

    def _score(
        self, y_pred: AnyArray | torch.Tensor, y: AnyArray | torch.Tensor, spacing: Sequence[float] | float | None
    ) -> LesionScores:
        return compute_lesion_scores(y_pred, y, spacing=known_spacing(spacing, np.ndim(y)), **self.options)

    def count_undefined(self) -> int:
        """Return the number of patients, over all processes, whose Dice is NaN: no lesion, and none predicted."""
        return int(self.get_buffer()[:, self.score_names.index("dice")].isnan().sum())
