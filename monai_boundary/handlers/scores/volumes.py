# SPDX-License-Identifier: Apache-2.0
"""The Ignite handler that scores the classes or regions of volumes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from monai_boundary.handlers.scores.item_scores import ItemScoresHandler
from monai_boundary.metrics.mask_score_names import STRUCTURE_SCORES
from monai_boundary.metrics.volume_scores import VolumeScoresMetric


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
        task: a `monai_boundary.workflows.VolumeTask`, for its structures, its scores and their options.
        structures: without a task: class -> index in the label, or names of the channels; None is one mask of 0 and 1.
        scores: which; by default the task's, or Dice, Jaccard, Hausdorff distance and its 95th percentile. The task's
            key score is reported in any case.
        key_score: one of the scores; by default the task's, or the first.
        negate_key: whether to write the key score negated, for "larger is better".
        prefix: put before the names of the scores.
        extra: ``("spacing",)`` where ``output_transform`` also gives a row of mm for each item; by default the spacing
            is that of the truth's affine.
        **options: further ones of :class:`~monai_boundary.metrics.VolumeScoresMetric`, in place of the task's:
            ``missed_mm``, ``both_empty``, ``ignore_labels``, ``section_axis``, ``f1_rule``, ``spacing``, ``reduction``.

    Raises:
        ValueError: if a task is given and structures too; and as the metric.
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
        if task is not None and structures is not None:
            raise ValueError("`task` has structures of its own, got `structures` beside it.")
        if task is None:
            metric = VolumeScoresMetric(structures, STRUCTURE_SCORES if scores is None else scores, **options)
        else:
            metric = task.metric(**options, **({} if scores is None else {"scores": scores}))
            key_score = task.key_score if key_score is None else key_score
        super().__init__(
            metric,
            output_transform,
            save_details,
            key_score=key_score,
            negate_key=negate_key,
            prefix=prefix,
            extra=extra,
        )
