# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from monai_boundary._typing import AnyArray, BoolArray
from monai_boundary.kernels.pair_counts import fill_table, move_table, pair_counts, table_row


def counted_pairs(first: AnyArray, second: AnyArray, counted: BoolArray) -> dict[tuple[int, int], int]:
    one, other, voxels = (column.tolist() for column in pair_counts(first, second, counted))
    assert len(set(zip(one, other, strict=True))) == len(voxels), "each pair once"
    return dict(zip(zip(one, other, strict=True), voxels, strict=True))


@pytest.mark.parametrize("dtype", [np.uint32, np.int64])
def test_drawn(dtype: type) -> None:
    first = np.array([1, 1, 1, 2, 0, 0, 1, 2], dtype)
    second = np.array([5, 5, 6, 6, 0, 0, 5, 6], dtype)
    counted = np.array([True, False, True, True, False, False, True, True])
    assert counted_pairs(first, second, counted) == {(1, 5): 2, (1, 6): 1, (2, 6): 2}
    assert counted_pairs(first, second, ~counted) == {(1, 5): 1, (0, 0): 2}
    assert counted_pairs(first[:0], second[:0], counted[:0]) == {}


def test_extreme_ids() -> None:
    ids = np.array([-(2**63), 2**63 - 1, -1, 0, -1])
    pairs = {(int(a), int(b)): 1 for a, b in zip(ids, ids[::-1], strict=True)}
    assert counted_pairs(ids, np.ascontiguousarray(ids[::-1]), np.ones(5, bool)) == pairs


@pytest.mark.parametrize("ids", [3, 200, 10**9])
def test_against_a_dictionary(ids: int, rng: np.random.Generator) -> None:
    """Up to a pair for each voxel: the table grows three times, in the middle of the voxels."""
    first, second = rng.integers(0, ids, (2, 12_000))
    counted = rng.random(12_000) < 0.9
    assert counted_pairs(first, second, counted) == dict(
        Counter(zip(first[counted].tolist(), second[counted].tolist(), strict=True))
    )


@pytest.mark.parametrize("kind", ["compiled", "python"])
def test_a_table_that_is_half_full(kind: str) -> None:
    fill, move, row_of = (_of_kind(kind, work) for work in (fill_table, move_table, table_row))
    first, second = np.array([3, 3, 4, 4, 9]), np.array([7, 7, 7, 7, 7])
    table, larger = np.zeros((4, 3), np.int64), np.zeros((8, 3), np.int64)
    with np.errstate(over="ignore"):
        assert fill(first, second, np.ones(5, bool), 0, 0, table) == (4, 2)
        move(table, larger)
        assert fill(first, second, np.ones(5, bool), 4, 2, larger) == (5, 3)
        assert [larger[row_of(np.int64(k), np.int64(7), larger)].tolist() for k in (3, 4, 9)] == [
            [3, 7, 2],
            [4, 7, 2],
            [9, 7, 1],
        ]
        assert larger[row_of(np.int64(5), np.int64(7), larger), 2] == 0


def _of_kind(kind: str, work: Any) -> Any:
    return work if kind == "compiled" else work.py_func
