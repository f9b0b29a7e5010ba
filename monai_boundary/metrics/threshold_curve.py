# SPDX-License-Identifier: Apache-2.0
"""Scores of a membrane probability map against the threshold that turns it into instances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from scipy.integrate import trapezoid

from monai_boundary._typing import AnyArray, DoubleArray, LongArray
from monai_boundary._validation import check_choice, check_same_shape, check_spacing, check_spatial_dims
from monai_boundary.metrics.contingency import count_overlaps, scored_voxels, sections, to_instance_ids
from monai_boundary.metrics.instance_metric import InstanceMetric
from monai_boundary.metrics.table_scores import CREMIScore, cremi_of_table, mean_of_defined
from monai_boundary.ops.segmentation import SEGMENTATION_METHODS, membrane_to_instances

_LARGER_IS_BETTER = {"cremi_score": False, "voi_split": False, "voi_merge": False, "arand": False, "ari": True}


# 0.1, 0.15, ..., 0.9: the nine thresholds of the paper's Fig. 6 and the eight between them
_THRESHOLDS: DoubleArray = np.round(np.linspace(0.1, 0.9, 17), 2)


@dataclass(frozen=True)
class ThresholdCurve:
    """Scores at each threshold, in the order of ``thresholds`` (ascending); NaN where no truth voxel is scored.

    Attributes:
        thresholds: shape (T,), ascending.
        scores: shape (T, 5), columns named by :class:`~monai_boundary.metrics.CREMIScore`.
    """

    thresholds: DoubleArray
    scores: DoubleArray

    def score(self, name: str = "ari") -> DoubleArray:
        """Return one score at each threshold: ``ari``, ``cremi_score``, ``voi_split``, ``voi_merge`` or ``arand``."""
        check_choice("name", name, CREMIScore._fields)
        return self.scores[:, CREMIScore._fields.index(name)]

    def area(self, name: str = "ari") -> float:
        """Return the area under one score, by trapezoids, divided by the range of the thresholds.

        A constant score has itself as area, so areas over different ranges compare. NaN when a score on the curve is
        NaN.
        """
        return float(trapezoid(self.score(name), self.thresholds) / (self.thresholds[-1] - self.thresholds[0]))

    def best_threshold(self, name: str = "cremi_score") -> float:
        """Return the threshold of the best score (largest ARI, lowest of others); lowest on ties, NaN if none."""
        return float(self.thresholds[at]) if (at := self._best(name)) is not None else float("nan")

    def best_score(self, name: str = "cremi_score") -> float:
        """Return the best score on the curve; NaN if none is defined."""
        return float(self.score(name)[at]) if (at := self._best(name)) is not None else float("nan")

    def _best(self, name: str) -> int | None:
        values = self.score(name) if _LARGER_IS_BETTER[name] else -self.score(name)
        return None if np.isnan(values).all() else int(np.nanargmax(values))


def compute_threshold_curve(
    y_pred: AnyArray | torch.Tensor,
    y: AnyArray | torch.Tensor,
    *,
    thresholds: Sequence[float] | None = None,
    ignore_labels: Sequence[int] = (0,),
    border_tolerance_nm: float | None = None,
    spacing: Sequence[float] | float | None = None,
    per_section: bool = False,
    border_per_section: bool = True,
    method: str = "components",
    min_size: int = 0,
) -> ThresholdCurve:
    """Return the scores of the instances that a membrane map gives at each threshold (Ngoc et al., BMVC 2021, Fig. 6).

    At threshold t the instances are the connected components (4 neighbours in 2-D, 6 in 3-D) of the voxels with a
    membrane probability *below* t; the other voxels are predicted 0. They are scored as
    :func:`~monai_boundary.metrics.compute_cremi_score` scores any segmentation, so a thick predicted membrane costs.
    The paper draws the ARI and compares the areas under it; which threshold is best depends on the image.

    Args:
        y_pred: membrane probabilities in [0, 1], shape (H, W) or (Z, H, W), membrane = 1.
        y: truth instance ids of the same shape.
        thresholds: at least two, ascending, in [0, 1]; default 0.1 to 0.9 in steps of 0.05 (the paper's: in steps of
            0.1).
        ignore_labels: truth ids whose voxels are not scored: 0, membrane and what is not labelled, if not given.
        border_tolerance_nm: do not score voxels within this distance of a truth boundary; None or 0 scores all.
        spacing: nanometres per axis in array order; needed for the tolerance only.
        per_section: for a volume, find the components of each section (axis 0) in 2-D, score it alone, and return the
            mean over the sections that are defined.
        border_per_section: find the border in each section alone, as CREMI (True), or in 3-D.
        method: how the instances are made, ``"components"`` or another of `monai_boundary.ops.membrane_to_instances`.
        min_size: instances of fewer voxels are removed.

    Returns:
        The curve; its scores are NaN when no truth voxel is scored.

    Raises:
        TypeError: if ``y`` is a bool mask or not numbers.
        ValueError: if the shapes differ, probabilities are NaN or outside [0, 1], or the thresholds do not ascend in
            [0, 1].

    Example:
        >>> import numpy as np
        >>> truth = np.array([[1, 1, 0, 2, 2]])
        >>> curve = compute_threshold_curve(np.array([[0, 0, 0.6, 0, 0]]), truth, thresholds=(0.5, 0.7, 0.9))
        >>> curve.score("voi_merge"), curve.best_threshold()
        (array([0., 1., 1.]), 0.5)
    """
    levels = _check_thresholds(thresholds)
    membrane, true_ids = _to_probability(y_pred), to_instance_ids("y", y)
    check_spatial_dims("y", true_ids.ndim)
    check_same_shape("y_pred", membrane.shape, "y", true_ids.shape)
    scored = scored_voxels(true_ids, ignore_labels, border_tolerance_nm, spacing, border_per_section)
    parts = list(sections(membrane, true_ids, scored, per_section=per_section))
    check_choice("method", method, SEGMENTATION_METHODS)
    sizes = check_spacing(spacing, true_ids.ndim)

    def instances(level: float, membrane: AnyArray) -> LongArray:
        if method == "components" and not min_size:
            return _components(level, membrane)
        if level == 0:  # nothing is below it
            return np.zeros(membrane.shape, dtype=np.int64)
        own = sizes[-membrane.ndim :]
        found = membrane_to_instances(membrane, method, threshold=level, min_size=min_size, spacing=own)
        return found.astype(np.int64)

    curve = [
        mean_of_defined([cremi_of_table(count_overlaps(instances(level, m), ids, where)) for m, ids, where in parts])
        for level in levels
    ]
    return ThresholdCurve(thresholds=levels, scores=np.asarray(curve, dtype=np.float64))


def _components(threshold: float, membrane: AnyArray) -> LongArray:
    # the threshold in the map's own type: 0.7 in float32 is below 0.7, yet a voxel at the threshold is membrane
    instances, _ = ndimage.label(membrane < membrane.dtype.type(threshold))
    return instances.astype(np.int64)


def _to_probability(y_pred: AnyArray | torch.Tensor) -> AnyArray:
    values = y_pred.detach().float().cpu().numpy() if isinstance(y_pred, torch.Tensor) else np.asarray(y_pred)
    values = values if values.dtype.kind == "f" else values.astype(np.float64)
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    if not (low >= 0.0 and high <= 1.0):  # NaN fails it too
        raise ValueError(
            f"`y_pred` needs membrane probabilities in [0, 1], got values from {low} to {high} (logits need a sigmoid)."
        )
    return values


def _check_thresholds(thresholds: Sequence[float] | None) -> DoubleArray:
    levels = _THRESHOLDS.copy() if thresholds is None else np.asarray(thresholds, dtype=np.float64)
    if levels.ndim != 1 or levels.size < 2 or not ((np.diff(levels) > 0).all() and levels[0] >= 0 and levels[-1] <= 1):
        raise ValueError(f"`thresholds` needs two or more ascending numbers in [0, 1], got {levels.tolist()}.")
    return levels


class ThresholdCurveMetric(InstanceMetric):
    """Accumulate :func:`compute_threshold_curve` over a data set.

    ``metric(y_pred, y)`` takes membrane probabilities and truth ids, batches of shape (B, 1, H, W[, D]) or lists of
    (1, H, W[, D]), and returns the five scores of a `CREMIScore` at each of T thresholds, (B, T, 5). These are not the
    six scores of ``score_names``, which ``aggregate()`` reads off the mean curve over the items that are defined:
    ``ari_area``, ``ari_best``, ``ari_best_threshold`` and the same three of ``cremi_score``. ``aggregate_curve()``
    returns that curve. NaN and processes are as in :class:`~monai_boundary.metrics.InstanceMetric`; there is no
    ``reduction``, since curves are averaged.

    Args:
        thresholds: at least two, ascending, in [0, 1]; default 0.1 to 0.9 in steps of 0.05.
        method: how the instances are made, ``"components"`` or another of `monai_boundary.ops.membrane_to_instances`.
        min_size: instances of fewer voxels are removed.
        ignore_labels: truth ids whose voxels are not scored.
        border_tolerance_nm: do not score voxels within this distance of a truth boundary; None or 0 scores all.
        spacing: nanometres per axis in array order, for the tolerance; by default those of a MetaTensor truth in nm.
        per_section: make the instances of each section of a volume alone, score it alone, and take the mean.
        border_per_section: find the border in each section alone (True, as CREMI) or in 3-D.

    Example:
        >>> import torch
        >>> truth = torch.tensor([[[[1, 1, 0, 2, 2]]]])
        >>> metric = ThresholdCurveMetric(thresholds=(0.5, 0.7))
        >>> _ = metric(torch.tensor([[[[0, 0, 0.6, 0, 0]]]]), truth)
        >>> metric.aggregate()["ari_best_threshold"].item()
        0.5
    """

    score_names: tuple[str, ...] = (
        "ari_area",
        "ari_best",
        "ari_best_threshold",
        "cremi_score_area",
        "cremi_score_best",
        "cremi_score_best_threshold",
    )

    def __init__(
        self,
        *,
        thresholds: Sequence[float] | None = None,
        method: str = "components",
        min_size: int = 0,
        ignore_labels: Sequence[int] = (0,),
        border_tolerance_nm: float | None = None,
        spacing: Sequence[float] | float | None = None,
        per_section: bool = False,
        border_per_section: bool = True,
    ) -> None:
        self.thresholds = _check_thresholds(thresholds)
        super().__init__(
            ignore_labels=ignore_labels,
            border_tolerance_nm=border_tolerance_nm,
            spacing=spacing,
            per_section=per_section,
            border_per_section=border_per_section,
        )
        check_choice("method", method, SEGMENTATION_METHODS)
        self.options |= {"method": method, "min_size": min_size}

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of the scores of one item: thresholds, scores."""
        return (len(self.thresholds), len(CREMIScore._fields))

    def _score(
        self, y_pred: AnyArray | torch.Tensor, y: AnyArray | torch.Tensor, spacing: Sequence[float] | float | None
    ) -> AnyArray:
        options = {**self.options, "thresholds": self.thresholds.tolist()}
        return compute_threshold_curve(y_pred, y, spacing=spacing, **options).scores

    def aggregate_curve(self) -> ThresholdCurve:
        """Return the mean curve over the items (of all processes) that are defined; NaN where there is none."""
        rows = self.get_buffer().numpy()
        mean = mean_of_defined(rows.reshape(len(rows), -1)) if len(rows) else np.full(self.row_shape, np.nan)
        return ThresholdCurve(self.thresholds, np.asarray(mean, dtype=np.float64).reshape(self.row_shape))

    def aggregate(self, reduction: str | None = None) -> dict[str, torch.Tensor]:
        """Return area, best value and best threshold of ARI and CREMI score on the mean curve; NaN where undefined.

        Args:
            reduction: None or ``"mean"``; curves are not reduced otherwise.
        """
        check_choice("reduction", reduction, (None, "mean"))
        curve = self.aggregate_curve()
        values = [
            f(name) for name in ("ari", "cremi_score") for f in (curve.area, curve.best_score, curve.best_threshold)
        ]
        return {
            name: torch.tensor(value, dtype=torch.float64) for name, value in zip(self.score_names, values, strict=True)
        }

    def details(self) -> dict[str, torch.Tensor]:
        """Return ARI and CREMI score of every item at every threshold, each of shape (N, T)."""
        rows = self.get_buffer()
        return {
            f"{name}_by_threshold": rows[:, :, CREMIScore._fields.index(name)].clone()
            for name in ("ari", "cremi_score")
        }
