# SPDX-License-Identifier: Apache-2.0
"""Matching of instances, drawn, and against sets of voxels and all permutations."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from monai_boundary.metrics import InstanceMatchingMetric, InstanceRow, compute_instance_matching
from tests.metrics.surface_cases import each_seed
from tests.oracles import panoptica_values

PANOPTICA = np.load(panoptica_values.RECORDED)["scores"]


def test_drawn() -> None:
    truth = np.array([[1, 1, 1, 1, 0, 2, 2, 0, 3]])
    pred = np.array([[7, 7, 7, 0, 0, 8, 0, 0, 0]])
    found = compute_instance_matching(pred, truth)
    assert found.rows == (
        InstanceRow(1, 7, 0.75, 4, 3),
        InstanceRow(2, 0, 0.5, 2, 0),  # exactly one half is not larger than one half
        InstanceRow(3, 0, 0.0, 1, 0),
        InstanceRow(0, 8, 0.5, 0, 1),
    )
    assert [row.kind for row in found.rows] == ["match", "missed", "missed", "false"]
    assert (found.matched, found.missed_instances, found.false_instances) == (1, 2, 1)
    assert (found.sq, found.rq, found.pq) == pytest.approx((0.75, 1 / 2.5, 0.3))
    low = compute_instance_matching(pred, truth, threshold=0.4)
    assert (low.matched, low.sq) == (2, 0.625)


def brute(pred: np.ndarray, true: np.ndarray, threshold: float) -> tuple[float, int]:
    """Largest sum of IoU of one-to-one pairs above the threshold, over all ways, and how many pairs."""
    sets = [[set(np.flatnonzero(ids.ravel() == k)) for k in np.unique(ids[ids != 0])] for ids in (true, pred)]
    few, many = sorted(sets, key=len)
    best = (0.0, 0)
    for chosen in itertools.permutations(range(len(many)), len(few)):
        values = [len(a & many[k]) / len(a | many[k]) for a, k in zip(few, chosen, strict=True)]
        values = [value for value in values if value > threshold]
        best = max(best, (sum(values), len(values)))
    return best


@each_seed()
def test_equal_to_the_best_of_all_pairings(seed: int) -> None:
    draw = np.random.default_rng(seed)
    shape = (3, 5) if seed % 2 else (2, 3, 4)
    true = draw.integers(0, 5, shape)
    pred = np.where(draw.random(shape) < draw.uniform(0, 1), draw.integers(0, 5, shape), true)
    for threshold in (0.0, 0.2, 0.5, 0.7):
        total, pairs = brute(pred, true, threshold)
        found = compute_instance_matching(pred, true, threshold=threshold)
        matches = [row for row in found.rows if row.kind == "match"]
        assert sum(row.iou for row in matches) == pytest.approx(total)
        count_true, count_pred = (np.unique(ids[ids != 0]).size for ids in (true, pred))
        assert found.missed_instances == count_true - found.matched
        assert found.false_instances == count_pred - found.matched
        if threshold >= 0.5:
            assert found.matched == pairs
        if count_true + count_pred:
            assert found.pq == pytest.approx(2 * total / (count_true + count_pred))


@each_seed()
def test_equal_to_panoptica(seed: int) -> None:
    """Which records, see tests/oracles/panoptica_values.py, are of its matching at an IoU of 0.5."""
    expected = dict(zip(panoptica_values.SCORES, PANOPTICA[seed], strict=True))
    found = compute_instance_matching(*panoptica_values.instances(seed))
    assert [found.matched, found.false_instances, found.missed_instances] == [expected[n] for n in ("tp", "fp", "fn")]
    assert [found.pq, found.rq] == pytest.approx([expected["pq"], expected["rq"]])
    if found.matched:
        dice = [2 * row.iou / (1 + row.iou) for row in found.rows if row.kind == "match"]
        assert [found.sq, np.mean(dice)] == pytest.approx([expected["sq"], expected["sq_dsc"]])


@pytest.mark.parametrize(
    ("pred", "true", "expected"),
    [(0, 0, (math.nan,) * 3), (0, 4, (0, math.nan, 0)), (4, 0, (0, math.nan, 0)), (9, 4, (1, 1, 1))],
)
def test_empty_and_full(pred: int, true: int, expected: tuple[float, ...]) -> None:
    found = compute_instance_matching(np.full((2, 2), pred), np.full((2, 2), true))
    np.testing.assert_equal((found.pq, found.sq, found.rq), expected)


def test_metric_adds_counts_up() -> None:
    truth = torch.tensor([[[[1, 1, 0, 2]]]]).repeat(2, 1, 1, 1)
    metric = InstanceMatchingMetric()
    metric(torch.tensor([[[[1, 1, 0, 0]]], [[[5, 5, 0, 6]]]]), truth)
    scores = metric.aggregate()
    assert (scores["missed_instances"].item(), scores["matched"].item()) == (1, 3)
    assert scores["pq"].item() == pytest.approx((2 / 3 + 1) / 2)


@pytest.mark.parametrize("threshold", [-0.1, 1.0])
def test_bad_threshold(threshold: float) -> None:
    with pytest.raises(ValueError, match="`threshold` needs a number from 0 to below 1"):
        compute_instance_matching(np.eye(2, dtype=int), np.eye(2, dtype=int), threshold=threshold)


def test_a_mask_is_no_instances() -> None:
    with pytest.raises(TypeError, match="`y_pred` needs instance ids, got a bool mask"):
        compute_instance_matching(np.eye(2) > 0, np.eye(2, dtype=int))
