# SPDX-License-Identifier: Apache-2.0
"""Topology, drawn, against gudhi's cubical complexes, and against ranks of boundary matrices."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from monai_boundary.metrics import BettiErrorMetric, compute_betti_error
from monai_boundary.metrics.betti_error import betti_numbers
from tests.metrics.surface_cases import ALL, each_seed, random_masks, seeded_masks
from tests.oracles.topology import betti_by_ranks


def torus() -> np.ndarray:
    ring = np.zeros((3, 5, 5), dtype=bool)
    ring[1, 1:4, 1:4] = True
    ring[1, 2, 2] = False
    return ring


def shell() -> np.ndarray:
    hollow = np.ones((3, 3, 3), dtype=bool)
    hollow[1, 1, 1] = False
    return hollow


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (np.array([[1, 1, 1, 0, 1], [1, 0, 1, 0, 1], [1, 1, 1, 0, 0]], dtype=bool), (2, 1)),
        (np.zeros((3, 3), dtype=bool), (0, 0)),
        (np.ones((3, 3), dtype=bool), (1, 0)),
        (torus(), (1, 1, 0)),
        (shell(), (1, 0, 1)),
        (np.zeros((2, 2, 2), dtype=bool), (0, 0, 0)),
    ],
)
@pytest.mark.parametrize("fully_connected", [True, False])
def test_drawn_numbers(mask: np.ndarray, expected: tuple[int, ...], fully_connected: bool) -> None:
    assert betti_numbers(mask, fully_connected) == expected


def test_connectivity_tells_corners() -> None:
    corners = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=bool)
    assert betti_numbers(corners) == (1, 1)
    assert betti_numbers(corners, fully_connected=False) == (4, 0)


@each_seed()
def test_equal_to_gudhi(seed: int) -> None:
    gudhi = pytest.importorskip("gudhi", reason="needs gudhi, the extra `topology`")
    for mask in random_masks(seed)[:2]:
        complex_ = gudhi.CubicalComplex(top_dimensional_cells=np.where(np.pad(mask, 1), 0.0, np.inf))
        complex_.compute_persistence()
        found = complex_.persistent_betti_numbers(0.5, 0.5)
        assert betti_numbers(mask) == tuple(found[: mask.ndim])


@each_seed(ALL)
def test_equal_to_ranks_of_boundary_matrices(seed: int) -> None:
    pred, true = (mask[..., :5] for mask in seeded_masks(seed)[:2])
    for fully_connected in (True, False):
        mine, theirs = (betti_by_ranks(mask, fully_connected) for mask in (pred, true))
        apart = [abs(a - b) for a, b in zip(mine, theirs, strict=True)]
        found = compute_betti_error(pred, true, fully_connected=fully_connected)
        assert list(found[: true.ndim]) == apart
        assert found.betti_error == sum(apart)


def test_errors_and_their_sum() -> None:
    flat = compute_betti_error(np.ones((3, 3)), np.pad(np.zeros((1, 1)), 1, constant_values=1))
    assert flat[:2] == (0, 1)
    assert math.isnan(flat.betti2_error)
    assert flat.betti_error == 1
    solid = compute_betti_error(np.zeros((3, 3, 3)), shell())
    assert solid == (1, 0, 1, 2)  # a missed structure costs what it consists of


def test_metric_needs_no_spacing() -> None:
    metric = BettiErrorMetric({"ring": 1}, fully_connected=False)
    metric(torch.ones(1, 1, 3, 3, 3), torch.from_numpy(shell())[None, None])
    metric(torch.zeros(1, 1, 3, 3, 3), torch.from_numpy(shell())[None, None])
    assert metric.aggregate()["ring_betti2_error"].item() == 1
    assert (metric.aggregate()["ring_missed"].item(), metric.aggregate()["ring_false_alarm"].item()) == (1, 0)
