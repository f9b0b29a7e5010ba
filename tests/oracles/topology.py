# SPDX-License-Identifier: Apache-2.0
"""Betti numbers by linear algebra: ranks of the boundary matrices of a cubical complex, over the field of two."""

from __future__ import annotations

import itertools

import numpy as np

Cell = tuple[int, ...]


def betti_by_ranks(mask: np.ndarray, fully_connected: bool = True) -> tuple[int, ...]:
    """Betti numbers of the voxels as closed cubes (``fully_connected``), or of the cubes between face neighbours.

    A cell has an odd coordinate along each axis in which it extends: a voxel of the first complex is (2i + 1, ...); of
    the second a voxel is the point (2i, ...), and the edge, square or cube between voxels is there if all of them are.
    """
    cells = _closed_cubes(mask) if fully_connected else _cubes_between(mask)
    by = [sorted(cell for cell in cells if sum(c % 2 for c in cell) == k) for k in range(mask.ndim + 1)]
    ranks = [0, *(_rank(by[k], by[k - 1]) for k in range(1, mask.ndim + 1)), 0]
    return tuple(len(by[k]) - ranks[k] - ranks[k + 1] for k in range(mask.ndim))


def _closed_cubes(mask: np.ndarray) -> set[Cell]:
    return {
        tuple(2 * int(p) + 1 + s for p, s in zip(place, step, strict=True))
        for place in np.argwhere(mask)
        for step in itertools.product((-1, 0, 1), repeat=mask.ndim)
    }


def _cubes_between(mask: np.ndarray) -> set[Cell]:
    found = set()
    for cell in itertools.product(*(range(2 * n - 1) for n in mask.shape)):
        corners = itertools.product(*(((c // 2, c // 2 + 1) if c % 2 else (c // 2,)) for c in cell))
        if all(mask[corner] for corner in corners):
            found.add(cell)
    return found


def _rank(cells: list[Cell], faces: list[Cell]) -> int:
    """Rank of the boundary matrix, each column a number whose bits are the faces of a cell."""
    bit = {face: 1 << k for k, face in enumerate(faces)}
    pivots: dict[int, int] = {}
    for cell in cells:
        column = 0
        for axis, c in enumerate(cell):
            if c % 2:
                for side in (-1, 1):
                    column ^= bit[(*cell[:axis], c + side, *cell[axis + 1 :])]
        while column:
            low = column & -column
            if low not in pivots:
                pivots[low] = column
                break
            column ^= pivots[low]
    return len(pivots)
