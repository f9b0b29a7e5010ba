# SPDX-License-Identifier: Apache-2.0
"""Adapted Rand error and index of a segmentation."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from monai_boundary._typing import AnyArray
from monai_boundary.metrics.contingency import evaluation_tables
from monai_boundary.metrics.instance_metric import InstanceMetric
from monai_boundary.metrics.table_scores import AdaptedRandScore, adapted_rand_of_table, mean_of_defined


def compute_adapted_rand(
    y_pred: AnyArray | torch.Tensor,
    y: AnyArray | torch.Tensor,
    *,
    ignore_labels: Sequence[int] = (0,),
    border_tolerance_nm: float | None = None,
    spacing: Sequence[float] | float | None = None,
    per_section: bool = False,
    border_per_section: bool = True,
) -> AdaptedRandScore:
    r"""Return the adapted Rand error of one segmentation against its truth, with index, precision and recall.

    With :math:`n_{ij}` the voxels of truth segment i and predicted segment j, over the scored voxels,

    .. math::
        \mathrm{precision} = \frac{\sum_{ij} n_{ij}^2 + \epsilon}{\sum_j n_{\cdot j}^2 + \epsilon}, \qquad
        \mathrm{recall} = \frac{\sum_{ij} n_{ij}^2 + \epsilon}{\sum_i n_{i\cdot}^2}, \qquad
        \mathrm{ARI} = \frac{2 PR}{P + R} = 1 - \mathrm{ARAND}

    (Arganda-Carreras et al. 2015, SNEMI3D and CREMI). As CREMI computes it: a voxel forms a pair with itself; truth
    label 0 is ignored; voxels *predicted* 0 count in the truth's sizes :math:`n_{i\cdot}` but belong to no predicted
    segment, so they cost recall and not precision; j runs over the other segments, and :math:`\epsilon` is the share of
    such voxels in the image, which keeps the quotients defined when everything is predicted 0. scikit-image's
    ``adapted_rand_error`` leaves out the pairs of a voxel with itself, takes predicted 0 for a segment, and calls
    precision what is recall here.

    Args:
        y_pred: predicted instance ids, shape (H, W) or (Z, H, W); integers of any size.
        y: truth instance ids of the same shape.
        ignore_labels: truth ids whose voxels are not scored: 0, membrane and what is not labelled, if not given.
        border_tolerance_nm: do not score voxels within this distance of a truth boundary
            (:func:`~monai_boundary.metrics.truth_border_mask`); None or 0 scores all.
        spacing: nanometres per axis in array order; needed for the tolerance only.
        per_section: score each section (axis 0) of a volume alone and return the mean over the sections that are
            defined.
        border_per_section: find the border in each section alone, as CREMI (True), or in 3-D.

    Returns:
        ``(arand, ari, rand_precision, rand_recall)``, NaN when no truth voxel is scored.

    Raises:
        TypeError: if an input is a bool mask or not numbers.
        ValueError: if the shapes differ, are not 2-D or 3-D, ids are not integers, or ``spacing`` does not fit.

    Example:
        >>> import numpy as np
        >>> truth = np.array([[1, 1, 2, 2]])
        >>> compute_adapted_rand(np.array([[7, 7, 7, 7]]), truth).rand_precision
        0.5
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
    return AdaptedRandScore(*mean_of_defined([adapted_rand_of_table(table) for table in tables]))


class AdaptedRandMetric(InstanceMetric):
    """Accumulate :func:`compute_adapted_rand` over a data set.

    ``metric(y_pred, y)`` takes batches of shape (B, 1, H, W[, D]) or lists of (1, H, W[, D]) and returns (B, 4) scores;
    ``aggregate()`` returns a dictionary of ``arand``, ``ari``, ``rand_precision`` and ``rand_recall``. Arguments,
    spacing, NaN and processes: see :class:`~monai_boundary.metrics.InstanceMetric`.

    Example:
        >>> import torch
        >>> truth = torch.tensor([[[[1, 1, 2, 2]]]])
        >>> metric = AdaptedRandMetric()
        >>> _ = metric(truth, truth)
        >>> metric.aggregate()["ari"].item()
        1.0
    """

    score_names: tuple[str, ...] = AdaptedRandScore._fields
    key_score = "ari"

    def _score(
        self, y_pred: AnyArray | torch.Tensor, y: AnyArray | torch.Tensor, spacing: Sequence[float] | float | None
    ) -> AdaptedRandScore:
        return compute_adapted_rand(y_pred, y, spacing=spacing, **self.options)
