# SPDX-License-Identifier: Apache-2.0
"""Scores of the classes or regions of a volume, as many as are asked for, with stated empty cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from monai_boundary._typing import AnyArray, BoolArray
from monai_boundary._validation import check_choice
from monai_boundary.metrics.hausdorff_mm import check_missed_mm
from monai_boundary.metrics.item_metric import mean_of_defined
from monai_boundary.metrics.lesion_detection import F1_RULES
from monai_boundary.metrics.lesion_scores import LesionScores, compute_lesion_scores
from monai_boundary.metrics.mask_metric import MaskMetric
from monai_boundary.metrics.surface_scores import check_tolerances, compute_surface_scores
from monai_boundary.metrics.tumour_scores import RegionScores, compute_tumour_scores
from monai_boundary.ops.label_values import binary_mask, whole_label

STRUCTURE_SCORES = RegionScores._fields[:4]
"""Dice, Jaccard, Hausdorff distance and its 95th percentile."""
LESION_SCORES = LesionScores._fields[:8]
"""What the lesion challenges report."""
_SURFACE_SCORES = ("assd_mm", "boundary_iou")
_COUNTS = ("missed", "false_alarm")


class VolumeScoresMetric(MaskMetric):
    """Score one structure or several, over patients, by any of the scores of the other metrics in mm.

    - ``dice``, ``jaccard``, ``hausdorff_mm``, ``hd95_mm``: `monai_boundary.metrics.compute_tumour_scores`;
    - ``volume_difference_percent``, ``volume_difference_ml``, ``lesion_recall``, ``lesion_precision``, ``lesion_f1``,
      ``lesion_count_difference``: `monai_boundary.metrics.compute_lesion_scores`, which then also gives ``dice`` and
      ``hd95_mm``: they are the same, but for borders within sections (``section_axis``);
    - ``assd_mm``, ``boundary_iou``, ``nsd_{t}mm``, ``boundary_f_{t}mm`` at a tolerance of ``t`` mm (``"nsd_2mm"``):
      `monai_boundary.metrics.compute_surface_scores`.

    ``missed`` and ``false_alarm`` follow in any case: *counts* of patients in whom a structure is there and nothing was
    predicted, and the other way round. All others are means over the patients where they are defined; NaN where none
    is.

    Structures are label values, ``{"anterior": 1, "posterior": 2}``, of one channel of indices; or names, ``("wt",
    "tc")``, one for each channel of masks. Scores are called ``anterior_dice`` and so on, and the means over the
    structures that are defined in a patient follow under their plain names. Of a single label value there are plain
    names alone.

    Args:
        structures: None for one mask of 0 and 1, names for a mask in each channel, or ``{name: label value or values}``
            for a label map.
        scores: which, in the order of the result.
        spacing: mm per axis in array order; by default that of the call, or of the truth's affine.
        reduction: over the patients, as in MONAI: ``"mean"``, ``"sum"``, ``"mean_batch"``, ``"sum_batch"``,
            ``"mean_channel"``, ``"sum_channel"`` or ``"none"``.
        ignore_labels: values of the truth whose voxels are not scored, whatever was predicted there.
        missed_mm: the distances where one mask is empty, in mm, or ``"diagonal"`` of the image.
        both_empty: ``"undefined"``, or ``"perfect"``: where both are empty, overlaps are 1 and distances 0.
        section_axis: of lesion scores: axis across the sections, for borders in each section alone.
        fully_connected: of lesion scores: whether lesions are connected by edges and corners too.
        f1_rule: of lesion scores, ``"wmh2017"`` or ``"isles2022"``.

    Raises:
        ValueError: if a score is unknown or named twice, or an option has a value that it may not have.

    Example:
        >>> import torch
        >>> truth = torch.zeros(1, 1, 4, 4, 4)
        >>> truth[..., 1, 1, 1], truth[..., 2, 2, 2] = 1, 2
        >>> pred = truth.clone()
        >>> pred[pred == 2] = 0
        >>> metric = VolumeScoresMetric({"anterior": 1, "posterior": 2}, ("dice",), spacing=(1.0, 1.0, 3.0))
        >>> metric(pred, truth).tolist()
        [[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.5]]
        >>> metric.score_names[3:]
        ('posterior_dice', 'posterior_missed', 'posterior_false_alarm', 'dice')
    """

    undefined = "lack a structure that was not predicted either"

    def __init__(
        self,
        structures: Sequence[str] | Mapping[str, int | Sequence[int]] | None = None,
        scores: Sequence[str] = STRUCTURE_SCORES,
        *,
        spacing: Sequence[float] | float | None = None,
        reduction: str = "mean",
        ignore_labels: Sequence[int] = (),
        missed_mm: float | str = "diagonal",
        both_empty: str = "undefined",
        section_axis: int | None = None,
        fully_connected: bool = True,
        f1_rule: str = "wmh2017",
    ) -> None:
        check_choice("both_empty", both_empty, ("undefined", "perfect"))
        check_choice("f1_rule", f1_rule, F1_RULES)
        check_missed_mm(missed_mm)
        wanted = tuple(name for name in scores if name not in _COUNTS)
        if not wanted or len(set(wanted)) < len(wanted):
            raise ValueError(f"`scores` needs different scores, at least one, got {tuple(scores)}.")
        self.tolerances = tuple(sorted({t for name in wanted if (t := _tolerance(name)) is not None}))
        check_tolerances(self.tolerances)
        self.averaged = wanted
        self.key_score = wanted[0]
        self.mask_scores = (*wanted, *_COUNTS)
        single = isinstance(structures, Mapping) and len(structures) == 1
        super().__init__(structures, spacing=spacing, reduction=reduction)
        if single:
            self.score_names = self.mask_scores
        elif self.structures:
            self.score_names = (*self.score_names, *wanted)
        self.counted = tuple(name for name in self.score_names if name.endswith(_COUNTS))
        self.ignore_labels = tuple(ignore_labels)
        self.options: dict[str, Any] = {"missed_mm": missed_mm, "both_empty": both_empty}
        self.lesion_options: dict[str, Any] = {
            "section_axis": section_axis,
            "fully_connected": fully_connected,
            "f1_rule": f1_rule,
        }

    def score_masks(self, y_pred: AnyArray, y: AnyArray, spacing: Sequence[float] | float) -> dict[str, float]:
        """Return the scores of one structure in one patient by name."""
        predicted, true = _mask("y_pred", y_pred), _mask("y", y)
        row: dict[str, float] = {}
        if not set(self.averaged) <= {*STRUCTURE_SCORES, *_surface(self.averaged)}:
            scores = compute_lesion_scores(predicted, true, spacing=spacing, **self.options, **self.lesion_options)
            row |= scores._asdict()
        missing = set(self.averaged) - set(row)
        if missing & set(STRUCTURE_SCORES) or not row:
            stack = [mask[None] for mask in (predicted, true)]
            found = compute_tumour_scores(*stack, spacing=spacing, regions=("one",), **self.options)["one"]
            row = {**found._asdict(), **row}
        if missing - set(STRUCTURE_SCORES):
            row = {**self._surfaces(predicted, true, spacing), **row}
        return row

    def _surfaces(self, predicted: BoolArray, true: BoolArray, spacing: Sequence[float] | float) -> dict[str, float]:
        row = compute_surface_scores(predicted, true, spacing, self.tolerances).as_dict()
        if predicted.any() or true.any():
            price = self.options["missed_mm"]
            lone = predicted.any() != true.any() and not isinstance(price, str)
            return {name: float(price) if lone and name == "assd_mm" else value for name, value in row.items()}
        perfect = self.options["both_empty"] == "perfect"
        return {name: float(not name.startswith("assd")) if perfect else value for name, value in row.items()}

    def _score(
        self, y_pred: AnyArray | torch.Tensor, y: AnyArray | torch.Tensor, spacing: Sequence[float] | float | None
    ) -> list[float]:
        if self.ignore_labels:
            truth = whole_label("y", y)
            left_out = np.isin(truth, self.ignore_labels)
            y_pred, y = np.where(left_out, 0, whole_label("y_pred", y_pred)), np.where(left_out, 0, truth)
        row = super()._score(y_pred, y, spacing)
        if self.score_names == self.mask_scores:
            return row
        table = np.asarray(row).reshape(len(self.structures), len(self.mask_scores))
        return [*row, *mean_of_defined(table[:, : len(self.averaged)].tolist())]

    def count_undefined(self) -> int:
        """Return the number of patients, over all processes, with a structure whose first score is NaN."""
        firsts = [i for i, name in enumerate(self.score_names) if name.endswith(self.averaged[0])]
        columns = firsts if self.score_names == self.mask_scores else firsts[:-1]
        return int(self.get_buffer()[:, columns].isnan().any(dim=1).sum())


def _tolerance(name: str) -> float | None:
    """The tolerance in mm that a score's name states; None for a score without one."""
    if name in (*STRUCTURE_SCORES, *LESION_SCORES, *_SURFACE_SCORES):
        return None
    for start in ("nsd_", "boundary_f_"):
        if name.startswith(start) and name.endswith("mm"):
            try:
                return float(name[len(start) : -2])
            except ValueError:
                break
    known = dict.fromkeys((*STRUCTURE_SCORES, *LESION_SCORES, *_SURFACE_SCORES))
    raise ValueError(f"`scores` needs some of {', '.join(known)}, nsd_2mm, boundary_f_2mm, got {name!r}.")


def _surface(names: Sequence[str]) -> set[str]:
    return {name for name in names if name not in (*STRUCTURE_SCORES, *LESION_SCORES)}


def _mask(name: str, values: AnyArray) -> BoolArray:
    try:
        return binary_mask(name, values)
    except ValueError as error:
        raise ValueError(f"{error} One mask for each region, or label values under `structures`.") from None
