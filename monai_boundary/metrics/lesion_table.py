# SPDX-License-Identifier: Apache-2.0
"""Every lesion in a row: how large it is, how much of it was found, and detection by size."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import ndimage

from monai_boundary._typing import AnyArray, BoolArray, DoubleArray, LongArray
from monai_boundary._validation import check_choice, check_spacing
from monai_boundary.metrics.contingency import count_overlaps
from monai_boundary.metrics.lesion_masks import lesion_masks
from monai_boundary.metrics.mask_metric import MaskMetric

OVERLAP_RULES = ("any", "share", "iou")
_RATIOS = ("lesion_recall", "lesion_precision", "lesion_f1")
_COUNTS = ("true_lesions", "found_lesions", "predicted_lesions", "right_lesions")


class LesionRow(NamedTuple):
    """One connected lesion of the truth or of the prediction."""

    of: str
    """``"true"`` or ``"predicted"``."""
    lesion: int
    size_mm: float
    """Volume in mm^3, in 2-D area in mm^2."""
    share: float
    """Share of its voxels that are in the other mask."""
    iou: float
    """Largest IoU with one lesion of the other mask."""
    hit: bool
    """Whether it is found (true lesions), or right (predicted ones)."""
    stratum: str


class LesionStratum(NamedTuple):
    """Detection of the lesions of one size; a ratio of nothing to nothing is NaN."""

    name: str
    true_lesions: int
    found_lesions: int
    predicted_lesions: int
    right_lesions: int

    @property
    def recall(self) -> float:
        """Share of the true lesions that are found."""
        return self.found_lesions / self.true_lesions if self.true_lesions else math.nan

    @property
    def precision(self) -> float:
        """Share of the predicted lesions that are right."""
        return self.right_lesions / self.predicted_lesions if self.predicted_lesions else math.nan

    @property
    def f1(self) -> float:
        """2 * precision * recall / (precision + recall); 0 where one of the masks is empty or nothing is hit."""
        if not self.true_lesions and not self.predicted_lesions:
            return math.nan
        if not self.found_lesions or not self.right_lesions:
            return 0.0
        return 2 * self.precision * self.recall / (self.precision + self.recall)


@dataclass(frozen=True)
class LesionTable:
    """All lesions of a case; see :func:`compute_lesion_table`.

    Attributes:
        rows: true lesions, then predicted ones, each in raster order.
        strata: detection of all lesions (named ``"all"``), then by size from small to large.
    """

    rows: tuple[LesionRow, ...]
    strata: tuple[LesionStratum, ...]


def compute_lesion_table(
    y_pred: AnyArray | torch.Tensor,
    y: AnyArray | torch.Tensor,
    spacing: Sequence[float] | float | None,
    *,
    overlap: str = "any",
    threshold: float = 0.5,
    size_edges_mm: Sequence[float] = (),
    lesion_label: int = 1,
    ignore_labels: Sequence[int] = (),
    fully_connected: bool = True,
) -> LesionTable:
    """Return every lesion with its size and its overlap, and recall, precision and F1 by size.

    A lesion is a connected component. It is *hit* by one of three rules:

    - ``"any"``: one of its voxels is in the other mask (WMH 2017, ISLES 2022);
    - ``"share"``: at least ``threshold`` of its voxels are;
    - ``"iou"``: its IoU with one lesion of the other mask is larger than ``threshold``.

    A true lesion is in the stratum of its own size, a predicted one in that of its own: precision among the small ones
    says how many of the small *predicted* lesions are right.

    Args:
        y_pred: the prediction, 0 or 1, (H, W) or (H, W, D).
        y: the truth of the same shape: 0, ``lesion_label``, and ids of ``ignore_labels``.
        spacing: mm per axis in array order.
        overlap: the rule.
        threshold: of ``"share"`` (0 < threshold <= 1) and ``"iou"`` (0 <= threshold < 1).
        size_edges_mm: where one stratum ends and the next begins, in mm^3 (2-D: mm^2), ascending: ``(10, 100)`` makes
            "< 10", "10 to 100" and ">= 100".
        lesion_label: id of the lesions in the truth.
        ignore_labels: truth ids whose voxels are not scored.
        fully_connected: whether voxels that share an edge or a corner are connected.

    Returns:
        Rows and strata.

    Raises:
        TypeError: if an input does not hold numbers.
        ValueError: if the masks are none, ``spacing`` is missing or has a wrong length, or an option does not fit.

    Example:
        >>> import numpy as np
        >>> truth = np.array([[1, 1, 1, 1, 0, 1, 0, 0]])
        >>> pred = np.array([[0, 1, 1, 1, 0, 0, 0, 1]])
        >>> table = compute_lesion_table(pred, truth, spacing=1.0, size_edges_mm=(2.0,))
        >>> [(s.name, s.recall, s.precision) for s in table.strata]
        [('all', 0.5, 0.5), ('< 2', 0.0, 0.0), ('>= 2', 1.0, 1.0)]
        >>> table.rows[0].share, table.rows[0].iou
        (0.75, 0.75)
    """
    _check_rule(overlap, threshold)
    edges = _check_edges(size_edges_mm)
    predicted, true = lesion_masks(y_pred, y, lesion_label=lesion_label, ignore_labels=ignore_labels)
    if spacing is None:
        raise ValueError(f"`spacing` needs {true.ndim} entries (mm per axis) for sizes in mm, got None.")
    unit = math.prod(check_spacing(spacing, true.ndim))
    return lesion_table_of_masks(
        predicted, true, unit, overlap=overlap, threshold=threshold, edges=edges, fully_connected=fully_connected
    )


def lesion_table_of_masks(
    predicted: BoolArray,
    true: BoolArray,
    voxel: float,
    *,
    overlap: str = "any",
    threshold: float = 0.5,
    edges: tuple[float, ...] = (),
    fully_connected: bool = True,
) -> LesionTable:
    """Return what :func:`compute_lesion_table` does, for two boolean masks with voxels of a size."""
    element = ndimage.generate_binary_structure(true.ndim, true.ndim if fully_connected else 1)
    ids = [ndimage.label(mask, element)[0].astype(np.int64) for mask in (true, predicted)]
    names = _stratum_names(edges)
    rows: list[LesionRow] = []
    for of, own, other, mask in (("true", ids[0], ids[1], predicted), ("predicted", ids[1], ids[0], true)):
        voxels, share, iou = _overlaps(own, other, mask)
        hit = {"any": share > 0, "share": share >= threshold * (1 - 1e-12), "iou": iou > threshold}[overlap]
        for k in range(voxels.size):
            size = int(voxels[k]) * voxel
            stratum = names[int(np.searchsorted(edges, size, side="right"))]
            rows.append(LesionRow(of, k + 1, size, float(share[k]), float(iou[k]), bool(hit[k]), stratum))
    chosen = [("all", rows)]
    if edges:
        chosen += [(name, [row for row in rows if row.stratum == name]) for name in names]
    return LesionTable(tuple(rows), tuple(_stratum(name, part) for name, part in chosen))


def _check_rule(overlap: str, threshold: float) -> None:
    check_choice("overlap", overlap, OVERLAP_RULES)
    low = threshold > 0 if overlap == "share" else threshold >= 0
    if overlap != "any" and not (low and (threshold < 1 or (overlap == "share" and threshold == 1))):
        raise ValueError(f"`threshold` needs a share between 0 and 1 for overlap={overlap!r}, got {threshold!r}.")


def _check_edges(size_edges_mm: Sequence[float]) -> tuple[float, ...]:
    edges = tuple(float(edge) for edge in size_edges_mm)
    if any(not math.isfinite(edge) or edge <= 0 for edge in edges) or list(edges) != sorted(set(edges)):
        raise ValueError(f"`size_edges_mm` needs ascending sizes > 0, got {edges}.")
    return edges


def _overlaps(own: LongArray, other: LongArray, mask: BoolArray) -> tuple[LongArray, DoubleArray, DoubleArray]:
    """Voxels of each lesion of ``own``, the share of them in ``mask``, and the best IoU with a lesion of ``other``."""
    count = int(own.max(initial=0))
    voxels = np.bincount(own.ravel(), minlength=count + 1)[1:]
    inside = np.bincount(own[mask], minlength=count + 1)[1:]
    iou = np.zeros(count)
    table = count_overlaps(other, own, np.asarray((own > 0) & (other > 0)))
    if table.counts.size:
        mine, theirs = table.true_ids[table.true_index], table.pred_ids[table.pred_index]
        size = np.bincount(other.ravel())
        np.maximum.at(iou, mine - 1, table.counts / (voxels[mine - 1] + size[theirs] - table.counts))
    return voxels, inside / np.maximum(voxels, 1), iou


def _stratum_names(edges: tuple[float, ...]) -> list[str]:
    if not edges:
        return ["all"]
    between = [f"{low:g} to {high:g}" for low, high in itertools.pairwise(edges)]
    return [f"< {edges[0]:g}", *between, f">= {edges[-1]:g}"]


def _stratum(name: str, rows: Sequence[LesionRow]) -> LesionStratum:
    true = [row.hit for row in rows if row.of == "true"]
    predicted = [row.hit for row in rows if row.of == "predicted"]
    return LesionStratum(name, len(true), sum(true), len(predicted), sum(predicted))


class LesionTableMetric(MaskMetric):
    """Accumulate :func:`compute_lesion_table` over items; see :class:`~monai_boundary.metrics.MaskMetric`.

    The scores are ``lesion_recall``, ``lesion_precision`` and ``lesion_f1``, averaged over the items where they are
    defined, and ``true_lesions``, ``found_lesions``, ``predicted_lesions`` and ``right_lesions``, which are added up.
    With sizes each comes again for every one of them: ``lesion_recall_under_10``, ``lesion_recall_10_to_100``,
    ``lesion_recall_from_100``.

    Args:
        structures: None for one mask of 0 and 1 (B, 1, ...), names for a mask in each channel, or ``{name: label value
            or values}`` for a label map (B, 1, ...).
        spacing: mm per axis in array order.
        reduction: over the items, as in MONAI: ``"mean"`` (default), ``"sum"``, ``"mean_batch"``, ``"sum_batch"``,
            ``"mean_channel"``, ``"sum_channel"`` or ``"none"``; every score is one channel of its own.
        overlap: when a lesion is hit: ``"any"``, ``"share"`` or ``"iou"``.
        threshold: of ``"share"`` and ``"iou"``.
        size_edges_mm: where one size ends and the next begins, in mm^3 (2-D: mm^2), ascending.
        fully_connected: whether voxels that share an edge or a corner are connected.

    Example:
        >>> import torch
        >>> truth = torch.tensor([[[[1, 1, 1, 1, 0, 1, 0, 0]]]])
        >>> pred = torch.tensor([[[[0, 1, 1, 1, 0, 0, 0, 1]]]])
        >>> metric = LesionTableMetric(spacing=1.0, size_edges_mm=(2.0,))
        >>> _ = metric(pred, truth)
        >>> scores = metric.aggregate()
        >>> [scores[name].item() for name in ("lesion_recall", "lesion_recall_under_2", "lesion_recall_from_2")]
        [0.5, 0.0, 1.0]
    """

    def __init__(
        self,
        structures: Sequence[str] | Mapping[str, int | Sequence[int]] | None = None,
        *,
        spacing: Sequence[float] | float | None = None,
        reduction: str = "mean",
        overlap: str = "any",
        threshold: float = 0.5,
        size_edges_mm: Sequence[float] = (),
        fully_connected: bool = True,
    ) -> None:
        _check_rule(overlap, threshold)
        self.size_edges_mm = _check_edges(size_edges_mm)
        ends = [""]
        if self.size_edges_mm:
            between = [f"_{low:g}_to_{high:g}" for low, high in itertools.pairwise(self.size_edges_mm)]
            ends += [f"_under_{self.size_edges_mm[0]:g}", *between, f"_from_{self.size_edges_mm[-1]:g}"]
        self.mask_scores = tuple(f"{name}{end}" for end in ends for name in (*_RATIOS, *_COUNTS))
        super().__init__(structures, spacing=spacing, reduction=reduction)
        self.counted = tuple(name for name in self.score_names if any(count in name for count in _COUNTS))
        self.options: dict[str, Any] = {"overlap": overlap, "threshold": threshold, "fully_connected": fully_connected}

    def score_masks(self, y_pred: AnyArray, y: AnyArray, spacing: Sequence[float] | float) -> Mapping[str, float]:
        """Return ratios and counts of two masks by name."""
        table = compute_lesion_table(y_pred, y, spacing, size_edges_mm=self.size_edges_mm, **self.options)
        rows = [(s.recall, s.precision, s.f1, *(float(count) for count in s[1:])) for s in table.strata]
        return dict(zip(self.mask_scores, itertools.chain.from_iterable(rows), strict=True))
