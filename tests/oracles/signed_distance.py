# SPDX-License-Identifier: Apache-2.0
"""Signed distances as the words say them: for every voxel, the distance to every face or border voxel."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from monai_boundary._typing import AnyArray, DoubleArray


def face_distance(mask: AnyArray, spacing: Sequence[float] | None = None) -> DoubleArray:
    """Return the signed distance to the faces between voxels of the mask and others, each face a flat rectangle."""
    sizes = np.ones(mask.ndim) if spacing is None else np.asarray(spacing, dtype=float)
    centres, halves = [], []
    for axis in range(mask.ndim):
        for voxel in itertools.product(*map(range, mask.shape)):
            after = (*voxel[:axis], voxel[axis] + 1, *voxel[axis + 1 :])
            if after[axis] < mask.shape[axis] and mask[voxel] != mask[after]:
                centres.append([(a + b) / 2 for a, b in zip(voxel, after, strict=True)])
                halves.append([0.0 if a == axis else 0.5 for a in range(mask.ndim)])
    phi = np.zeros(mask.shape)
    if centres:
        for voxel in itertools.product(*map(range, mask.shape)):
            away = np.maximum(np.abs(np.array(centres) - np.array(voxel)) - np.array(halves), 0) * sizes
            nearest = np.sqrt((away**2).sum(1)).min()
            phi[voxel] = -nearest if mask[voxel] else nearest
    return phi


def signed_distance(mask: AnyArray, spacing: Sequence[float] | None = None) -> DoubleArray:
    """Return the signed distance to the voxels of ``mask`` that have a face neighbour outside it, voxel by voxel."""
    sizes = np.ones(mask.ndim) if spacing is None else np.asarray(spacing, dtype=float)
    border = []
    for voxel in itertools.product(*map(range, mask.shape)):
        if not mask[voxel]:
            continue
        for axis, step in itertools.product(range(mask.ndim), (-1, 1)):
            other = list(voxel)
            other[axis] += step
            if 0 <= other[axis] < mask.shape[axis] and not mask[tuple(other)]:
                border.append(voxel)
                break
    phi = np.zeros(mask.shape)
    if border:
        points = np.array(border) * sizes
        for voxel in itertools.product(*map(range, mask.shape)):
            nearest = np.sqrt(((points - np.array(voxel) * sizes) ** 2).sum(1)).min()
            phi[voxel] = -nearest if mask[voxel] else nearest
    return phi


def released_distance(mask: AnyArray) -> DoubleArray:
    """Return the map of the paper's code on unit spacing: 1 - the distance to the nearest background inside."""
    phi = np.zeros(mask.shape)
    if not mask.any() or mask.all():
        return phi
    for voxel in itertools.product(*map(range, mask.shape)):
        others = np.argwhere(mask != mask[voxel])
        nearest = np.sqrt(((others - np.array(voxel)) ** 2).sum(1)).min()
        phi[voxel] = 1 - nearest if mask[voxel] else nearest
    return phi
