# SPDX-License-Identifier: Apache-2.0
"""The Ignite handler that scores lesions in the challenges' terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ignite.engine import Engine

from monai_boundary.handlers.scores.item_scores import ItemScoresHandler
from monai_boundary.metrics import LesionScoresMetric


class LesionScoresHandler(ItemScoresHandler):
    """Write Dice, HD95 in mm, volume differences and lesion-wise scores of each epoch; see :class:`ItemScoresHandler`.

    The scores are those of :func:`~monai_boundary.metrics.compute_lesion_scores`, averaged over the patients where they
    are defined; ``missed`` and ``false_alarm`` are numbers of patients, and a warning repeats them: ``hd95_mm`` counts
    such a patient with ``missed_mm``, never with 0 and never not at all.

    Args:
        output_transform: to ``(y_pred, y)``, masks and truth with its ids; and what ``extra`` names.
        save_details: whether to write ``state.metric_details``.
        key_score: one of the scores; ``"dice"`` by default.
        negate_key: whether to write the key score negated, for "larger is better".
        prefix: put before the names of the scores.
        extra: ``("spacing",)`` where ``output_transform`` also gives a row of mm for each item; by default the spacing
            is that of the truth's affine, or of the options.
        **options: see :class:`~monai_boundary.metrics.LesionScoresMetric`.
    """

    def __init__(
        self,
        output_transform: Callable[[Any], Any] = lambda x: x,
        save_details: bool = True,
        *,
        key_score: str = "dice",
        negate_key: bool = False,
        prefix: str = "",
        extra: Sequence[str] = (),
        **options: Any,
    ) -> None:
        super().__init__(
            LesionScoresMetric(**options),
            output_transform,
            save_details,
            key_score=key_score,
            negate_key=negate_key,
            prefix=prefix,
            extra=extra,
        )

    def completed(self, engine: Engine, name: str) -> None:
        """Write the scores to the engine's state, and warn of missed patients."""
        super().completed(engine, name)
        missed, alarms = (int(engine.state.metrics[f"{self.prefix}{score}"]) for score in ("missed", "false_alarm"))
        if missed or alarms:
            self.warn(
                engine,
                f"{name}: nothing was predicted in {missed} patients with lesions, and something in {alarms} without; "
                f"hd95_mm counts each as missed_mm={self.item_metric.options['missed_mm']!r}.",  # type: ignore[attr-defined]
            )
