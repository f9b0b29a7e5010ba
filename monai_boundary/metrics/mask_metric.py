# SPDX-License-Identifier: Apache-2.0
"""What the metrics of masks in mm share: one mask, classes of a label map, or overlapping regions in channels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from monai_boundary._typing import AnyArray
from monai_boundary.metrics.millimetre_metric import MillimetreMetric, known_spacing
from monai_boundary.ops.label_values import mask_of_ids, whole_label


class MaskMetric(MillimetreMetric):
    """Base of the metrics that score masks, of one structure or several.

    Batches, undefined scores and processes: see :class:`~monai_boundary.metrics.ItemMetric`.

    - ``structures=None``: one mask of 0 and 1, (B, 1, H, W[, D]). The scores have their plain names.
    - a sequence of names, ``("wt", "tc", "et")``: a mask in each channel, (B, R, H, W[, D]); they may overlap.
    - names with label values, ``{"liver": 1, "tumour": (2, 3)}``: a label map, (B, 1, H, W[, D]). A structure is where
      the label is one of its values; other values are background to it.

    With structures, score names are ``wt_hd95_mm`` and so on. ``..._missed`` and ``..._false_alarm`` are *counts* of
    items; all others are means over the items where they are defined.

    Args:
        structures: None for one mask of 0 and 1 (B, 1, ...), names for a mask in each channel, or ``{name: label value
            or values}`` for a label map (B, 1, ...).
        spacing: mm per axis in array order; by default that of a MetaTensor truth.
        reduction: over the items, as in MONAI: ``"mean"`` (default), ``"sum"``, ``"mean_batch"``, ``"sum_batch"``,
            ``"mean_channel"``, ``"sum_channel"`` or ``"none"``; every score is one channel of its own.

    Raises:
        ValueError: if the names are none, or come twice.

    Example:
        >>> from monai_boundary.metrics import SurfaceScoresMetric
        >>> SurfaceScoresMetric({"liver": 1, "tumour": (2, 3)}).score_names[:2]
        ('liver_hd_mm', 'liver_hd95_mm')
    """

    mask_scores: tuple[str, ...]
    """Names of the scores of one structure, set before ``__init__`` is called."""

    undefined = "have a score that is undefined (no structure, and none predicted)"

    def __init__(
        self,
        structures: Sequence[str] | Mapping[str, int | Sequence[int]] | None = None,
        *,
        spacing: Sequence[float] | float | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(spacing=spacing, reduction=reduction)
        names = (structures,) if isinstance(structures, str) else tuple(structures or ())
        if structures is not None and (not names or len(set(names)) < len(names)):
            raise ValueError(f"`structures` needs different names, at least one, got {structures!r}.")
        self.labels: dict[str, tuple[int, ...]] | None = None
        if isinstance(structures, Mapping):
            self.labels = {n: (v,) if isinstance(v, int) else tuple(v) for n, v in structures.items()}
        self.structures = names
        self.channels = len(names) if names and self.labels is None else None
        prefixes = [f"{name}_" for name in names] or [""]
        self.score_names = tuple(f"{prefix}{score}" for prefix in prefixes for score in self.mask_scores)
        self.counted = tuple(name for name in self.score_names if name.endswith(("missed", "false_alarm")))

    @abstractmethod
    def score_masks(self, y_pred: AnyArray, y: AnyArray, spacing: Sequence[float] | float) -> Mapping[str, float]:
        """Return the scores of one structure in one item by name: those of ``mask_scores``."""

    def _score(
        self, y_pred: AnyArray | torch.Tensor, y: AnyArray | torch.Tensor, spacing: Sequence[float] | float | None
    ) -> list[float]:
        predicted, true = whole_label("y_pred", y_pred), whole_label("y", y)
        if self.labels is not None:
            pairs = [(mask_of_ids(predicted, ids), mask_of_ids(true, ids)) for ids in self.labels.values()]
        elif self.channels is None:
            pairs = [(predicted, true)]
        else:
            pairs = list(zip(predicted, true, strict=True))
        sizes = known_spacing(spacing, pairs[0][1].ndim)
        rows = [self.score_masks(p, t, sizes) for p, t in pairs]
        return [float(row[name]) for row in rows for name in self.mask_scores]


def counts_of_misses(y_pred: AnyArray, y: AnyArray) -> dict[str, float]:
    """Return ``missed`` and ``false_alarm`` of two masks, 1.0 or 0.0, for scores that do not come with them."""
    predicted, true = bool(np.any(y_pred)), bool(np.any(y))
    return {"missed": float(true and not predicted), "false_alarm": float(predicted and not true)}
