# SPDX-License-Identifier: Apache-2.0
"""The smooth randomness of the phantoms."""

from __future__ import annotations

import numpy as np

from monai_boundary._typing import FloatArray

__all__ = ["smooth_noise"]


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], scale: tuple[float, ...]) -> FloatArray:
    """Return Gaussian noise of unit variance that varies over ``scale`` voxels: cubic B-splines on a coarse grid."""
    coarse = rng.standard_normal([int(np.ceil(n / s)) + 4 for n, s in zip(shape, scale, strict=True)])
    for axis, (n, s) in enumerate(zip(shape, scale, strict=True)):
        at = np.arange(n)[:, None] / s + 1.5 - np.arange(coarse.shape[axis])[None, :]
        t = np.abs(at)
        basis = np.where(t < 1, 2 / 3 - t**2 + t**3 / 2, np.clip(2 - t, 0, None) ** 3 / 6)
        basis /= np.sqrt((basis**2).sum(axis=1, keepdims=True))
        coarse = np.moveaxis(np.tensordot(basis, coarse, axes=(1, axis)), 0, axis)
    return coarse.astype(np.float32)
