# SPDX-License-Identifier: Apache-2.0
"""An Ignite handler that scores membrane maps over thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ignite.engine import Engine

from monai_boundary.handlers.scores.item_scores import ItemScoresHandler
from monai_boundary.metrics import (
    ThresholdCurve,
    ThresholdCurveMetric,
)


class ThresholdCurveHandler(ItemScoresHandler):
    """Write area, best value and best threshold of ARI and CREMI score over the thresholds of a membrane map.

    Needs the membrane *probability*, not instances. The scores are ``ari_area``, ``ari_best``, ``ari_best_threshold``
    and the same three of ``cremi_score``; the key score is ``ari_area``. The details hold both scores of every item at
    every threshold, and :attr:`curve` the mean curve of the last epoch.

    Args:
        output_transform: to ``(y_pred, y)``, membrane probability and instance ids, batches or lists of (1, H, W[, D]).
        save_details: whether to write ``state.metric_details``.
        key_score: name of the score to write under the handler's own name; ``ari_area`` by default.
        negate_key: whether to write the key score negated, for "larger is better" (best checkpoint, early stop).
        prefix: put before the names of the scores.
        ignore_labels: truth ids whose voxels are not scored.
        border_tolerance_nm: do not score voxels within this distance of a truth boundary; None or 0 scores all.
        spacing: nanometres per axis in array order, for the tolerance; by default those of a MetaTensor truth in nm.
        per_section: score each section of a volume alone and take the mean.
        border_per_section: find the border in each section alone (True, as CREMI) or in 3-D.
        thresholds: two or more, ascending, in [0, 1]; 0.1 to 0.9 in steps of 0.05 by default.
        method: how instances are made of the map at each, ``"components"`` or another of
            `monai_boundary.ops.membrane_to_instances`.
        min_size: instances of fewer voxels are removed.
    """

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
        thresholds: Sequence[float] | None = None,
        method: str = "components",
        min_size: int = 0,
    ) -> None:
        self.curve_metric = ThresholdCurveMetric(
            thresholds=thresholds,
            method=method,
            min_size=min_size,
            ignore_labels=ignore_labels,
            border_tolerance_nm=border_tolerance_nm,
            spacing=spacing,
            per_section=per_section,
            border_per_section=border_per_section,
        )
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
