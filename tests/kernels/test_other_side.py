# SPDX-License-Identifier: Apache-2.0
"""Distances to the other side of a mask: lines by hand, and against brute force, compiled and as plain Python."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from monai_boundary.kernels import other_side
from monai_boundary.kernels.other_side import envelope, lower_along, lower_run


@pytest.fixture(params=[False, True], ids=["compiled", "python"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The kernel as users run it, and as plain Python, with its callees plain as well."""
    if not request.param:
        return lower_along
    for name, function in (("envelope", envelope), ("lower_run", lower_run)):
        monkeypatch.setattr(other_side, name, function.py_func)
    return lower_along.py_func


def distances(kernel: Any, mask: np.ndarray, spacing: tuple[float, ...], boxes: bool, pieces: int = 1) -> np.ndarray:
    squared = np.full(mask.shape, np.inf, dtype=np.float32)
    for axis in reversed(range(mask.ndim)):
        lines = (math.prod(mask.shape[:axis]), mask.shape[axis], math.prod(mask.shape[axis + 1 :]))
        bounds = np.linspace(0, mask.size // mask.shape[axis], pieces + 1).astype(int)
        for begin, end in itertools.pairwise(bounds):
            kernel(mask.reshape(lines), squared.reshape(lines), spacing[axis], boxes, int(begin), int(end))
    return np.sqrt(squared)


def test_one_line_by_hand(kernel: Any) -> None:
    line = np.array([[0, 0, 0, 1, 1, 0]], dtype=bool)
    assert distances(kernel, line, (1.0, 2.0), boxes=True)[0].tolist() == [5, 3, 1, 1, 1, 1]
    assert distances(kernel, line, (1.0, 2.0), boxes=False)[0].tolist() == [6, 4, 2, 2, 2, 2]


def test_one_side_only_is_infinite(kernel: Any) -> None:
    for value in (False, True):
        assert np.isinf(distances(kernel, np.full((2, 3), value), (1.0, 1.0), boxes=True)).all()


def test_the_envelope_by_hand() -> None:
    """Two parabolas meet halfway; one that is too high is the lowest nowhere."""
    heights = np.array([0.0, 9.0, 0.0, np.inf, 4.0])
    sites, starts = np.zeros(5, np.int64), np.zeros(5)
    for function in (envelope, envelope.py_func):
        assert function(heights, 0, 4, sites, starts) == 3
        assert sites[:3].tolist() == [0, 2, 4]
        assert starts[:3].tolist() == [-np.inf, 1.0, 4.0]
        assert function(heights, 3, 3, sites, starts) == 0


@pytest.mark.parametrize("boxes", [False, True])
@pytest.mark.parametrize("shape", [(9, 40), (3, 7, 20), (5, 1, 4)], ids=str)
def test_against_brute_force(kernel: Any, shape: tuple[int, ...], boxes: bool, rng: np.random.Generator) -> None:
    """More lines than a block holds, in pieces that do not fit it, from thin to thick voxels."""
    for density, spacing in ((0.05, (1.0, 1.0, 1.0)), (0.5, (0.1, 20.0, 3.0)), (0.9, (7.0, 0.3, 1.0))):
        mask = rng.random(shape) < density
        mask.flat[0], mask.flat[-1] = True, False
        wanted = np.zeros(shape)
        for voxel in np.ndindex(shape):
            away = np.abs(np.argwhere(mask != mask[voxel]) - np.array(voxel)).astype(float)
            away = np.maximum(away - 0.5, 0) if boxes else away
            wanted[voxel] = np.sqrt(((away * spacing[: len(shape)]) ** 2).sum(1)).min()
        for pieces in (1, 3):
            np.testing.assert_allclose(distances(kernel, mask, spacing, boxes, pieces), wanted, rtol=1e-6)
