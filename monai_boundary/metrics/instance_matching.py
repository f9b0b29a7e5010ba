# SPDX-License-Identifier: Apache-2.0
"""Which predicted instance is which true one, and panoptic quality."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from monai_boundary._typing import AnyArray, DoubleArray, LongArray
from monai_boundary._validation import check_same_shape, check_spatial_dims
from monai_boundary.metrics.contingency import count_overlaps, scored_voxels, to_instance_ids
from monai_boundary.metrics.item_metric import ItemMetric


class InstanceRow(NamedTuple):
    """One instance, or one matched pair; an id is 0 and a size 0 where there is no partner."""

    true_id: int
    predicted_id: int
    iou: float
    """Of the pair; of an instance without partner the largest IoU with any, which was not enough."""
    true_voxels: int
    predicted_voxels: int

    @property
    def kind(self) -> str:
        """``"match"``, ``"missed"`` or ``"false"``."""
        return "false" if not self.true_voxels else "match" if self.predicted_voxels else "missed"


@dataclass(frozen=True)
class InstanceMatching:
    """Panoptic quality and its table; see :func:`compute_instance_matching`.

    Attributes:
        pq: panoptic quality, ``sq * rq``.
        sq: segmentation quality, the mean IoU of the matches.
        rq: recognition quality, F1 over instances.
        matched: pairs.
        missed_instances: true instances without partner.
        false_instances: predicted instances without partner.
        rows: a row per pair and per instance without partner: by true id, then the false ones by predicted id.
    """

    pq: float
    sq: float
    rq: float
    matched: int
    missed_instances: int
    false_instances: int
    rows: tuple[InstanceRow, ...]

    def as_dict(self) -> dict[str, float]:
        """Return the scores by name, without the rows."""
        names = ("pq", "sq", "rq", "matched", "missed_instances", "false_instances")
        return {name: float(getattr(self, name)) for name in names}


def background_where_ignored(predicted: AnyArray, true: AnyArray, ignore_labels: Sequence[int]) -> list[AnyArray]:
    """Return both with 0 where the truth has an ignored id: what is predicted there is no instance.

    Args:
        predicted: ids.
        true: ids of the same shape.
        ignore_labels: ids of the truth, 2**64 - 1 ("transparent" in CREMI's files) too; 0 is background anyway.

    Example:
        >>> [ids.tolist() for ids in background_where_ignored(np.array([5, 5, 6]), np.array([1, 9, 0]), (0, 9))]
        [[5, 0, 6], [1, 0, 0]]
    """
    others = [label for label in ignore_labels if label != 0]
    counted = scored_voxels(to_instance_ids("y", true), others, None, None, False)
    return [ids if counted.all() else np.where(counted, ids, 0) for ids in (predicted, true)]


def compute_instance_matching(
    y_pred: AnyArray | torch.Tensor, y: AnyArray | torch.Tensor, *, threshold: float = 0.5
) -> InstanceMatching:
    r"""Match predicted to true instances one to one, and return their panoptic quality (Kirillov et al., CVPR 2019).

    A pair may match where its intersection over union is *larger* than ``threshold``. From 0.5 on there is at most one
    partner; below, the pairs are chosen so that the sum of their IoU is largest. With TP, FN, FP the matched, missed
    and false instances,

    .. math::
        \mathrm{PQ} = \underbrace{\dfrac{1}{TP} \sum \mathrm{IoU}}_\mathrm{SQ} \cdot
        \underbrace{\dfrac{TP}{TP + FP/2 + FN/2}}_\mathrm{RQ}

    Args:
        y_pred: predicted instance ids, 0 is background, (H, W) or (Z, H, W).
        y: true instance ids of the same shape.
        threshold: of the IoU, 0 <= threshold < 1.

    Returns:
        Scores and rows. Where nothing matches, ``sq`` is NaN and ``pq`` and ``rq`` are 0; where there is no instance at
        all, the three are NaN.

    Raises:
        TypeError: if an input is a bool mask or not numbers.
        ValueError: if the shapes differ or are not 2-D or 3-D, ids are not integers, or ``threshold`` is out of range.

    Example:
        >>> import numpy as np
        >>> found = compute_instance_matching(np.array([[4, 4, 4, 0, 9]]), np.array([[1, 1, 1, 1, 0]]))
        >>> found.sq, round(found.rq, 3), [row.kind for row in found.rows]
        (0.75, 0.667, ['match', 'false'])
    """
    if not 0 <= threshold < 1:
        raise ValueError(f"`threshold` needs a number from 0 to below 1, got {threshold!r}.")
    predicted, true = to_instance_ids("y_pred", y_pred), to_instance_ids("y", y)
    check_spatial_dims("y", true.ndim)
    check_same_shape("y_pred", predicted.shape, "y", true.shape)
    table = count_overlaps(predicted, true, np.ones(true.shape, dtype=np.bool_))
    sizes = (table.true_sizes, table.pred_sizes)
    real = (table.true_ids[table.true_index] != 0) & (table.pred_ids[table.pred_index] != 0)
    i, j, both = table.true_index[real], table.pred_index[real], table.counts[real]
    iou = both / (sizes[0][i] + sizes[1][j] - both)
    partner = _assign(i, j, iou, threshold, (sizes[0].size, sizes[1].size))
    return _result(table.true_ids, table.pred_ids, sizes, (i, j, iou), partner)


def _assign(i: LongArray, j: LongArray, iou: DoubleArray, threshold: float, shape: tuple[int, int]) -> dict[int, int]:
    """Return column by row of the chosen pairs."""
    able = iou > threshold
    i, j, iou = i[able], j[able], iou[able]
    if threshold >= 0.5:
        return dict(zip(i.tolist(), j.tolist(), strict=True))
    graph = coo_array((np.ones(i.size), (i, j + shape[0])), shape=(sum(shape), sum(shape)))
    _, group = connected_components(graph, directed=False)
    chosen: dict[int, int] = {}
    for one in np.unique(group[i]):
        here = group[i] == one
        rows, r = np.unique(i[here], return_inverse=True)
        columns, c = np.unique(j[here], return_inverse=True)
        gain = np.zeros((rows.size, columns.size))
        gain[r, c] = iou[here]
        for a, b in zip(*linear_sum_assignment(gain, maximize=True), strict=True):
            if gain[a, b] > 0:
                chosen[int(rows[a])] = int(columns[b])
    return chosen


def _result(
    true_ids: LongArray,
    pred_ids: LongArray,
    sizes: tuple[LongArray, LongArray],
    pairs: tuple[LongArray, LongArray, DoubleArray],
    partner: dict[int, int],
) -> InstanceMatching:
    i, j, iou = pairs
    best_true, best_pred = np.zeros(true_ids.size), np.zeros(pred_ids.size)
    np.maximum.at(best_true, i, iou)
    np.maximum.at(best_pred, j, iou)
    of_pair = {(int(a), int(b)): float(v) for a, b, v in zip(i, j, iou, strict=True)}
    rows = []
    for r in np.flatnonzero(true_ids != 0).tolist():
        c = partner.get(r)
        if c is None:
            rows.append(InstanceRow(int(true_ids[r]), 0, float(best_true[r]), int(sizes[0][r]), 0))
        else:
            pair = (int(true_ids[r]), int(pred_ids[c]))
            rows.append(InstanceRow(*pair, of_pair[r, c], int(sizes[0][r]), int(sizes[1][c])))
    taken = set(partner.values())
    for c in np.flatnonzero(pred_ids != 0).tolist():
        if c not in taken:
            rows.append(InstanceRow(0, int(pred_ids[c]), float(best_pred[c]), 0, int(sizes[1][c])))
    kinds = [row.kind for row in rows]
    matched, missed, false = (kinds.count(kind) for kind in ("match", "missed", "false"))
    quality = sum(row.iou for row in rows if row.kind == "match") / matched if matched else math.nan
    recognition = matched / (matched + (missed + false) / 2) if rows else math.nan
    panoptic = quality * recognition if matched else recognition  # 0, or NaN where there is nothing
    return InstanceMatching(panoptic, quality, recognition, matched, missed, false, tuple(rows))


class InstanceMatchingMetric(ItemMetric):
    """Accumulate :func:`compute_instance_matching` over items; see :class:`~monai_boundary.metrics.ItemMetric`.

    ``metric(y_pred, y)`` takes instance ids, (B, 1, H, W[, D]). ``matched``, ``missed_instances`` and
    ``false_instances`` are added up over the items, the qualities averaged.

    Args:
        threshold: of the IoU.
        reduction: over the items, as in MONAI: ``"mean"`` (default), ``"sum"``, ``"mean_batch"``, ``"sum_batch"``,
            ``"mean_channel"``, ``"sum_channel"`` or ``"none"``; every score is one channel of its own.

    Example:
        >>> import torch
        >>> truth = torch.tensor([[[[1, 1, 0, 2, 2]]]])
        >>> metric = InstanceMatchingMetric()
        >>> _ = metric(torch.tensor([[[[5, 5, 0, 0, 0]]]]), truth)
        >>> scores = metric.aggregate()
        >>> scores["sq"].item(), scores["missed_instances"].item()
        (1.0, 1.0)
    """

    score_names: tuple[str, ...] = ("pq", "sq", "rq", "matched", "missed_instances", "false_instances")
    counted: tuple[str, ...] = ("matched", "missed_instances", "false_instances")

    def __init__(self, *, threshold: float = 0.5, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.threshold = threshold

    def _image_spacing(self, y: torch.Tensor, item: int) -> tuple[float, ...] | None:
        return None

    def _score(
        self, y_pred: AnyArray | torch.Tensor, y: AnyArray | torch.Tensor, spacing: Sequence[float] | float | None
    ) -> list[float]:
        return list(compute_instance_matching(y_pred, y, threshold=self.threshold).as_dict().values())
