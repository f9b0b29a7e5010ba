# SPDX-License-Identifier: Apache-2.0
"""Near distances to the other side of a mask: by hand, and against brute force, compiled and as plain Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monai_boundary.kernels import near_other_side
from monai_boundary.kernels.near_other_side import WIDTH, lower, near_along, near_first


@pytest.fixture(params=[False, True], ids=["compiled", "python"])
def steps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Callable[..., Any], ...]:
    """The kernels as users run them, and as plain Python, with their callee plain as well."""
    if not request.param:
        return near_first, near_along
    monkeypatch.setattr(near_other_side, "lower", lower.py_func)
    return near_first.py_func, near_along.py_func


def test_a_line_by_hand(steps: tuple[Callable[..., Any], ...]) -> None:
    """Half a voxel of 2 to the nearest face, and no more than 4 away; a line of one side has nothing near."""
    lines = np.array([[0, 0, 0, 1, 1, 0], [1, 1, 1, 1, 1, 1]], dtype=bool)
    found = np.empty((2, 4), np.float32)
    steps[0](lines, 2.0, 4.0, 1, found)
    assert found.tolist() == [[9, 1, -1, -1], [-16, -16, -16, -16]]


def test_a_step_by_hand(steps: tuple[Callable[..., Any], ...]) -> None:
    """The second voxel has the other side above it, the third the first one's height and 1.5 voxels below it."""
    column = np.array([1.0, -1.0, -81.0, -81.0], np.float32).reshape(1, 4, 1)
    found = np.empty((1, 3, 1), np.float32)
    steps[1](column, 2.0, 9.0, 1, found)
    assert found.ravel().tolist() == [-1, -2, -10]  # a half to the face; that of its neighbour, 1 + 1; 1 + 9


@pytest.mark.parametrize("shape", [(3, 7, WIDTH + 3), (5, 1, 4), (1, 9, 2)], ids=str)
def test_against_brute_force(steps: tuple[Callable[..., Any], ...], shape: tuple[int, ...]) -> None:
    """The same for the whole and for a part, from thin to thick voxels, with limits within and beyond the volume."""
    rng = np.random.default_rng(0)
    for density, spacing, limit in (
        (0.05, (1.0, 1.0, 1.0), 3.3),
        (0.5, (0.3, 20.0, 3.0), 2.0),
        (0.9, (7.0, 0.3, 1.0), 99.0),
        (0.0, (1.0, 1.0, 1.0), 2.0),
    ):
        mask = rng.random(shape) < density
        places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, 3)
        way = np.maximum(np.abs(places[:, None] - places) - 0.5, 0) * spacing
        far = np.where(mask.reshape(-1)[:, None] != mask.reshape(-1), np.sqrt((way**2).sum(-1)), np.inf)
        wanted = np.where(mask, -1, 1) * far.min(axis=1).clip(max=limit).reshape(shape)
        for core in (tuple(slice(0, n) for n in shape), tuple(slice(n // 3, n - n // 4) for n in shape)):
            z, y, x = core
            first = np.empty((*shape[:2], x.stop - x.start), np.float32)
            steps[0](mask.reshape(-1, shape[2]), spacing[2], limit, x.start, first.reshape(shape[0] * shape[1], -1))
            second = np.empty((shape[0], y.stop - y.start, first.shape[2]), np.float32)
            steps[1](first, spacing[1], limit, y.start, second)
            third = np.empty((1, z.stop - z.start, second[0].size), np.float32)
            steps[1](second.reshape(1, shape[0], -1), spacing[0], limit, z.start, third)
            found = np.copysign(np.sqrt(np.abs(third)), third).reshape([part.stop - part.start for part in core])
            np.testing.assert_allclose(found, wanted[core], rtol=1e-6)
