# SPDX-License-Identifier: Apache-2.0
"""Scores per component, drawn, against MONAI's per-component Dice and distances by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from monai_boundary.metrics import ComponentScoresMetric, compute_component_scores, compute_surface_scores
from tests.metrics.surface_cases import CASES, random_masks
from tests.metrics.test_lesion_detection import components


def test_drawn() -> None:
    """A large component found, a small one missed: Dice of the whole is 96 / 100, per component one half."""
    truth = np.zeros((8, 20))
    truth[1:7, 1:9] = 1
    truth[3:5, 15:17] = 1
    pred = truth.copy()
    pred[3:5, 15:17] = 0
    found = compute_component_scores(pred, truth, spacing=(1.0, 2.0))
    assert [row.dice for row in found.rows] == [1.0, 0.0]
    assert [row.volume_mm3 for row in found.rows] == [96.0, 8.0]
    diagonal = math.hypot(8, 40)
    assert [row.hd95_mm for row in found.rows] == pytest.approx([0.0, diagonal])
    assert (found.component_dice, found.missed_components, found.components) == (0.5, 1, 2)
    assert found.component_nsd == (0.5, 0.5)
    assert found.component_hd95_mm == pytest.approx(diagonal / 2)


@pytest.mark.parametrize(
    ("policy", "mean"), [("diagonal", math.hypot(8, 20) / 2), ("worst", math.inf), ("nan", math.nan), ("ignore", 0.0)]
)
def test_policies(policy: str, mean: float) -> None:
    truth = np.zeros((8, 20))
    truth[1:3, 1:3] = truth[5:7, 15:17] = 1
    pred = np.zeros((8, 20))
    pred[1:3, 1:3] = 1
    found = compute_component_scores(pred, truth, spacing=1.0, empty_policy=policy)
    assert found.component_hd95_mm == pytest.approx(mean, nan_ok=True)
    assert (found.component_dice, found.missed_components) == (0.5, 1)


def brute_cells(pieces: list[set[tuple[int, ...]]], shape: tuple[int, ...], spacing: tuple[float, ...]) -> np.ndarray:
    """Distance of every voxel to every piece, (pieces, *shape)."""
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1) * np.array(spacing)
    return np.stack(
        [
            np.min([np.linalg.norm(places - np.array(v) * np.array(spacing), axis=-1) for v in piece], axis=0)
            for piece in pieces
        ]
    )


@pytest.mark.parametrize("seed", range(CASES))
def test_equal_to_brute_force(seed: int) -> None:
    pred, true, _ = random_masks(seed)
    spacing = (1.0, 1.2371, 1.7113)[: true.ndim]
    pieces = components(true)
    apart = np.sort(brute_cells(pieces, true.shape, spacing), axis=0)
    if len(pieces) > 1:
        pred &= ~np.isclose(apart[0], apart[1])  # as far from two components: either may have the voxel
    found = compute_component_scores(pred, true, spacing, (0.8,))
    owner = brute_cells(pieces, true.shape, spacing).argmin(axis=0)
    expected = []
    for number, piece in enumerate(pieces):
        mine = np.zeros_like(true)
        mine[tuple(np.array(sorted(piece)).T)] = True
        here = pred & (owner == number)
        scores = compute_surface_scores(here, mine, spacing, (0.8,))
        expected.append((2 * (here & mine).sum() / (here.sum() + mine.sum()), scores.hd95_mm, scores.nsd[0]))
    listed = [(row.dice, row.hd95_mm, row.nsd[0]) for row in found.rows]
    np.testing.assert_allclose(sorted(listed), sorted(expected))
    np.testing.assert_allclose(
        (found.component_dice, found.component_hd95_mm, found.component_nsd[0]), np.mean(expected, axis=0)
    )


@pytest.mark.parametrize(
    ("pred", "true", "overlap", "missed", "alarm"),
    [(0, 0, math.nan, 0, 0), (0, 1, 0.0, 1, 0), (1, 0, 0.0, 0, 1), (1, 1, 1.0, 0, 0)],
)
def test_empty_and_full(pred: int, true: int, overlap: float, missed: int, alarm: int) -> None:
    found = compute_component_scores(np.full((3, 4), pred), np.full((3, 4), true), spacing=1.0)
    np.testing.assert_equal((found.component_dice, found.component_nsd[0]), (overlap, overlap))
    assert (found.missed, found.false_alarm) == (missed, alarm)
    if missed or alarm:
        assert found.component_hd95_mm == pytest.approx(5.0)
    assert found.missed_components == missed


def test_metric_by_class() -> None:
    labels = torch.zeros(1, 1, 6, 12)
    labels[..., 1:3, 1:3] = 1
    labels[..., 1:3, 8:10] = 1
    labels[..., 4, 4] = 2
    guess = torch.where(labels == 2, 0, labels)
    guess[..., 1:3, 8:10] = 0
    metric = ComponentScoresMetric({"one": 1, "two": 2}, spacing=1.0, tolerances_mm=(1.0,))
    metric(guess, labels)
    scores = metric.aggregate()
    assert (scores["one_component_dice"].item(), scores["one_missed_components"].item()) == (0.5, 1)
    assert (scores["two_component_nsd_1mm"].item(), scores["two_missed"].item()) == (0, 1)


def test_corners_join_or_part() -> None:
    truth = np.eye(3)
    assert compute_component_scores(truth, truth, 1.0).components == 1
    assert compute_component_scores(truth, truth, 1.0, fully_connected=False).components == 3
