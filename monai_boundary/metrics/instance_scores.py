# SPDX-License-Identifier: Apache-2.0
"""Scores of instance segmentations, as many as are asked for by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from monai_boundary._typing import AnyArray
from monai_boundary.metrics.contingency import Contingency, evaluation_tables, to_instance_ids
from monai_boundary.metrics.instance_matching import (
    InstanceMatchingMetric,
    background_where_ignored,
    compute_instance_matching,
)
from monai_boundary.metrics.instance_metric import InstanceMetric
from monai_boundary.metrics.table_scores import (
    AdaptedRandScore,
    CREMIScore,
    adapted_rand_of_table,
    cremi_of_table,
    mean_of_defined,
)

OVERLAP_SCORES = (*CREMIScore._fields, *(n for n in AdaptedRandScore._fields if n not in CREMIScore._fields))
"""Scores of the table of overlaps, with ``ignore_labels`` and a border tolerance."""
MATCHING_SCORES = InstanceMatchingMetric.score_names
"""Scores of which instance is which."""


class InstanceScoresMetric(InstanceMetric):
    """Score one instance segmentation against its truth, by any of the scores of the other metrics of instances.

    - ``cremi_score``, ``voi_split``, ``voi_merge``, ``arand``, ``ari``, ``rand_precision``, ``rand_recall``:
      `monai_boundary.metrics.compute_cremi_score` and `monai_boundary.metrics.compute_adapted_rand`, of one table of
      overlaps;
    - ``pq``, ``sq``, ``rq``, ``matched``, ``missed_instances``, ``false_instances``:
      `monai_boundary.metrics.compute_instance_matching`, of the volume as a whole and without a border tolerance; what
      is predicted where the truth has an ignored id other than 0 is background.

    Spacing, NaN and processes: see :class:`~monai_boundary.metrics.InstanceMetric`. Numbers of instances are added up
    over the items, all others averaged.

    Args:
        scores: which, in the order of the result; those of the CREMI challenge by default.
        threshold: of the IoU, above which two instances match.
        **options: those of :class:`~monai_boundary.metrics.InstanceMetric`: ``ignore_labels``,
            ``border_tolerance_nm``, ``spacing``, ``per_section``, ``border_per_section``, ``reduction``.

    Raises:
        ValueError: if a score is unknown or named twice.

    Example:
        >>> import torch
        >>> truth = torch.tensor([[[[1, 1, 0, 2, 2]]]])
        >>> metric = InstanceScoresMetric(("voi_merge", "pq", "missed_instances"))
        >>> metric(torch.tensor([[[[5, 5, 0, 0, 0]]]]), truth).tolist()
        [[0.0, 0.6666666666666666, 1.0]]
    """

    def __init__(self, scores: Sequence[str] = CREMIScore._fields, *, threshold: float = 0.5, **options: Any) -> None:
        known = (*OVERLAP_SCORES, *MATCHING_SCORES)
        if isinstance(scores, str) or not scores or len(set(scores)) < len(scores):
            raise ValueError(f"`scores` needs a list of different names, at least one, got {scores!r}.")
        for name in scores:
            if name not in known:
                raise ValueError(f"`scores` needs some of {', '.join(known)}, got {name!r}.")
        super().__init__(**options)
        self.threshold = threshold
        self.score_names = tuple(scores)
        self.counted = tuple(name for name in scores if name in InstanceMatchingMetric.counted)
        if "sq" in scores:
            self.undefined = "have no truth voxel to score, or no match and so no sq"

    def _score(
        self, y_pred: AnyArray | torch.Tensor, y: AnyArray | torch.Tensor, spacing: Sequence[float] | float | None
    ) -> list[float]:
        row: dict[str, float] = {}
        if set(self.score_names) & set(OVERLAP_SCORES):
            tables = evaluation_tables(y_pred, y, spacing=spacing, **self.options)
            row |= dict(zip(OVERLAP_SCORES, mean_of_defined([_of_table(table) for table in tables]), strict=True))
        if set(self.score_names) & set(MATCHING_SCORES):
            predicted, true = to_instance_ids("y_pred", y_pred), to_instance_ids("y", y)
            masked = background_where_ignored(predicted, true, self.options["ignore_labels"])
            row |= compute_instance_matching(*masked, threshold=self.threshold).as_dict()
        return [row[name] for name in self.score_names]


def _of_table(table: Contingency) -> list[float]:
    row = {**adapted_rand_of_table(table)._asdict(), **cremi_of_table(table)._asdict()}
    return [row[name] for name in OVERLAP_SCORES]
