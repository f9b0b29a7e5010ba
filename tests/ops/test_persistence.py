# SPDX-License-Identifier: Apache-2.0
"""Persistence pairs count what SciPy and scikit-image count at every threshold."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import euler_number

from monai_boundary.ops import persistence_pairs

pytest.importorskip("gudhi")


def betti(values: np.ndarray, pairs: np.ndarray, threshold: float) -> int:
    """Features that are there at a threshold."""
    flat = np.append(values.ravel(), -np.inf)
    return int(((flat[pairs[:, 0]] >= threshold) & (flat[pairs[:, 1]] < threshold)).sum())


def test_drawn() -> None:
    row = np.array([[0.9, 0.2, 0.7, 0.1]])
    assert [p.tolist() for p in persistence_pairs(row)] == [[[2, 1], [0, -1]], []]
    ring = np.array([[0.8, 0.8, 0.8], [0.8, 0.3, 0.6], [0.8, 0.8, 0.8]])
    components, holes = persistence_pairs(ring)
    assert len(components) == 1
    assert components[0, 1] == -1
    assert holes.tolist() == [[5, 4]]


def test_counts_in_2d(rng: np.random.Generator) -> None:
    for _ in range(10):
        values = rng.random((7, 9))
        components, holes = persistence_pairs(values)
        for threshold in rng.random(5):
            foreground = values >= threshold
            assert betti(values, components, threshold) == ndimage.label(foreground)[1]
            outside = np.pad(~foreground, 1, constant_values=True)
            assert betti(values, holes, threshold) == ndimage.label(outside, np.ones((3, 3)))[1] - 1


def test_counts_in_3d(rng: np.random.Generator) -> None:
    values = rng.random((4, 5, 6))
    components, tunnels, cavities = persistence_pairs(values)
    for threshold in rng.random(6):
        foreground = values >= threshold
        counts = [betti(values, p, threshold) for p in (components, tunnels, cavities)]
        assert counts[0] == ndimage.label(foreground)[1]
        assert counts[0] - counts[1] + counts[2] == euler_number(foreground, connectivity=1)


def test_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="`probability` needs 2 or 3 spatial dimensions, got 1"):
        persistence_pairs(np.ones(3))
    with pytest.raises(ValueError, match="`probability` needs at least one voxel and no NaN"):
        persistence_pairs(np.full((2, 2), np.nan))
    monkeypatch.setitem(sys.modules, "gudhi", None)
    with pytest.raises(ImportError, match=r"persistent homology needs GUDHI: pip install .monai-boundary\[topology\]"):
        persistence_pairs(np.ones((2, 2)))
