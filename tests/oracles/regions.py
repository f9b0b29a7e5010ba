# SPDX-License-Identifier: Apache-2.0
"""Regions, seeds, cells and walls the slow way: flood fill, and every voxel measured against every other."""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy.spatial.distance import cdist

from tests.oracles.barrier import faces


def flood_regions(label: np.ndarray) -> np.ndarray:
    """Components of equal non-zero label through faces, numbered in raster order."""
    out = np.zeros(label.shape, dtype=int)
    last = 0
    for start in np.ndindex(label.shape):
        if label[start] == 0 or out[start]:
            continue
        last += 1
        out[start] = last
        stack = [start]
        while stack:
            for other in faces(label.shape, stack.pop()):
                if label[other] == label[start] and not out[other]:
                    out[other] = last
                    stack.append(other)
    return out


def _distance(a: tuple[int, ...], b: tuple[int, ...], spacing: tuple[float, ...]) -> float:
    return math.sqrt(sum(((i - j) * s) ** 2 for i, j, s in zip(a, b, spacing, strict=True)))


def depths(regions: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """Distance of each region voxel to the nearest voxel that is not of its region; inf where there is none."""
    out = np.zeros(regions.shape)
    for identifier in np.unique(regions[regions > 0]):
        inside = regions == identifier
        apart = cdist(np.argwhere(inside) * spacing, np.argwhere(~inside) * spacing)
        out[inside] = apart.min(axis=1, initial=math.inf)
    return out


def brute_seeds(regions: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """The first voxel in raster order with the largest depth of each region; the middle of a region without outside."""
    depth = depths(regions, spacing)
    out = np.zeros(regions.shape, dtype=int)
    for identifier in np.unique(regions[regions > 0]):
        inside = regions == identifier
        if inside.all():
            out[tuple(n // 2 for n in regions.shape)] = identifier
            continue
        largest = depth[inside].max()
        where = next(v for v in zip(*np.nonzero(inside), strict=True) if math.isclose(depth[v], largest, rel_tol=1e-9))
        out[where] = identifier
    return out


def region_distances(regions: np.ndarray, voxel: tuple[int, ...], spacing: tuple[float, ...]) -> dict[int, float]:
    """Distance of one voxel to each region."""
    out: dict[int, float] = {}
    for other in zip(*np.nonzero(regions), strict=True):
        identifier = int(regions[other])
        out[identifier] = min(out.get(identifier, math.inf), _distance(voxel, other, spacing))
    return out


def brute_neighbours(cells: np.ndarray) -> list[list[int]]:
    """Pairs of ids > 0 at two voxels that share a face."""
    pairs = set()
    for a, b in itertools.combinations(np.ndindex(cells.shape), 2):
        touch = sum(abs(i - j) for i, j in zip(a, b, strict=True)) == 1
        if touch and 0 < cells[a] != cells[b] > 0:
            pairs.add((min(cells[a], cells[b]), max(cells[a], cells[b])))
    return [[int(i), int(j)] for i, j in sorted(pairs)]
