# SPDX-License-Identifier: Apache-2.0
"""The grey values of a channel, in the image and in what is labelled."""

from __future__ import annotations

from typing import Any

import numpy as np

from monai_boundary._typing import AnyArray, BoolArray

PERCENTILES = (0.5, 5.0, 50.0, 95.0, 99.5)
SAMPLES = 400  # grey values of a case's foreground that stand for it in the pooled percentiles


def intensity_measures(values: AnyArray, foreground: BoolArray | None) -> dict[str, Any]:
    """Return minimum, percentiles, maximum, mean and standard deviation of the image and of its foreground.

    NaN and infinity are counted and left out.

    Args:
        values: grey values of one channel.
        foreground: of the same shape; None, or without a voxel: the image stands for it.

    Returns:
        ``not_finite`` (voxels), ``zero_share``, ``image`` and ``foreground`` (name -> number), and ``sample``, grey
        values at even places of the sorted foreground.

    Example:
        >>> found = intensity_measures(np.array([[0.0, 2.0, 4.0, np.nan]]), np.array([[False, True, True, True]]))
        >>> found["not_finite"], found["image"]["mean"], found["foreground"]["mean"], found["zero_share"]
        (1, 2.0, 3.0, 0.25)
    """
    finite = np.isfinite(values)
    whole = values if bool(finite.all()) else values[finite]
    inside = None if foreground is None else values[foreground & finite]
    labelled = inside if inside is not None and inside.size else whole.ravel()
    return {
        "not_finite": int(values.size - whole.size),
        "zero_share": float(np.count_nonzero(whole == 0)) / max(values.size, 1),
        "image": _summary(whole),
        "foreground": _summary(labelled),
        "sample": _sample(labelled),
    }


def _summary(values: AnyArray) -> dict[str, float]:
    if not values.size:
        return {}
    points = np.percentile(values, [0, *PERCENTILES, 100])
    names = ["min", *(f"p{p:g}" for p in PERCENTILES), "max"]
    numbers = {name: float(point) for name, point in zip(names, points, strict=True)}
    return {**numbers, "mean": float(values.mean(dtype=np.float64)), "sd": float(values.std(dtype=np.float64))}


def _sample(values: AnyArray) -> list[float]:
    if not values.size:
        return []
    ordered = np.sort(values, axis=None)
    places = np.linspace(0, ordered.size - 1, min(SAMPLES, ordered.size)).round().astype(int)
    return [float(v) for v in ordered[places]]
