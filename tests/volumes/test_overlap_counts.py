# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from monai_boundary.volumes.block_grid import BlockGrid
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.overlap_counts import OverlapCount, border_halo, whole_tables
from monai_boundary.volumes.volume_source import open_volume


def test_drawn(tmp_path: Path, store: Callable[..., str]) -> None:
    truth = np.array([[[1, 1, 1, 2, 2, 0]], [[1, 1, 2, 2, 2, 2]]])
    pred = np.array([[[5, 5, 6, 6, 6, 6]], [[5, 5, 5, 6, 6, 0]]])
    sources = open_volume(store("p", pred)), open_volume(store("t", truth))
    for per_section, expected in [
        (False, {0: {(1, 5): 4, (1, 6): 1, (2, 6): 4, (2, 5): 1, (2, 0): 1}}),
        (True, {0: {(1, 5): 2, (1, 6): 1, (2, 6): 2}, 1: {(1, 5): 2, (2, 5): 1, (2, 6): 2, (2, 0): 1}}),
    ]:
        records = BlockRecords(tmp_path / str(per_section))
        grid = BlockGrid(truth.shape, (1, 1, 4), (0, 0, 0))
        count = OverlapCount(*sources, records, (0,), 0.0, None, per_section, True)
        for block in grid:
            count(block)
        tables = whole_tables(records, range(len(grid)), 12)
        found = {
            section: {
                (int(t.true_ids[i]), int(t.pred_ids[j])): int(n)
                for i, j, n in zip(t.true_index, t.pred_index, t.counts, strict=True)
            }
            for section, t in tables
        }
        assert found == expected
        assert {t.voxels for _, t in tables} == {12}


def test_halo() -> None:
    assert border_halo(0, None, True) == (0, 0, 0)
    assert border_halo(4, (4.0, 4.0, 4.0), False) == (2, 2, 2), "the border's other side is one further"
    assert border_halo(3 * 0.1, (50, 0.1, 0.1), False) == (1, 4, 4), "0.1 + 0.1 + 0.1 are within 0.3"
    assert border_halo(100, (50, 4, 4), True) == (0, 26, 26)
