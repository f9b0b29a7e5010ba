# SPDX-License-Identifier: Apache-2.0
"""Instance ids of a prediction and a truth, counted against each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import sparse

from monai_boundary._typing import AnyArray, BoolArray, LongArray
from monai_boundary._validation import check_same_shape, check_spatial_dims
from monai_boundary.kernels.pair_counts import pair_counts
from monai_boundary.metrics.border import truth_border_mask
from monai_boundary.ops.label_values import whole_label

_SLAB_VOXELS = 2**20  # what is counted at once stays in the cache: three times as fast as four times as many
_FEW = 16  # ignored labels, up to which a look for each of them is faster than one for all


@dataclass(frozen=True)
class Contingency:
    """Overlap counts of truth and predicted segments, as a sparse table in coordinate form.

    Attributes:
        counts: voxels in each non-empty pair (truth segment, predicted segment), shape (pairs,).
        true_index: row of each pair, 0..R-1, shape (pairs,).
        pred_index: column of each pair, 0..S-1, shape (pairs,).
        true_ids: true id of each row, shape (R,).
        pred_ids: predicted id of each column, shape (S,); the column of id 0, if there is one, counts differently in
            the adapted Rand error.
        voxels: voxels of the image, the ignored ones included.
    """

    counts: LongArray
    true_index: LongArray
    pred_index: LongArray
    true_ids: LongArray
    pred_ids: LongArray
    voxels: int

    @property
    def scored(self) -> int:
        """Voxels that take part: those whose truth is not ignored."""
        return int(self.counts.sum())

    @property
    def true_sizes(self) -> LongArray:
        """Scored voxels of every truth segment, shape (R,)."""
        return _sizes(self.true_index, self.counts)

    @property
    def pred_sizes(self) -> LongArray:
        """Scored voxels of every predicted segment, shape (S,)."""
        return _sizes(self.pred_index, self.counts)


def to_instance_ids(name: str, array: AnyArray | torch.Tensor) -> LongArray:
    """Return instance ids as int64; ids stay distinct whatever they are.

    Unsigned 64-bit ids keep their bits, so 2**64 - 1 (the "transparent" label of CREMI files) becomes -1.

    Args:
        name: the argument's name, for the error.
        array: integers, or floats that hold integers (MONAI's readers give float32), by the rule of `whole_label`.

    Raises:
        TypeError: for a mask (bool) or anything that is not numbers.
        ValueError: for floats that are not integers, or too large for the float type to tell neighbouring ids apart.
    """
    if str(getattr(array, "dtype", "")) in ("bool", "torch.bool"):
        raise TypeError(f"`{name}` needs instance ids, got a bool mask; label its connected components first.")
    values = whole_label(name, array)
    if values.dtype == np.uint64:
        return np.ascontiguousarray(values).view(np.int64)
    return values.astype(np.int64, copy=False)


def counted_ids(name: str, array: AnyArray | torch.Tensor) -> AnyArray:
    """Return instance ids as they are counted fastest: as uint32 if they are stored so or in less, else as int64.

    Args:
        name: the argument's name, for the error.
        array: as of :func:`to_instance_ids`.

    Raises:
        TypeError: as of :func:`to_instance_ids`.
        ValueError: as of :func:`to_instance_ids`.
    """
    small = isinstance(array, np.ndarray) and array.dtype.kind == "u" and array.dtype.itemsize <= 4
    return array.astype(np.uint32, copy=False) if small else to_instance_ids(name, array)  # type: ignore[union-attr]


def scored_voxels(
    y: AnyArray,
    ignore_labels: Sequence[int],
    border_tolerance_nm: float | None,
    spacing: Sequence[float] | float | None,
    border_per_section: bool,
) -> BoolArray:
    """Return where the truth counts: not an ignored label and not within the tolerance of a truth boundary."""
    ignored = {_wrap_to_int64(label) for label in ignore_labels}
    limits = np.iinfo(y.dtype)
    there = [y.dtype.type(label) for label in sorted(ignored) if limits.min <= label <= limits.max]
    if len(there) > _FEW:
        scored: BoolArray = np.isin(y, np.array(there, dtype=y.dtype), invert=True)
    else:  # a look at all voxels for each
        scored = y != there[0] if there else np.ones(y.shape, dtype=np.bool_)
        for label in there[1:]:
            scored &= y != label
    if border_tolerance_nm:
        scored &= ~truth_border_mask(y, border_tolerance_nm, spacing, per_section=border_per_section)
    return scored


def count_overlaps(y_pred: AnyArray, y: AnyArray, scored: BoolArray) -> Contingency:
    """Count predicted against truth ids over the ``scored`` voxels (integer arrays of one shape)."""
    if y_pred.dtype != y.dtype or y.dtype not in (np.uint32, np.int64):
        y_pred, y = y_pred.astype(np.int64, copy=False), y.astype(np.int64, copy=False)
    true, predicted, counts = pair_counts(*(np.ascontiguousarray(ids).reshape(-1) for ids in (y, y_pred, scored)))
    return tabulate(true, predicted, counts, y.size)


def tabulate(true: LongArray, predicted: LongArray, counts: LongArray, voxels: int) -> Contingency:
    """Add up the counts of equal pairs of ids."""
    true_ids, rows = np.unique(true, return_inverse=True)
    pred_ids, columns = np.unique(predicted, return_inverse=True)
    table = sparse.coo_array((counts, (rows, columns)), shape=(true_ids.size, pred_ids.size)).tocsr().tocoo()
    return Contingency(
        counts=table.data.astype(np.int64),
        true_index=table.row.astype(np.int64),
        pred_index=table.col.astype(np.int64),
        true_ids=true_ids,
        pred_ids=pred_ids,
        voxels=voxels,
    )


def evaluation_tables(
    y_pred: AnyArray | torch.Tensor,
    y: AnyArray | torch.Tensor,
    *,
    ignore_labels: Sequence[int],
    border_tolerance_nm: float | None,
    spacing: Sequence[float] | float | None,
    per_section: bool,
    border_per_section: bool,
) -> list[Contingency]:
    """Return the contingency tables that the scores are taken from: one, or one per section of a volume.

    A volume is counted slab by slab, so that what is needed beside the two volumes is a few sections (but for a border
    that is looked for in 3-D).
    """
    y_pred, y = (ids if isinstance(ids, torch.Tensor) else np.asarray(ids) for ids in (y_pred, y))
    check_spatial_dims("y", y.ndim)
    check_same_shape("y_pred", tuple(y_pred.shape), "y", tuple(y.shape))
    border = None
    if y.ndim == 3 and border_tolerance_nm and not border_per_section:
        border = truth_border_mask(y, border_tolerance_nm, spacing, per_section=False)
    tables = []
    for slab in slabs(tuple(y.shape)):
        pred_ids, true_ids = counted_ids("y_pred", y_pred[slab]), counted_ids("y", y[slab])
        tolerance = border_tolerance_nm if border is None else None
        scored = scored_voxels(true_ids, ignore_labels, tolerance, spacing, border_per_section)
        if border is not None:
            scored &= ~border[slab]
        tables += [count_overlaps(*part) for part in sections(pred_ids, true_ids, scored, per_section=per_section)]
    return tables if per_section and y.ndim == 3 else [merged_tables(tables)]


def empty_table(voxels: int) -> Contingency:
    """Return the table of ``voxels`` voxels of which none is scored."""
    none = np.zeros(0, dtype=np.int64)
    return tabulate(none, none, none, voxels)


def slabs(shape: tuple[int, ...]) -> list[slice]:
    """Parts of the first axis, of a few million voxels each."""
    if len(shape) == 2 or not shape[0]:
        return [slice(None)]
    depth = max(1, _SLAB_VOXELS // max(1, shape[1] * shape[2]))
    return [slice(start, start + depth) for start in range(0, shape[0], depth)]


def merged_tables(tables: Sequence[Contingency]) -> Contingency:
    """One table of the counts of several."""
    if len(tables) == 1:
        return tables[0]
    true = np.concatenate([table.true_ids[table.true_index] for table in tables])
    predicted = np.concatenate([table.pred_ids[table.pred_index] for table in tables])
    counts = np.concatenate([table.counts for table in tables])
    return tabulate(true, predicted, counts, sum(table.voxels for table in tables))


def sections(*arrays: Any, per_section: bool) -> Iterator[tuple[Any, ...]]:
    """Yield the arrays as they are, or, for volumes when ``per_section``, section by section of axis 0."""
    if per_section and arrays[0].ndim == 3:
        yield from zip(*arrays, strict=True)
    else:
        yield arrays


def _sizes(index: LongArray, counts: LongArray) -> LongArray:
    # bincount's weights are float64: exact, as counts stay below 2**53
    sizes: LongArray = np.bincount(index, weights=counts).astype(np.int64)
    return sizes


def _wrap_to_int64(label: int) -> int:
    if not isinstance(label, (int, np.integer)) or isinstance(label, bool):
        raise TypeError(f"`ignore_labels` needs integers, got {label!r}.")
    value = int(label)
    if not -(2**63) <= value < 2**64:
        raise ValueError(f"`ignore_labels` needs 64-bit integers, got {value}.")
    return value - 2**64 if value >= 2**63 else value
