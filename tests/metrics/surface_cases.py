# SPDX-License-Identifier: Apache-2.0
"""Pairs of random masks, of many kinds, for the comparisons with other implementations."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

CASES = 200


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


def brute_distance(mask: np.ndarray, other: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """Distance of every voxel of ``mask`` to the nearest voxel of ``other``; infinity where there is none."""
    out = np.full(mask.shape, np.inf)
    targets = np.argwhere(other) * np.array(spacing)
    for place in np.argwhere(mask):
        if len(targets):
            out[tuple(place)] = np.linalg.norm(targets - place * np.array(spacing), axis=1).min()
    return out
