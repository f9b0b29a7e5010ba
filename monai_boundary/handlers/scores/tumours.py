# SPDX-License-Identifier: Apache-2.0
"""The Ignite handler that scores the regions of tumours as BraTS does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ignite.engine import Engine

from monai_boundary.handlers.scores.item_scores import ItemScoresHandler
from monai_boundary.metrics import TumourScoresMetric
from monai_boundary.ops.tumour_regions import TUMOUR_REGIONS


class TumourScoresHandler(ItemScoresHandler):
    """Write Dice, Jaccard, Hausdorff and HD95 in mm of each region; see :class:`ItemScoresHandler`.

    The scores are those of :class:`~monai_boundary.metrics.TumourScoresMetric`, averaged over the patients where they
    are defined; ``..._missed`` and ``..._false_alarm`` are numbers of patients, and a warning repeats them.

    Args:
        output_transform: to ``(y_pred, y)``, masks with one channel per region; and what ``extra`` names.
        save_details: whether to write ``state.metric_details``.
        regions: names of the channels.
        key_score: one of the scores; by default ``"dice"``, the mean over the regions.
        negate_key: whether to write the key score negated, for "larger is better".
        prefix: put before the names of the scores.
        extra: ``("spacing",)`` where ``output_transform`` also gives a row of mm for each item; by default the spacing
            is that of the truth's affine, or of the options.
        **options: see :class:`~monai_boundary.metrics.TumourScoresMetric`.
    """

    def __init__(
        self,
        output_transform: Callable[[Any], Any] = lambda x: x,
        save_details: bool = True,
        *,
        regions: Sequence[str] = TUMOUR_REGIONS,
        key_score: str = "dice",
        negate_key: bool = False,
        prefix: str = "",
        extra: Sequence[str] = (),
        **options: Any,
    ) -> None:
        self.metric = TumourScoresMetric(regions, **options)
        super().__init__(
            self.metric,
            output_transform,
            save_details,
            key_score=key_score,
            negate_key=negate_key,
            prefix=prefix,
            extra=extra,
        )

    def completed(self, engine: Engine, name: str) -> None:
        """Write the scores to the engine's state, and warn of missed regions."""
        super().completed(engine, name)
        metric = self.metric
        for region in metric.regions:
            missed, alarms = (
                int(engine.state.metrics[f"{self.prefix}{region}_{s}"]) for s in ("missed", "false_alarm")
            )
            if missed or alarms:
                self.warn(
                    engine,
                    f"{name}: {region} was not predicted in {missed} patients who have it, and predicted in {alarms} "
                    f"who have not; its distances count each as missed_mm={metric.options['missed_mm']!r}.",
                )
