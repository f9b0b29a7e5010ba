# SPDX-License-Identifier: Apache-2.0
"""Pairs of random masks, of many kinds, for the comparisons with other implementations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

CASES = 200
KINDS = ("empty", "full", "one voxel", "random")
ALL = CASES + 2 * len(KINDS) ** 2


def each_seed(count: int = CASES, blocks: int = 4) -> Callable[[Callable[[int], None]], Callable[[int], None]]:
    """Run a test for so many seeds, in a few tests: one for each seed would take longer than what it tests."""

    def decorate(test: Callable[[int], None]) -> Callable[[int], None]:
        def run(block: int) -> None:
            for seed in range(block, count, blocks):
                try:
                    test(seed)
                except AssertionError as error:
                    raise AssertionError(f"seed {seed}: {error}") from error

        run.__name__, run.__doc__ = test.__name__, test.__doc__
        run.cases = count  # type: ignore[attr-defined]  # read by tests/contracts/test_checked_scores.py
        found: Callable[[int], None] = pytest.mark.parametrize("block", range(blocks))(run)
        return found

    return decorate


def random_masks(seed: int) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """Two masks that hold something, 2-D or 3-D: noise or blobs, sparse to full, on the frame too; and a spacing."""
    draw = np.random.default_rng(seed)
    ndim = 2 + seed % 2
    shape = tuple(int(n) for n in draw.integers(1, 9, ndim))
    spacing = tuple(float(s) for s in draw.choice([0.5, 1.0, 1.3, 3.0], ndim))
    masks = []
    for _ in range(2):
        field = draw.random(shape)
        if draw.random() < 0.5:
            field = ndimage.gaussian_filter(field, 1)
        mask = field >= np.quantile(field, draw.uniform(0.0, 0.98))
        masks.append(mask)
    return masks[0], masks[1], spacing


def seeded_masks(seed: int) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """Below ``CASES`` two random masks; from there on, up to ``ALL``, each pair of the kinds in 2-D and in 3-D."""
    pred, true, spacing = random_masks(seed)
    if seed < CASES:
        return pred, true, spacing
    mine, theirs = divmod((seed - CASES) // 2, len(KINDS))
    return _of_kind(KINDS[mine], pred), _of_kind(KINDS[theirs], true), spacing


def _of_kind(kind: str, mask: np.ndarray) -> np.ndarray:
    if kind == "random":
        return mask
    found = np.full(mask.shape, kind == "full")
    if kind == "one voxel":
        found[(0,) * mask.ndim] = True  # it touches the frame
    return found


def brute_distance(mask: np.ndarray, other: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """Distance of every voxel of ``mask`` to the nearest voxel of ``other``; infinity where there is none."""
    out = np.full(mask.shape, np.inf)
    targets = np.argwhere(other) * np.array(spacing)
    for place in np.argwhere(mask):
        if len(targets):
            out[tuple(place)] = np.linalg.norm(targets - place * np.array(spacing), axis=1).min()
    return out
