# SPDX-License-Identifier: Apache-2.0
"""The scores of a contingency table, and their mean: all that blocks of a volume need, without an import of MONAI."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from monai_boundary._typing import AnyArray
from monai_boundary.metrics.contingency import Contingency


class VOIScore(NamedTuple):
    """Variation of information in bits; both parts NaN where no truth voxel is scored."""

    voi_split: float
    voi_merge: float


class AdaptedRandScore(NamedTuple):
    """Adapted Rand scores in [0, 1]; all NaN where no truth voxel is scored."""

    arand: float
    ari: float
    rand_precision: float
    rand_recall: float


class CREMIScore(NamedTuple):
    """The CREMI score and what it is made of; all NaN where no truth voxel is scored."""

    cremi_score: float
    voi_split: float
    voi_merge: float
    arand: float
    ari: float


def voi_of_table(table: Contingency) -> VOIScore:
    """Return the score of one contingency table."""
    if table.scored == 0:
        return VOIScore(float("nan"), float("nan"))
    weights = table.counts / table.scored
    # log2(size / count) is exactly 0 where a segment lies in one other: a perfect prediction gives 0, never -1e-17
    split = weights @ np.log2(table.true_sizes[table.true_index] / table.counts)
    merge = weights @ np.log2(table.pred_sizes[table.pred_index] / table.counts)
    return VOIScore(float(split), float(merge))


def adapted_rand_of_table(table: Contingency) -> AdaptedRandScore:
    """Return the scores of one contingency table."""
    if table.scored == 0:
        nan = float("nan")
        return AdaptedRandScore(nan, nan, nan, nan)
    segment = table.pred_ids != 0
    counts = table.counts[segment[table.pred_index]].astype(np.float64)
    unassigned = (table.scored - counts.sum()) / table.voxels
    pairs_both = counts @ counts + unassigned
    pairs_pred = _sum_of_squares(table.pred_sizes[segment]) + unassigned
    pairs_true = _sum_of_squares(table.true_sizes)
    index = min(2 * pairs_both / (pairs_pred + pairs_true), 1.0)  # rounding may pass 1 by 1e-16
    return AdaptedRandScore(1 - index, index, pairs_both / pairs_pred, pairs_both / pairs_true)


def cremi_of_table(table: Contingency) -> CREMIScore:
    """Return the scores of one contingency table."""
    voi, rand = voi_of_table(table), adapted_rand_of_table(table)
    cremi_score = math.sqrt((voi.voi_split + voi.voi_merge) * rand.arand)
    return CREMIScore(cremi_score, voi.voi_split, voi.voi_merge, rand.arand, rand.ari)


def mean_of_defined(scores: Sequence[Sequence[float]]) -> list[float]:
    """Return the mean of each column over its entries that are not NaN, and NaN where there is none."""
    table = np.asarray(scores, dtype=np.float64)
    defined = ~np.isnan(table)
    count = defined.sum(axis=0)
    total = np.where(defined, table, 0.0).sum(axis=0)
    mean: list[float] = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0).tolist()
    return mean


def _sum_of_squares(sizes: AnyArray) -> float:
    values = sizes.astype(np.float64)
    return float(values @ values)
