# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_boundary.metrics import compute_voi
from monai_boundary.metrics.contingency import empty_table, evaluation_tables
from monai_boundary.volumes.segment_losses import write_segment_losses


def rows(path: Path) -> list[list[str]]:
    return [line.split(",") for line in path.read_text().splitlines()]


def test_drawn(tmp_path: Path) -> None:
    truth, pred = np.array([[1, 1, 1, 1, 2, 2, 3, 3]]), np.array([[4, 4, 5, 5, 6, 6, 6, 6]])
    options = {"ignore_labels": (0,), "border_tolerance_nm": None, "spacing": None}
    (table,) = evaluation_tables(pred, truth, **options, per_section=False, border_per_section=True)  # type: ignore[arg-type]
    splits, merges = write_segment_losses(tmp_path, table)
    # half of the voxels carry one bit each
    assert rows(splits) == [["id", "voxels", "pieces", "voi_bits"], ["1", "4", "2", "0.5"]]
    assert rows(merges) == [["id", "voxels", "pieces", "voi_bits"], ["6", "4", "2", "0.5"]]


def test_they_add_up_and_the_greatest_is_first(tmp_path: Path, rng: np.random.Generator) -> None:
    truth, pred = rng.integers(0, 9, (2, 5, 40, 40))
    options = {"ignore_labels": (0,), "border_tolerance_nm": None, "spacing": None}
    (table,) = evaluation_tables(pred, truth, **options, per_section=False, border_per_section=True)  # type: ignore[arg-type]
    for path, total in zip(write_segment_losses(tmp_path, table), compute_voi(pred, truth), strict=True):
        bits = [float(row[3]) for row in rows(path)[1:]]
        assert bits == sorted(bits, reverse=True)
        assert sum(bits) == pytest.approx(total, rel=1e-6)


def test_nothing_scored(tmp_path: Path) -> None:
    assert [len(rows(path)) for path in write_segment_losses(tmp_path, empty_table(8))] == [1, 1]
