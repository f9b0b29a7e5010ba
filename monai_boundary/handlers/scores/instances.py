# SPDX-License-Identifier: Apache-2.0
"""Ignite handlers that score instance segmentations of electron microscopy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from monai_boundary.handlers.scores.item_scores import ItemScoresHandler
from monai_boundary.metrics import (
    AdaptedRandMetric,
    CREMIScoreMetric,
    VariationOfInformationMetric,
)
from monai_boundary.metrics.instance_metric import InstanceMetric


class InstanceScoresHandler(ItemScoresHandler):
    """Run any :class:`~monai_boundary.metrics.InstanceMetric` as :class:`ItemScoresHandler` does."""


class _OwnMetricHandler(InstanceScoresHandler):
    """Run a metric of instances that the handler makes itself, of the arguments that its subclasses list."""

    metric: type[InstanceMetric]
    """The metric that is run."""

    def __init__(
        self,
        output_transform: Callable[[Any], Any] = lambda x: x,
        save_details: bool = True,
        *,
        key_score: str | None = None,
        negate_key: bool = False,
        prefix: str = "",
        ignore_labels: Sequence[int] = (0,),
        border_tolerance_nm: float | None = None,
        spacing: Sequence[float] | float | None = None,
        per_section: bool = False,
        border_per_section: bool = True,
    ) -> None:
        metric = self.metric(
            ignore_labels=ignore_labels,
            border_tolerance_nm=border_tolerance_nm,
            spacing=spacing,
            per_section=per_section,
            border_per_section=border_per_section,
        )
        super().__init__(
            metric, output_transform, save_details, key_score=key_score, negate_key=negate_key, prefix=prefix
        )


class VariationOfInformationHandler(_OwnMetricHandler):
    """Write ``voi_split`` and ``voi_merge`` (bits) of each epoch; the key score is ``voi_merge``.

    Args:
        output_transform: to ``(y_pred, y)``, instance ids: batches (B, 1, H, W[, D]), or lists of (1, H, W[, D]).
        save_details: whether to write ``state.metric_details``.
        key_score: name of the score to write under the handler's own name; by default the metric's ``key_score``.
        negate_key: whether to write the key score negated, for "larger is better" (best checkpoint, early stop).
        prefix: put before the names of the scores.
        ignore_labels: truth ids whose voxels are not scored.
        border_tolerance_nm: do not score voxels within this distance of a truth boundary; None or 0 scores all.
        spacing: nanometres per axis in array order, for the tolerance; by default those of a MetaTensor truth in nm.
        per_section: score each section of a volume alone and take the mean.
        border_per_section: find the border in each section alone (True, as CREMI) or in 3-D.
    """

    metric = VariationOfInformationMetric


class AdaptedRandHandler(_OwnMetricHandler):
    """Write ``ari``, ``arand``, ``rand_precision``, ``rand_recall`` of each epoch; the key score is ``ari``.

    Args:
        output_transform: to ``(y_pred, y)``, instance ids: batches (B, 1, H, W[, D]), or lists of (1, H, W[, D]).
        save_details: whether to write ``state.metric_details``.
        key_score: name of the score to write under the handler's own name; by default the metric's ``key_score``.
        negate_key: whether to write the key score negated, for "larger is better" (best checkpoint, early stop).
        prefix: put before the names of the scores.
        ignore_labels: truth ids whose voxels are not scored.
        border_tolerance_nm: do not score voxels within this distance of a truth boundary; None or 0 scores all.
        spacing: nanometres per axis in array order, for the tolerance; by default those of a MetaTensor truth in nm.
        per_section: score each section of a volume alone and take the mean.
        border_per_section: find the border in each section alone (True, as CREMI) or in 3-D.
    """

    metric = AdaptedRandMetric


class CREMIScoreHandler(_OwnMetricHandler):
    """Write ``cremi_score``, ``voi_split``, ``voi_merge``, ``arand`` and ``ari``; the key score is ``cremi_score``.

    Args:
        output_transform: to ``(y_pred, y)``, instance ids: batches (B, 1, H, W[, D]), or lists of (1, H, W[, D]).
        save_details: whether to write ``state.metric_details``.
        key_score: name of the score to write under the handler's own name; by default the metric's ``key_score``.
        negate_key: whether to write the key score negated, for "larger is better" (best checkpoint, early stop).
        prefix: put before the names of the scores.
        ignore_labels: truth ids whose voxels are not scored.
        border_tolerance_nm: do not score voxels within this distance of a truth boundary; None or 0 scores all.
        spacing: nanometres per axis in array order, for the tolerance; by default those of a MetaTensor truth in nm.
        per_section: score each section of a volume alone and take the mean.
        border_per_section: find the border in each section alone (True, as CREMI) or in 3-D.
    """

    metric = CREMIScoreMetric
