# SPDX-License-Identifier: Apache-2.0
"""The Ignite handler of the metrics that score masks in mm: surfaces, bands, volumes, topology, components."""

from __future__ import annotations

from ignite.engine import Engine

from monai_boundary.handlers.scores.item_scores import ItemScoresHandler


class MaskScoresHandler(ItemScoresHandler):
    """Run a :class:`~monai_boundary.metrics.MaskMetric` as :class:`ItemScoresHandler` does.

    ``..._missed`` and ``..._false_alarm`` are numbers of items, and a warning repeats them.

    Args:
        metric_fn: the metric to run: ``SurfaceScoresMetric(("wt", "tc", "et"))``, ``ComponentScoresMetric()``, ...
        output_transform: to ``(y_pred, y)``, masks or labels; and what ``extra`` names.
        save_details: whether to write ``state.metric_details``.
        key_score: name of the score to write under the handler's own name; the metric's first by default.
        negate_key: whether to write it with its sign changed, for scores of which less is better.
        prefix: put before the names of the scores.
        extra: ``("spacing",)`` where ``output_transform`` also gives a row of mm for each item; by default the spacing
            is that of the truth's affine, or of the metric.
    """

    def completed(self, engine: Engine, name: str) -> None:
        """Write the scores to the engine's state, and warn of missed structures."""
        super().completed(engine, name)
        for score in self.item_metric.counted:
            items = int(engine.state.metrics[f"{self.prefix}{score}"])
            if items and score.endswith("missed"):
                engine.logger.warning(f"{name}: {score} in {items} items: nothing was predicted where something is.")
            elif items and score.endswith("false_alarm"):
                engine.logger.warning(f"{name}: {score} in {items} items: something was predicted where nothing is.")
