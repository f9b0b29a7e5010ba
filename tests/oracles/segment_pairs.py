# SPDX-License-Identifier: Apache-2.0
"""Scores of segmentations by counting, voxel against voxel: slow and plain."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np


def adapted_rand_by_pairs(pred: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """Adapted Rand error, precision and recall from all ordered pairs of voxels, a voxel with itself included.

    Truth 0 takes no part. A voxel predicted 0 is together with nothing; all of them add their share of the image.
    """
    voxels = [(int(p), int(t)) for p, t in zip(pred.flat, truth.flat, strict=True) if t != 0]
    share = sum(p == 0 for p, _ in voxels) / pred.size
    both = together_pred = together_truth = 0
    for p, t in voxels:
        for q, u in voxels:
            same_pred, same_truth = p == q != 0, t == u
            both += same_pred and same_truth
            together_pred += same_pred
            together_truth += same_truth
    precision = (both + share) / (together_pred + share)
    recall = (both + share) / together_truth
    return 1 - 2 * precision * recall / (precision + recall), precision, recall


def voi_by_entropies(pred: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """VOI split and merge in bits, as joint entropy less the entropy of one side. Truth 0 takes no part."""
    voxels = [(int(p), int(t)) for p, t in zip(pred.flat, truth.flat, strict=True) if t != 0]
    joint = _entropy(Counter(voxels))
    return joint - _entropy(Counter(t for _, t in voxels)), joint - _entropy(Counter(p for p, _ in voxels))


def _entropy(counts: Counter) -> float:
    total = sum(counts.values())
    return -sum(n / total * math.log2(n / total) for n in counts.values())


def border_by_distances(truth: np.ndarray, tolerance: float, spacing: tuple[float, ...]) -> np.ndarray:
    """Voxels within the tolerance of a voxel that has a face neighbour of another id, in all axes."""
    boundary = []
    for x in np.ndindex(truth.shape):
        for axis in range(truth.ndim):
            for step in (-1, 1):
                y = tuple(c + step * (a == axis) for a, c in enumerate(x))
                if all(0 <= c < n for c, n in zip(y, truth.shape, strict=True)) and truth[x] != truth[y]:
                    boundary.append(x)
    mask = np.zeros(truth.shape, dtype=bool)
    for x in np.ndindex(truth.shape):
        mask[x] = any(
            math.dist(
                [c * s for c, s in zip(x, spacing, strict=True)], [c * s for c, s in zip(b, spacing, strict=True)]
            )
            <= tolerance + 1e-9
            for b in boundary
        )
    return mask
