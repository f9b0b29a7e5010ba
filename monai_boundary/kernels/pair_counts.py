# SPDX-License-Identifier: Apache-2.0
"""How many voxels two label images have in each pair of ids."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from monai_boundary._typing import BoolArray, LongArray

_FIRST_SIZE = 4096  # of the table: 96 KiB, which stay in the cache
_ODD, _OTHER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_HALF, _NEXT = np.uint64(32), np.uint64(1)


def pair_counts(first: Any, second: Any, counted: BoolArray) -> tuple[LongArray, LongArray, LongArray]:
    """Return each pair of ids that a counted voxel has: the first id, the second, and how many voxels; in no order.

    Ids come in runs along the last axis: each is one look into a hash table of the pairs.

    Args:
        first: ids, flat, uint32 or int64.
        second: ids, of the size and type of the first.
        counted: which voxels count.

    Example:
        >>> first, second = np.array([1, 1, 2, 1]), np.array([5, 5, 5, 5])
        >>> [column.tolist() for column in pair_counts(first, second, np.array([True, True, False, True]))]
        [[1], [5], [3]]
    """
    table: LongArray = np.zeros((_FIRST_SIZE, 3), dtype=np.int64)
    start, used = fill_table(first, second, counted, 0, 0, table)
    while start < first.size:  # the table was half full
        grown = np.zeros((2 * len(table), 3), dtype=np.int64)
        move_table(table, grown)
        table = grown
        start, used = fill_table(first, second, counted, start, used, table)
    found = table[table[:, 2] > 0]
    return found[:, 0], found[:, 1], found[:, 2]


@njit(cache=True, nogil=True)
def fill_table(
    first: Any, second: Any, counted: BoolArray, start: int, used: int, table: LongArray
) -> tuple[int, int]:  # pragma: no cover
    """Count runs from a voxel on, until the table is half full; return the voxel to go on with, and the pairs so far.

    Args:
        first: ids, flat.
        second: ids, of the same size.
        counted: which voxels count.
        start: the first voxel of a run.
        used: pairs in the table.
        table: (size, 3), a pair and its voxels in each row, 0 where there is none; the size is a power of 2.
    """
    size, voxels = len(table), first.size
    while start < voxels and 2 * used < size:
        one, other = first[start], second[start]
        stop = start + 1
        while stop < voxels and first[stop] == one and second[stop] == other:
            stop += 1
        number = 0
        for k in range(start, stop):
            number += counted[k]
        if number:
            row = table_row(one, other, table)
            if table[row, 2] == 0:
                table[row, 0], table[row, 1] = one, other
                used += 1
            table[row, 2] += number
        start = stop
    return start, used


@njit(cache=True, nogil=True)
def move_table(table: LongArray, grown: LongArray) -> None:  # pragma: no cover
    """Put the pairs of a table into a larger one.

    Args:
        table: of :func:`fill_table`.
        grown: the same, empty.
    """
    for k in range(len(table)):
        if table[k, 2] > 0:
            row = table_row(table[k, 0], table[k, 1], grown)
            for column in range(3):
                grown[row, column] = table[k, column]


@njit(cache=True, nogil=True)
def table_row(one: int, other: int, table: LongArray) -> Any:  # pragma: no cover
    """Return the row of a pair, or the empty one for it.

    Args:
        one: the first id.
        other: the second.
        table: of :func:`fill_table`, with a row to spare.
    """
    mixed = np.uint64(one) * _ODD + np.uint64(other) * _OTHER
    mixed = (mixed ^ (mixed >> _HALF)) * _ODD
    last = np.uint64(len(table) - 1)
    row = (mixed >> _HALF) & last
    while table[row, 2] != 0 and (table[row, 0] != one or table[row, 1] != other):
        row = (row + _NEXT) & last
    return row
