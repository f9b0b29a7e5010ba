# SPDX-License-Identifier: Apache-2.0
"""Ignite handlers that score instance segmentations and membrane maps of electron microscopy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ignite.engine import Engine

from monai_boundary.handlers.scores.item_scores import ItemScoresHandler
from monai_boundary.metrics import (
    AdaptedRandMetric,
    CREMIScoreMetric,
    ThresholdCurve,
    ThresholdCurveMetric,
    VariationOfInformationMetric,
)


class InstanceScoresHandler(ItemScoresHandler):
    """Run an :class:`~monai_boundary.metrics.InstanceMetric`; see :class:`ItemScoresHandler`.

    Its scores are undefined by the truth alone, so that NaN does not come and go between epochs.

    Args:
        metric_fn: the metric to run.
        output_transform: to ``(y_pred, y)``.
        save_details: whether to write ``state.metric_details``.
        key_score: name of the score to write under the handler's own name.
        negate_key: whether to write it with its sign changed.
        prefix: put before the names of the scores.
        extra: see :class:`ItemScoresHandler`.
    """

    undefined = "have no truth voxel to score"


class VariationOfInformationHandler(InstanceScoresHandler):
    """Write ``voi_split`` and ``voi_merge`` (bits) of each epoch; see :class:`InstanceScoresHandler`.

    Args:
        output_transform: to ``(y_pred, y)``, instance ids.
        save_details: whether to write ``state.metric_details``.
        key_score: ``"voi_split"`` or ``"voi_merge"`` (default).
        negate_key: whether to write the key score negated, for "larger is better".
        prefix: put before the names of the scores.
        **options: see :class:`~monai_boundary.metrics.InstanceMetric`.
    """

    def __init__(
        self,
        output_transform: Callable[[Any], Any] = lambda x: x,
        save_details: bool = True,
        *,
        key_score: str = "voi_merge",
        negate_key: bool = False,
        prefix: str = "",
        **options: Any,
    ) -> None:
        metric = VariationOfInformationMetric(**options)
        super().__init__(
            metric, output_transform, save_details, key_score=key_score, negate_key=negate_key, prefix=prefix
        )


class AdaptedRandHandler(InstanceScoresHandler):
    """Write ``ari``, ``arand``, ``rand_precision``, ``rand_recall`` of each epoch; see :class:`InstanceScoresHandler`.

    Args:
        output_transform: to ``(y_pred, y)``, instance ids.
        save_details: whether to write ``state.metric_details``.
        key_score: one of the four; ``"ari"`` (default) is the larger the better.
        negate_key: whether to write the key score negated, for "larger is better".
        prefix: put before the names of the scores.
        **options: see :class:`~monai_boundary.metrics.InstanceMetric`.
    """

    def __init__(
        self,
        output_transform: Callable[[Any], Any] = lambda x: x,
        save_details: bool = True,
        *,
        key_score: str = "ari",
        negate_key: bool = False,
        prefix: str = "",
        **options: Any,
    ) -> None:
        metric = AdaptedRandMetric(**options)
        super().__init__(
            metric, output_transform, save_details, key_score=key_score, negate_key=negate_key, prefix=prefix
        )


class CREMIScoreHandler(InstanceScoresHandler):
    """Write ``cremi_score``, ``voi_split``, ``voi_merge``, ``arand``, ``ari``; see :class:`InstanceScoresHandler`.

    Args:
        output_transform: to ``(y_pred, y)``, instance ids.
        save_details: whether to write ``state.metric_details``.
        key_score: one of the five; ``"cremi_score"`` by default.
        negate_key: whether to write the key score negated, for "larger is better" (best checkpoint, early stop).
        prefix: put before the names of the scores.
        **options: see :class:`~monai_boundary.metrics.InstanceMetric`.
    """

    def __init__(
        self,
        output_transform: Callable[[Any], Any] = lambda x: x,
        save_details: bool = True,
        *,
        key_score: str = "cremi_score",
        negate_key: bool = False,
        prefix: str = "",
        **options: Any,
    ) -> None:
        metric = CREMIScoreMetric(**options)
        super().__init__(
            metric, output_transform, save_details, key_score=key_score, negate_key=negate_key, prefix=prefix
        )


class ThresholdCurveHandler(InstanceScoresHandler):
    """Write area, best value and best threshold of ARI and CREMI score; see :class:`InstanceScoresHandler`.

    Needs the membrane *probability*, not instances. The scores are ``ari_area``, ``ari_best``, ``ari_best_threshold``
    and the same three of ``cremi_score``; the details hold both scores of every item at every threshold, and
    :attr:`curve` the mean curve of the last epoch.

    Args:
        output_transform: to ``(y_pred, y)``, membrane probability and instance ids.
        save_details: whether to write ``state.metric_details``.
        key_score: one of the six; ``"ari_area"`` by default.
        negate_key: whether to write the key score negated, for "larger is better".
        prefix: put before the names of the scores.
        **options: see :class:`~monai_boundary.metrics.ThresholdCurveMetric`.
    """

    def __init__(
        self,
        output_transform: Callable[[Any], Any] = lambda x: x,
        save_details: bool = True,
        *,
        key_score: str = "ari_area",
        negate_key: bool = False,
        prefix: str = "",
        **options: Any,
    ) -> None:
        self.curve_metric = ThresholdCurveMetric(**options)
        self.curve: ThresholdCurve | None = None
        super().__init__(
            self.curve_metric,
            output_transform,
            save_details,
            key_score=key_score,
            negate_key=negate_key,
            prefix=prefix,
        )

    def completed(self, engine: Engine, name: str) -> None:
        """Write the scores to the engine's state, and keep the curve."""
        super().completed(engine, name)
        self.curve = self.curve_metric.aggregate_curve()
