# SPDX-License-Identifier: Apache-2.0
"""The Ignite handler that scores the classes or regions of volumes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ignite.engine import Engine

from monai_boundary.handlers.scores.item_scores import ItemScoresHandler
from monai_boundary.metrics.volume_scores import STRUCTURE_SCORES, VolumeScoresMetric


class ScoredTask(Protocol):
    """What the handlers of volumes ask of a task, such as `monai_boundary.workflows.VolumeTask`."""

    @property
    def structures(self) -> Mapping[str, int] | Sequence[str]:
        """Class -> index in the label, or the names of the regions."""

    @property
    def not_scored(self) -> int | None:
        """What the label holds where it does not count."""

    @property
    def key_score(self) -> str:
        """The score that selects."""

    @property
    def slice_axis(self) -> int:
        """Axis across the slices."""

    def metric(self, **options: Any) -> VolumeScoresMetric:
        """Return the metric of the task's scores."""


class VolumeScoresHandler(ItemScoresHandler):
    """Write the scores of each class or region, and their means, of each epoch; see :class:`ItemScoresHandler`.

    The scores are those of :class:`~monai_boundary.metrics.VolumeScoresMetric`, averaged over the patients where they
    are defined; ``..._missed`` and ``..._false_alarm`` are numbers of patients, and a warning repeats them: distances
    count such a patient with ``missed_mm``, never with 0 and never not at all.

    Args:
        output_transform: to ``(y_pred, y)``: class indices, (1, spatial), or a mask for each region, of the same shape;
            and what ``extra`` names.
        save_details: whether to write ``state.metric_details``.
        task: a `monai_boundary.workflows.VolumeTask`, for its structures, its scores and their options; or give the
            next ones.
        structures: class -> index in the label, or names of the channels; None is one mask of 0 and 1.
        scores: which; Dice, Jaccard, Hausdorff distance and its 95th percentile by default.
        key_score: one of the scores; by default the task's, or the first.
        negate_key: whether to write the key score negated, for "larger is better".
        prefix: put before the names of the scores.
        extra: ``("spacing",)`` where ``output_transform`` also gives a row of mm for each item; by default the spacing
            is that of the truth's affine.
        **options: further ones of :class:`~monai_boundary.metrics.VolumeScoresMetric`, in place of the task's:
            ``missed_mm``, ``both_empty``, ``ignore_labels``, ``section_axis``, ``f1_rule``, ``spacing``, ``reduction``.

    Raises:
        ValueError: if a task is given and structures or scores too; and as the metric.
    """

    def __init__(
        self,
        output_transform: Callable[[Any], Any] = lambda x: x,
        save_details: bool = True,
        *,
        task: ScoredTask | None = None,
        structures: Mapping[str, int] | Sequence[str] | None = None,
        scores: Sequence[str] | None = None,
        key_score: str | None = None,
        negate_key: bool = False,
        prefix: str = "",
        extra: Sequence[str] = (),
        **options: Any,
    ) -> None:
        if task is not None and (structures is not None or scores is not None):
            raise ValueError("`task` has structures and scores of its own, got `structures` or `scores` beside it.")
        if task is None:
            self.metric = VolumeScoresMetric(structures, STRUCTURE_SCORES if scores is None else scores, **options)
        else:
            self.metric = task.metric(**options)
            key_score = task.key_score if key_score is None else key_score
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
        """Write the scores to the engine's state, and warn of missed structures."""
        super().completed(engine, name)
        for missed in (score for score in self.metric.counted if score.endswith("missed")):
            structure = missed[: -len("_missed")] or "the structure"
            counts = [missed, f"{missed[: -len('missed')]}false_alarm"]
            lost, alarms = (int(engine.state.metrics[f"{self.prefix}{score}"]) for score in counts)
            if lost or alarms:
                self.warn(
                    engine,
                    f"{name}: {structure} was not predicted in {lost} patients who have it, and predicted in {alarms} "
                    f"who have not; distances count each as missed_mm={self.metric.options['missed_mm']!r}.",
                )
