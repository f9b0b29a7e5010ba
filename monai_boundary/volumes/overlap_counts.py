# SPDX-License-Identifier: Apache-2.0
"""Predicted against true ids, counted block by block, and put together to the tables of the whole volume."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from monai_boundary._typing import BoolArray
from monai_boundary.metrics.border import truth_border_mask
from monai_boundary.metrics.contingency import (
    Contingency,
    count_overlaps,
    counted_ids,
    merged_tables,
    scored_voxels,
    slabs,
    tabulate,
)
from monai_boundary.volumes.block_grid import Block, whole_chunks
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.volume_source import VolumeSource
from monai_boundary.volumes.window_grid import inside

_TABLES_AT_ONCE = 64


@dataclass(frozen=True)
class OverlapCount:
    """Count a block, and keep its tables as its record.

    Args:
        pred: predicted ids.
        truth: true ids.
        records: where the tables go.
        ignore_labels: true ids that do not count.
        border_tolerance_nm: within this distance of a border between true ids nothing counts; 0 counts all.
        spacing: nm per axis; needed for the tolerance.
        per_section: keep a table of each section.
        border_per_section: look for the border in each section alone.
    """

    pred: VolumeSource
    truth: VolumeSource
    records: BlockRecords
    ignore_labels: tuple[int, ...]
    border_tolerance_nm: float
    spacing: tuple[float, ...] | None
    per_section: bool
    border_per_section: bool

    def __call__(self, block: Block) -> None:
        """Read the block and count it."""
        tables = self._tables(block)
        sections = [table.counts.size * [section] for section, table in tables]
        columns = {
            "true": [table.true_ids[table.true_index] for _, table in tables],
            "pred": [table.pred_ids[table.pred_index] for _, table in tables],
            "counts": [table.counts for _, table in tables],
            "section": [np.array(section, dtype=np.int64) for section in sections],
        }
        self.records.write(block.index, **{name: np.concatenate(parts) for name, parts in columns.items()})

    def _tables(self, block: Block) -> list[tuple[int, Contingency]]:
        borders = self._border(block)
        found: dict[int, list[Contingency]] = {}
        with self.truth.opened() as read_truth, self.pred.opened() as read_pred:
            for box in whole_chunks(block.core, self.truth.chunks, self.pred.chunks):
                truth, pred = read_truth(box), read_pred(box)
                border = None if borders is None else borders[inside(box, block.core)[1]]
                for slab in [slice(k, k + 1) for k in range(len(truth))] if self.per_section else slabs(truth.shape):
                    true_ids, pred_ids = counted_ids("truth", truth[slab]), counted_ids("pred", pred[slab])
                    scored = scored_voxels(true_ids, self.ignore_labels, None, None, self.border_per_section)
                    if border is not None:
                        scored &= ~border[slab]
                    section = box[0].start + slab.start if self.per_section else 0
                    found.setdefault(section, []).append(count_overlaps(pred_ids, true_ids, scored))
        return [(section, merged_tables(tables)) for section, tables in found.items()]

    def _border(self, block: Block) -> BoolArray | None:
        """Where the border is in the core: looked for in the halo, too."""
        if not self.border_tolerance_nm:
            return None
        truth, per_section = self.truth.read(block.outer), self.border_per_section
        border = truth_border_mask(truth, self.border_tolerance_nm, self.spacing, per_section=per_section)
        return border[block.inner]


def border_halo(tolerance_nm: float, spacing: tuple[float, ...] | None, border_per_section: bool) -> tuple[int, ...]:
    """Return how far beyond a block a border can lie that its voxels are within the tolerance of, in voxels.

    One voxel more than the tolerance: a voxel is of a border by its neighbour.

    Args:
        tolerance_nm: 0 is no border at all.
        spacing: nm per axis.
        border_per_section: whether sections are looked at alone.

    Example:
        >>> border_halo(25.0, (40.0, 4.0, 4.0), False), border_halo(25.0, (40.0, 4.0, 4.0), True)
        ((1, 7, 7), (0, 7, 7))
    """
    if not tolerance_nm or spacing is None:
        return (0, 0, 0)
    reach = [math.floor(tolerance_nm * (1 + 1e-9) / size) + 1 for size in spacing]
    return (0 if border_per_section else reach[0], *reach[1:])


def whole_tables(records: BlockRecords, indices: Iterable[int], voxels: int) -> list[tuple[int, Contingency]]:
    """Return the tables of the volume from those of its blocks, each with its section (0 where all count together).

    Args:
        records: of :class:`OverlapCount`.
        indices: of all blocks.
        voxels: that a table stands for: of a section, or of the volume.

    Returns:
        The same tables as of the whole volume in memory, in the order of the sections.
    """
    sums: dict[int, Contingency] = {}
    for part in _batches(indices):
        read = [records.read(index) for index in part]
        columns = {name: np.concatenate([r[name] for r in read]) for name in ("section", "true", "pred", "counts")}
        for section in np.unique(columns["section"]).tolist():
            here = columns["section"] == section
            table = tabulate(columns["true"][here], columns["pred"][here], columns["counts"][here], voxels)
            before = sums.get(section)
            sums[section] = table if before is None else replace(merged_tables([before, table]), voxels=voxels)
    return sorted(sums.items(), key=lambda item: item[0])


def _batches(indices: Iterable[int]) -> Iterator[list[int]]:
    rest = list(indices)
    for start in range(0, len(rest), _TABLES_AT_ONCE):
        yield rest[start : start + _TABLES_AT_ONCE]
