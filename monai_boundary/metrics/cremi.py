# SPDX-License-Identifier: Apache-2.0
"""The CREMI score: variation of information and adapted Rand error in one number."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from monai_boundary._typing import AnyArray
from monai_boundary.metrics.contingency import evaluation_tables
from monai_boundary.metrics.instance_metric import InstanceMetric
from monai_boundary.metrics.table_scores import CREMIScore, cremi_of_table, mean_of_defined


def compute_cremi_score(
    y_pred: AnyArray | torch.Tensor,
    y: AnyArray | torch.Tensor,
    *,
    ignore_labels: Sequence[int] = (0,),
    border_tolerance_nm: float | None = None,
    spacing: Sequence[float] | float | None = None,
    per_section: bool = False,
    border_per_section: bool = True,
) -> CREMIScore:
    r"""Return the CREMI score of one segmentation against its truth; lower is better, 0 is perfect.

    .. math:: \mathrm{CREMI} = \sqrt{(\mathrm{VOI}_\mathrm{split} + \mathrm{VOI}_\mathrm{merge}) \cdot \mathrm{ARAND}}

    (cremi.org), with the parts of :func:`~monai_boundary.metrics.compute_voi` (bits) and
    :func:`~monai_boundary.metrics.compute_adapted_rand` from one contingency table.

    Args:
        y_pred: predicted instance ids, shape (H, W) or (Z, H, W); integers of any size.
        y: truth instance ids of the same shape.
        ignore_labels: truth ids whose voxels are not scored: 0, membrane and what is not labelled, if not given.
        border_tolerance_nm: do not score voxels within this distance of a truth boundary
            (:func:`~monai_boundary.metrics.truth_border_mask`); None or 0 scores all.
        spacing: nanometres per axis in array order; needed for the tolerance only.
        per_section: score each section (axis 0) of a volume alone and return the mean over the sections that are
            defined: of the CREMI score, too, the mean of the sections' scores.
        border_per_section: find the border in each section alone, as CREMI (True), or in 3-D.

    Returns:
        ``(cremi_score, voi_split, voi_merge, arand, ari)``, NaN when no truth voxel is scored.

    Raises:
        TypeError: if an input is a bool mask or not numbers.
        ValueError: if the shapes differ, are not 2-D or 3-D, ids are not integers, or ``spacing`` does not fit.

    Example:
        >>> import numpy as np
        >>> truth = np.array([[1, 1, 2, 2]])
        >>> score = compute_cremi_score(np.array([[7, 7, 7, 7]]), truth)
        >>> round(score.voi_merge, 4), round(score.arand, 4), round(score.cremi_score, 4)
        (1.0, 0.3333, 0.5774)
    """
    tables = evaluation_tables(
        y_pred,
        y,
        ignore_labels=ignore_labels,
        border_tolerance_nm=border_tolerance_nm,
        spacing=spacing,
        per_section=per_section,
        border_per_section=border_per_section,
    )
    return CREMIScore(*mean_of_defined([cremi_of_table(table) for table in tables]))


class CREMIScoreMetric(InstanceMetric):
    """Accumulate :func:`compute_cremi_score` over a data set.

    ``metric(y_pred, y)`` takes batches of shape (B, 1, H, W[, D]) or lists of (1, H, W[, D]) and returns (B, 5) scores;
    ``aggregate()`` returns a dictionary of ``cremi_score``, ``voi_split``, ``voi_merge``, ``arand`` and ``ari``, each
    averaged over the items by itself (the mean of the items' CREMI scores, as the challenge averages its volumes).
    Arguments, spacing, NaN and processes: see :class:`~monai_boundary.metrics.InstanceMetric`.

    Example:
        >>> import torch
        >>> truth = torch.tensor([[[[1, 1, 2, 2]]]])
        >>> metric = CREMIScoreMetric()
        >>> _ = metric(truth, truth)
        >>> metric.aggregate()["cremi_score"].item()
        0.0
    """

    score_names: tuple[str, ...] = CREMIScore._fields

    def _score(
        self, y_pred: AnyArray | torch.Tensor, y: AnyArray | torch.Tensor, spacing: Sequence[float] | float | None
    ) -> CREMIScore:
        return compute_cremi_score(y_pred, y, spacing=spacing, **self.options)
