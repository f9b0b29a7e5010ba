# SPDX-License-Identifier: Apache-2.0
"""The segments that cost most of the variation of information: where to look first."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from monai_boundary._output_file import atomic_output
from monai_boundary._typing import AnyArray, LongArray
from monai_boundary.metrics.contingency import Contingency

_MOST = 1000


def write_segment_losses(folder: Path, table: Contingency) -> list[Path]:
    """Write ``splits.csv`` (true segments that are cut) and ``merges.csv`` (predicted ones that join several).

    Each row has the id, its scored voxels, into how many of the other side's it falls, and its share of VOI in bits;
    the shares of all segments add up to ``voi_split`` and ``voi_merge``. The 1000 greatest are kept, those of 0 left
    out.

    Args:
        folder: where the files go; files that are there are replaced.
        table: of the volume.

    Returns:
        The two files.
    """
    return [
        _write(folder / "splits.csv", table, table.true_ids, table.true_index, table.true_sizes),
        _write(folder / "merges.csv", table, table.pred_ids, table.pred_index, table.pred_sizes),
    ]


def _write(path: Path, table: Contingency, ids: LongArray, index: LongArray, sizes: LongArray) -> Path:
    total = max(1, table.scored)
    bits: AnyArray = np.bincount(index, table.counts / total * np.log2(sizes[index] / table.counts), len(ids))
    pieces = np.bincount(index, minlength=len(ids))
    order = np.lexsort((ids, -bits))[:_MOST]
    with atomic_output(path, overwrite=True) as file, file.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow(("id", "voxels", "pieces", "voi_bits"))
        for k in order[bits[order] > 0].tolist():
            writer.writerow((int(ids[k]), int(sizes[k]), int(pieces[k]), f"{bits[k]:.9g}"))
    return path
