# SPDX-License-Identifier: Apache-2.0
"""What the metrics that score item by item share: batches, spacing, processes, undefined scores."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai.metrics import CumulativeIterationMetric
from monai.utils import convert_to_tensor, evenly_divisible_all_gather

from monai_boundary._typing import AnyArray
from monai_boundary._validation import check_choice, check_same_shape

Batch = torch.Tensor | Sequence[torch.Tensor]
Spacing = float | Sequence[float] | Sequence[Sequence[float]] | torch.Tensor | None

# axes of an (items, 1) column that each of MONAI's reductions removes
_REDUCED_AXES: dict[str, tuple[int, ...]] = {
    "none": (),
    "mean": (0, 1),
    "sum": (0, 1),
    "mean_batch": (0,),
    "sum_batch": (0,),
    "mean_channel": (1,),
    "sum_channel": (1,),
}


class ItemMetric(CumulativeIterationMetric):
    """Base of the metrics that compare one segmentation with its truth, item by item, and give each several scores.

    Inputs are batches of shape (B, C, H, W[, D]) or lists of (C, H, W[, D]), with C = 1 unless ``channels`` says
    otherwise. The scores are float64 on the CPU, where
    they are computed (a CUDA input is copied to the host once per call), one row per item, and no gradient flows.

    *Spacing* is, in this order: the ``spacing`` of the call, for all items or one row for each; that of the
    constructor; that of a ``MetaTensor`` truth.

    *Undefined* scores are NaN. ``aggregate`` leaves them out of a reduction, and where nothing is left the reduced
    score is NaN: never 0.0, which may be the best possible one.

    *Processes.* Rows are gathered over all processes when aggregated; the processes may hold different numbers of
    items, and none at all.

    Args:
        spacing: per axis in array order.
        reduction: over the items, as in MONAI: ``"mean"`` (default), ``"sum"``, ``"mean_batch"``, ``"sum_batch"``,
            ``"mean_channel"``, ``"sum_channel"`` or ``"none"``; every score is one channel of its own.
    """

    score_names: tuple[str, ...]
    """Names of the scores that ``aggregate`` returns. A call returns a column for each, in this order, unless the
    metric says otherwise (see ``row_shape``)."""

    key_score: str = ""
    """The score by which a handler selects the best model where it is told none; ``""`` is the first."""

    undefined: str = "have an undefined score"
    """What is said of the items that lack a score: "2 of 9 items ..."."""

    price_of_a_miss: str = ""
    """What is said after the number of misses, of how the distances count them; ``""`` where nothing is."""

    counted: tuple[str, ...] = ()
    """Those of the scores that are added up over the items, where the others are averaged."""

    channels: int | None = None
    """Channels of an image; None for images of one channel, which is then taken off before they are scored."""

    def __init__(self, *, spacing: Sequence[float] | float | None = None, reduction: str = "mean") -> None:
        super().__init__()
        self.spacing = spacing
        check_choice("reduction", reduction, _REDUCED_AXES)
        self.reduction = reduction

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of the scores of one item."""
        return (len(self.score_names),)

    @abstractmethod
    def _score(
        self, y_pred: AnyArray | torch.Tensor, y: AnyArray | torch.Tensor, spacing: Sequence[float] | float | None
    ) -> Sequence[float] | AnyArray:
        """Return the scores of one item, of ``row_shape``; without channel axis where ``channels`` is None."""

    @abstractmethod
    def _image_spacing(self, y: torch.Tensor, item: int) -> tuple[float, ...] | None:
        """Return the spacing that a batch of truths states for one item, if it does."""

    def _compute_tensor(  # type: ignore[override]
        self,
        y_pred: torch.Tensor,
        y: torch.Tensor | None = None,
        *,
        spacing: Spacing = None,
    ) -> torch.Tensor:
        if y is None:
            raise ValueError("`y` needs the truth of the batch, got None.")
        check_same_shape("y_pred", y_pred.shape, "y", y.shape)
        channels = self.channels or 1
        if y.ndim not in (4, 5) or y.shape[1] != channels:
            named = "one channel" if channels == 1 else f"{channels} channels"
            raise ValueError(f"`y` needs shape (B, {channels}, H, W[, D]) ({named}), got {tuple(y.shape)}.")
        if not len(y):
            raise ValueError("`y` needs at least one item, got an empty batch.")
        chosen = [self.spacing] * len(y) if spacing is None else _of_each_item(spacing, len(y))
        pred, truth = convert_to_tensor((y_pred, y), track_meta=False)
        rows = []
        for i in range(len(y)):
            item_spacing = self._image_spacing(y, i) if chosen[i] is None else chosen[i]
            images = (pred[i, 0], truth[i, 0]) if self.channels is None else (pred[i], truth[i])
            rows.append(np.asarray(self._score(*images, item_spacing), dtype=np.float64))
        return torch.from_numpy(np.stack(rows))

    def _compute_list(self, y_pred: Batch, y: Batch | None = None, *, spacing: Spacing = None) -> torch.Tensor:  # type: ignore[override]
        if y is None:
            raise ValueError("`y` needs the truth of the batch, got None.")
        if len(y_pred) != len(y) or not len(y):  # MONAI's own zip would drop the surplus without a word
            raise ValueError(f"`y_pred` needs as many items as `y`, {len(y)} (at least one), got {len(y_pred)}.")
        sizes = _of_each_item(spacing, len(y))
        items = [
            self._compute_tensor(torch.as_tensor(p).detach()[None], torch.as_tensor(t).detach()[None], spacing=size)
            for p, t, size in zip(y_pred, y, sizes, strict=True)
        ]
        return torch.cat(items)

    def _no_rows(self) -> torch.Tensor:
        return torch.zeros((0, *self.row_shape), dtype=torch.float64)

    def _sync(self) -> None:
        # MONAI's own returns at once in a process without items, and the others then wait for it for ever
        if self._synced:
            return
        rows = self._buffers[0] if self._buffers else []
        local = torch.stack(rows) if rows else self._no_rows()
        self._synced_tensors = [evenly_divisible_all_gather(local, concat=True)]
        self._synced = True

    def aggregate(self, reduction: str | None = None) -> dict[str, torch.Tensor]:
        """Return the reduced scores by name; NaN where no item is defined, and counts as counts.

        Args:
            reduction: instead of that of the constructor.
        """
        rows = self.get_buffer()
        chosen = self.reduction if reduction is None else reduction
        check_choice("reduction", chosen, _REDUCED_AXES)
        added = chosen.replace("mean", "sum")
        return {
            name: _reduce(rows[:, i : i + 1], added if name in self.counted else chosen)
            for i, name in enumerate(self.score_names)
        }

    def details(self) -> dict[str, torch.Tensor]:
        """Return the scores of every item (of all processes) by name, each of shape (N, 1)."""
        rows = self.get_buffer()
        return {name: rows[:, i : i + 1].clone() for i, name in enumerate(self.score_names)}

    def count_undefined(self) -> int:
        """Return the number of items, over all processes, with a score that is NaN."""
        return int(self.get_buffer().flatten(1).isnan().any(dim=1).sum())


def _reduce(scores: torch.Tensor, reduction: str) -> torch.Tensor:
    # not MONAI's do_metric_reduction: that one gives 0.0 where nothing is defined, and rounds to float32
    axes = _REDUCED_AXES[reduction]
    if not axes:
        return scores.clone()
    count = (~scores.isnan()).sum(dim=axes)
    total = scores.nansum(dim=axes)
    return torch.where(count > 0, total / count if reduction.startswith("mean") else total, torch.nan)


def _of_each_item(spacing: Spacing, items: int) -> list[Sequence[float] | float | None]:
    """Return the spacing of each item, from one for all or from a row for each."""
    if spacing is None or isinstance(spacing, (int, float)):
        return [spacing] * items
    rows: list[Any] = [row if np.ndim(row) else None for row in spacing]
    if not any(row is not None for row in rows):
        return [[float(size) for size in spacing]] * items  # type: ignore[arg-type]
    if len(rows) != items or any(row is None for row in rows):
        raise ValueError(f"`spacing` needs one for all items or a row for each of {items}, got {len(rows)} rows.")
    return [[float(size) for size in row] for row in rows]
