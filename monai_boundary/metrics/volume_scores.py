# SPDX-License-Identifier: Apache-2.0
"""Scores of the classes or regions of a volume, as many as are asked for, with stated empty cases."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from monai_boundary._typing import AnyArray, BoolArray
from monai_boundary._validation import check_choice, check_positive
from monai_boundary.metrics.betti_error import betti_error_of_masks
from monai_boundary.metrics.boundary_iou import DEFAULT_SHARE
from monai_boundary.metrics.component_scores import component_scores_of_pair
from monai_boundary.metrics.hausdorff_mm import check_missed_mm
from monai_boundary.metrics.lesion_detection import F1_RULES
from monai_boundary.metrics.lesion_scores import compute_lesion_scores
from monai_boundary.metrics.lesion_wise import CHALLENGES, lesion_wise_of_pair
from monai_boundary.metrics.mask_metric import MaskMetric
from monai_boundary.metrics.mask_score_names import COUNTS, STRUCTURE_SCORES, named_mask_scores
from monai_boundary.metrics.surface_pair import SurfacePair, measure_surfaces
from monai_boundary.metrics.surface_scores import check_tolerances, surface_scores_of_pair
from monai_boundary.metrics.table_scores import mean_of_defined
from monai_boundary.metrics.trimap_iou import trimap_iou_of_pair
from monai_boundary.metrics.tumour_scores import compute_tumour_scores
from monai_boundary.metrics.volume_difference import difference_of_counts
from monai_boundary.ops.label_values import binary_mask, whole_label


class VolumeScoresMetric(MaskMetric):
    """Score one structure or several, over patients, by any of the scores of the other metrics in mm.

    - ``dice``, ``jaccard``, ``hausdorff_mm``, ``hd95_mm``: `monai_boundary.metrics.compute_tumour_scores`;
    - ``volume_difference_percent``, ``volume_difference_ml``, ``lesion_recall``, ``lesion_precision``, ``lesion_f1``,
      ``lesion_count_difference``: `monai_boundary.metrics.compute_lesion_scores`, which then also gives ``dice`` and
      ``hd95_mm``: they are the same, but for borders within sections (``section_axis``);
    - ``assd_mm``, ``boundary_iou``, ``nsd_{t}mm``, ``boundary_f_{t}mm`` at a tolerance of ``t`` mm (``"nsd_2mm"``):
      `monai_boundary.metrics.compute_surface_scores`;
    - ``trimap_iou_{w}mm`` in a band of ``w`` mm: `monai_boundary.metrics.compute_trimap_iou`;
    - ``signed_volume_difference_ml``, ``signed_volume_difference_percent``:
      `monai_boundary.metrics.compute_volume_difference`;
    - ``betti_error``: `monai_boundary.metrics.compute_betti_error`;
    - ``component_dice``, ``component_hd95_mm``, ``component_nsd_{t}mm``, ``missed_components``, in which a component
      that is missed where others are found has the image's diagonal as its distance, whatever ``missed_mm``:
      `monai_boundary.metrics.compute_component_scores`;
    - ``lesion_wise_dice``, ``lesion_wise_hd95_mm``: `monai_boundary.metrics.compute_lesion_wise_scores`, with the
      prices of the challenge.

    A distance may be named without its unit, ``"hd95"``. Of the first and the second group each measures the surfaces
    for itself; all the others share one measurement.

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
        challenge: of lesion-wise scores: ``"gli"``, ``"ssa"``, ``"ped"``, ``"men"`` or ``"met"``.

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
        challenge: str = "gli",
    ) -> None:
        check_choice("both_empty", both_empty, ("undefined", "perfect"))
        check_choice("f1_rule", f1_rule, F1_RULES)
        check_missed_mm(missed_mm)
        check_choice("challenge", challenge, tuple(CHALLENGES))
        self.wanted = named_mask_scores(scores)
        self.widths = {
            source: tuple(sorted({s.width_mm for s in self.wanted if s.source == source and s.has_width}))
            for source in ("surface", "components", "trimap")
        }
        for source in ("surface", "components"):
            check_tolerances(self.widths[source])
        for width in self.widths["trimap"]:
            check_positive("scores", width)
        self.averaged = tuple(score.name for score in self.wanted)
        self.key_score = self.averaged[0]
        self.mask_scores = (*self.averaged, *COUNTS)
        single = isinstance(structures, Mapping) and len(structures) == 1
        super().__init__(structures, spacing=spacing, reduction=reduction)
        if single:
            self.score_names = self.mask_scores
        elif self.structures:
            self.score_names = (*self.score_names, *self.averaged)
        self.counted = tuple(name for name in self.score_names if name.endswith(COUNTS))
        self.ignore_labels = tuple(ignore_labels)
        self.options: dict[str, Any] = {"missed_mm": missed_mm, "both_empty": both_empty}
        self.price_of_a_miss = f"; distances count each as missed_mm={missed_mm!r}"
        self.lesion_options: dict[str, Any] = {
            "section_axis": section_axis,
            "fully_connected": fully_connected,
            "f1_rule": f1_rule,
        }
        self.challenge = challenge

    def score_masks(self, y_pred: AnyArray, y: AnyArray, spacing: Sequence[float] | float) -> dict[str, float]:
        """Return the scores of one structure in one patient by name."""
        predicted, true = _mask("y_pred", y_pred), _mask("y", y)
        sources = {score.source for score in self.wanted}
        row: dict[str, float] = {}
        if "lesions" in sources:
            scores = compute_lesion_scores(predicted, true, spacing=spacing, **self.options, **self.lesion_options)
            row |= scores._asdict()
        if (set(self.averaged) - set(row)) & set(STRUCTURE_SCORES) or not row:
            stack = [mask[None] for mask in (predicted, true)]
            found = compute_tumour_scores(*stack, spacing=spacing, regions=("one",), **self.options)["one"]
            row = {**found._asdict(), **row}
        if sources & set(_OF_PAIR):
            row = {**self._of_pair(predicted, true, spacing), **row}
        return row

    def _of_pair(self, predicted: BoolArray, true: BoolArray, spacing: Sequence[float] | float) -> dict[str, float]:
        """Return the scores that are taken from one measurement of the two masks."""
        wanted = [score for score in self.wanted if score.source in _OF_PAIR]
        sources = {score.source for score in wanted}
        pair = measure_surfaces(predicted, true, spacing, distances=bool(sources & {"surface", "components"}))
        row: dict[str, float] = {}
        for source in sources:
            row |= _OF_PAIR[source](self, pair)
        is_missed, price = predicted.any() != true.any(), self.options["missed_mm"]
        is_perfect = self.options["both_empty"] == "perfect" and not (predicted.any() or true.any())
        for score in wanted:
            if is_perfect:
                row[score.name] = score.perfect
            elif is_missed and not isinstance(price, str) and score.name in _PRICED:
                row[score.name] = float(price)
        return row

    def _surface(self, pair: SurfacePair) -> dict[str, float]:
        return surface_scores_of_pair(
            pair, self.widths["surface"], DEFAULT_SHARE * pair.diagonal_mm, "diagonal"
        ).as_dict()

    def _components(self, pair: SurfacePair) -> dict[str, float]:
        return component_scores_of_pair(
            pair, self.widths["components"], fully_connected=self.lesion_options["fully_connected"]
        ).as_dict()

    def _trimap(self, pair: SurfacePair) -> dict[str, float]:
        widths = self.widths["trimap"]
        return {f"trimap_iou_{w:g}mm": v for w, v in zip(widths, trimap_iou_of_pair(pair, widths), strict=True)}

    def _betti(self, pair: SurfacePair) -> dict[str, float]:
        return betti_error_of_masks(pair.predicted, pair.true, self.lesion_options["fully_connected"])._asdict()

    def _volume(self, pair: SurfacePair) -> dict[str, float]:
        millilitres = math.prod(pair.spacing) / 1000 if pair.true.ndim == 3 else math.nan
        n_pred, n_true = (int(np.count_nonzero(mask)) for mask in (pair.predicted, pair.true))
        return difference_of_counts(n_pred, n_true, millilitres)._asdict()

    def _lesion_wise(self, pair: SurfacePair) -> dict[str, float]:
        if pair.true.ndim != 3:
            raise ValueError(f"`scores` needs 3-D images for lesion-wise ones, got {pair.true.ndim}-D ones.")
        return lesion_wise_of_pair(pair, challenge=self.challenge).as_dict()

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


def _mask(name: str, values: AnyArray) -> BoolArray:
    try:
        return binary_mask(name, values)
    except ValueError as error:
        raise ValueError(f"{error} One mask for each region, or label values under `structures`.") from None


_OF_PAIR = {
    "surface": VolumeScoresMetric._surface,
    "components": VolumeScoresMetric._components,
    "trimap": VolumeScoresMetric._trimap,
    "betti": VolumeScoresMetric._betti,
    "volume": VolumeScoresMetric._volume,
    "lesion_wise": VolumeScoresMetric._lesion_wise,
}
_PRICED = ("assd_mm", "component_hd95_mm")
