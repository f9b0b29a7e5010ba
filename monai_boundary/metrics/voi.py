# SPDX-License-Identifier: Apache-2.0
"""Variation of information between two segmentations, as its split and merge part."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from monai_boundary._typing import AnyArray
from monai_boundary.metrics.contingency import evaluation_tables
from monai_boundary.metrics.instance_metric import InstanceMetric
from monai_boundary.metrics.table_scores import VOIScore, mean_of_defined, voi_of_table


def compute_voi(
    y_pred: AnyArray | torch.Tensor,
    y: AnyArray | torch.Tensor,
    *,
    ignore_labels: Sequence[int] = (0,),
    border_tolerance_nm: float | None = None,
    spacing: Sequence[float] | float | None = None,
    per_section: bool = False,
    border_per_section: bool = True,
) -> VOIScore:
    r"""Return the variation of information of one segmentation against its truth, in bits.

    With :math:`n_{ij}` the voxels of truth segment i and predicted segment j, over the scored voxels,

    .. math::
        \mathrm{split} = H(P \mid T) = -\sum_{ij} \frac{n_{ij}}{n} \log_2 \frac{n_{ij}}{n_{i\cdot}}, \qquad
        \mathrm{merge} = H(T \mid P) = -\sum_{ij} \frac{n_{ij}}{n} \log_2 \frac{n_{ij}}{n_{\cdot j}}

    (Meila 2007; the split and merge parts as the CREMI challenge, cremi.org). A truth segment cut in two raises the
    split part, two truth segments joined raise the merge part; each is >= 0, and 0 exactly for a perfect prediction.
    Truth label 0 is ignored, predicted label 0 is a segment. Equal to scikit-image's ``variation_of_information(y,
    y_pred, ignore_labels=(0,))``.

    Args:
        y_pred: predicted instance ids, shape (H, W) or (Z, H, W); integers of any size.
        y: truth instance ids of the same shape.
        ignore_labels: truth ids whose voxels are not scored. 2**64 - 1 and -1 are one id: files store it unsigned,
            torch signed.
        border_tolerance_nm: do not score voxels within this distance of a truth boundary
            (:func:`~monai_boundary.metrics.truth_border_mask`); None or 0 scores all, as CREMI.
        spacing: nanometres per axis in array order; needed for the tolerance only.
        per_section: score each section (axis 0) of a volume alone and return the mean over the sections that are
            defined.
        border_per_section: find the border in each section alone, as CREMI (True), or in 3-D.

    Returns:
        ``(voi_split, voi_merge)``, NaN when no truth voxel is scored (for example, truth all 0).

    Raises:
        TypeError: if an input is a bool mask or not numbers.
        ValueError: if the shapes differ, are not 2-D or 3-D, ids are not integers, or ``spacing`` does not fit.

    Example:
        >>> import numpy as np
        >>> truth = np.array([[1, 1, 1, 1, 2, 2, 2, 2]])
        >>> compute_voi(np.array([[1, 1, 5, 5, 2, 2, 2, 2]]), truth)
        VOIScore(voi_split=0.5, voi_merge=0.0)
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
    return VOIScore(*mean_of_defined([voi_of_table(table) for table in tables]))


class VariationOfInformationMetric(InstanceMetric):
    """Accumulate :func:`compute_voi` over a data set.

    ``metric(y_pred, y)`` takes batches of shape (B, 1, H, W[, D]) or lists of (1, H, W[, D]) and returns (B, 2) scores;
    ``aggregate()`` returns ``{"voi_split": ..., "voi_merge": ...}``. Arguments, spacing, NaN and processes: see
    :class:`~monai_boundary.metrics.InstanceMetric`.

    Example:
        >>> import torch
        >>> truth = torch.tensor([[[[1, 1, 1, 1, 2, 2, 2, 2]]]])
        >>> metric = VariationOfInformationMetric()
        >>> metric(torch.ones_like(truth), truth)
        tensor([[0., 1.]], dtype=torch.float64)
        >>> metric.aggregate()["voi_merge"].item()
        1.0
    """

    score_names: tuple[str, ...] = VOIScore._fields
    key_score = "voi_merge"

    def _score(
        self, y_pred: AnyArray | torch.Tensor, y: AnyArray | torch.Tensor, spacing: Sequence[float] | float | None
    ) -> VOIScore:
        return compute_voi(y_pred, y, spacing=spacing, **self.options)
