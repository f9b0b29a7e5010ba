# SPDX-License-Identifier: Apache-2.0
"""The Ignite handler that scores instance segmentations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from monai_boundary.handlers.scores.item_scores import ItemScoresHandler, with_key
from monai_boundary.metrics import CREMIScore, InstanceScoresMetric


class InstanceScoresHandler(ItemScoresHandler):
    """Write the scores of instances, as many as are asked for, of each epoch; see :class:`ItemScoresHandler`.

    Args:
        output_transform: to ``(y_pred, y)``, instance ids: batches (B, 1, H, W[, D]), or lists of (1, H, W[, D]).
        save_details: whether to write ``state.metric_details``.
        scores: which of :class:`~monai_boundary.metrics.InstanceScoresMetric`'s; CREMI score, VOI split and merge,
            adapted Rand error and ARI by default.
        key_score: name of the score to write under the handler's own name; the first by default.
        negate_key: whether to write the key score negated, for "larger is better" (best checkpoint, early stop).
        prefix: put before the names of the scores.
        **options: further ones of :class:`~monai_boundary.metrics.InstanceScoresMetric`: ``ignore_labels``,
            ``border_tolerance_nm``, ``spacing``, ``per_section``, ``border_per_section``, ``threshold``.

    Raises:
        ValueError: as the metric.
    """

    def __init__(
        self,
        output_transform: Callable[[Any], Any] = lambda x: x,
        save_details: bool = True,
        *,
        scores: Sequence[str] | None = None,
        key_score: str | None = None,
        negate_key: bool = False,
        prefix: str = "",
        **options: Any,
    ) -> None:
        chosen = CREMIScore._fields if scores is None else with_key(scores, key_score)
        metric = InstanceScoresMetric(chosen, **options)
        super().__init__(
            metric, output_transform, save_details, key_score=key_score, negate_key=negate_key, prefix=prefix
        )
