# SPDX-License-Identifier: Apache-2.0
"""Scores per component, drawn, against MONAI's per-component Dice and distances by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from monai.metrics import DiceMetric

from monai_boundary.metrics import ComponentScoresMetric, compute_component_scores
from tests.metrics.surface_cases import each_seed, random_masks
from tests.oracles.components import components, distance_to_pieces
from tests.oracles.surfaces import surface_scores


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


def brute_scores(pred: np.ndarray, true: np.ndarray, spacing: tuple[float, ...]) -> list[tuple[float, float, float]]:
    """Dice, HD95 and surface Dice at 0.8 mm of each true component."""
    pieces = components(true)
    owner = distance_to_pieces(pieces, true.shape, spacing).argmin(axis=0)
    rows = []
    for number, piece in enumerate(pieces):
        mine = np.zeros_like(true)
        mine[tuple(np.array(sorted(piece)).T)] = True
        here = pred & (owner == number)
        scores = surface_scores(here, mine, spacing, (0.8,))
        rows.append((2 * (here & mine).sum() / (here.sum() + mine.sum()), scores["hd95_mm"], scores["nsd_0.8mm"]))
    return rows


def without_ties(pred: np.ndarray, true: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """The prediction without what is as far from two components: either may have the voxel."""
    apart = np.sort(distance_to_pieces(components(true), true.shape, spacing), axis=0)
    return pred & ~np.isclose(apart[0], apart[1]) if len(apart) > 1 else pred


@each_seed()
def test_equal_to_brute_force(seed: int) -> None:
    pred, true, _ = random_masks(seed)
    spacing = (1.0, 1.2371, 1.7113)[: true.ndim]
    pred = without_ties(pred, true, spacing)
    found = compute_component_scores(pred, true, spacing, (0.8,))
    expected = brute_scores(pred, true, spacing)
    listed = [(row.dice, row.hd95_mm, row.nsd[0]) for row in found.rows]
    np.testing.assert_allclose(sorted(listed), sorted(expected), atol=1e-9)
    means = (found.component_dice, found.component_hd95_mm, found.component_nsd[0])
    np.testing.assert_allclose(means, np.mean(expected, axis=0), atol=1e-9)
    diagonal = math.hypot(*(s * n for s, n in zip(spacing, true.shape, strict=True)))
    assert found.missed_components == sum(hd95 == diagonal for _, hd95, _ in expected)  # which no distance reaches
    assert found.components == len(expected)


@each_seed()
def test_every_class_is_parted_by_its_own_components(seed: int) -> None:
    """Of a label map: class 2 lies where class 1 does not, and neither sees the components of the other."""
    spacing = (1.0, 1.2371, 1.7113)[: 2 + seed % 2]
    pairs = [random_masks(seed)[:2], random_masks(seed)[1::-1]]
    true = np.where(pairs[0][1], 1, 2 * pairs[1][1])
    pred = np.where(pairs[0][0], 1, 2 * pairs[1][0])
    for value in (1, 2):
        if (true == value).any():
            kept = without_ties(pred == value, true == value, spacing)
            pred = np.where((pred == value) & ~kept, 0, pred)
    metric = ComponentScoresMetric({"one": 1, "two": 2}, spacing=spacing, tolerances_mm=(0.8,))
    metric(*(torch.from_numpy(labels)[None, None] for labels in (pred, true)))
    scores = metric.aggregate()
    for name, value in (("one", 1), ("two", 2)):
        names = (f"{name}_component_dice", f"{name}_component_hd95_mm", f"{name}_component_nsd_0.8mm")
        found = [scores[key].item() for key in names]
        if (true == value).any():
            expected = np.mean(brute_scores(pred == value, true == value, spacing), axis=0).tolist()
        else:
            diagonal = math.hypot(*(s * n for s, n in zip(spacing, true.shape, strict=True)))
            expected = [0, diagonal, 0] if (pred == value).any() else [math.nan] * 3
        np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.filterwarnings("ignore:Voronoi computation is running on CPU")
@each_seed()
def test_dice_is_that_of_monai(seed: int) -> None:
    pred, true, _ = random_masks(seed)
    pred = without_ties(pred, true, (1.0,) * true.ndim)
    two = [torch.from_numpy(np.stack([~mask, mask]))[None].float() for mask in (pred, true)]
    expected = DiceMetric(per_component=True)(*two)
    assert compute_component_scores(pred, true, 1.0).component_dice == pytest.approx(float(expected), rel=1e-5)


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
