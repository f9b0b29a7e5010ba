# SPDX-License-Identifier: Apache-2.0
"""Equipotential learning by its formulas: dense kernels, sorted lists, one voxel after the other."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from monai_boundary._typing import AnyArray


def fields(probability: AnyArray, kernels: AnyArray, padding: str) -> AnyArray:
    """Return the potential fields (directions, spatial) of one class, by dense correlation."""
    mode = {"replicate": "nearest", "zero": "constant"}[padding]
    return np.stack([ndimage.correlate(probability.astype(float), kernel, mode=mode) for kernel in kernels])


def line_loss(predicted: AnyArray, true: AnyArray, h: int, mu: int) -> float:
    """Return the sum over the lines of 1 - EDC, for one class and direction.

    Where all is background (or class), there is no line: the mean number of lines that a voxel has passed too many.
    """
    e, g = predicted.ravel().tolist(), true.ravel().tolist()
    if set(g) == {0}:
        return sum(x * h / (h + 1) for x in e) / len(e)
    if set(g) == {h + 1}:
        return sum((h + 1 - x) * h / (h + 1) for x in e) / len(e)
    by_truth = sorted(range(len(g)), key=lambda i: g[i])
    by_prediction = sorted(range(len(e)), key=lambda i: e[i])
    ranks = [rank for rank, i in enumerate(by_truth) if 1 <= g[i] <= h]
    looked_at = sorted({by_truth[rank] for rank in ranks} | {by_prediction[rank] for rank in ranks})
    loss = 0.0
    for tau in range(1, h + 1):
        if tau not in g:
            continue
        d = [math.exp(-((g[i] - tau) ** mu)) for i in looked_at]
        near = [math.exp(-((e[i] - tau) ** mu)) for i in looked_at]
        scale = sum(d) / sum(x * x for x in d)
        edc = 2 * scale * sum(x * y for x, y in zip(d, near, strict=True)) / (sum(d) + sum(near))
        loss += max(0.0, 1 - edc)
    return loss
