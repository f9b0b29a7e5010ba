# SPDX-License-Identifier: Apache-2.0
"""Lesions in rows and by size, drawn, and against sets of voxels."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

from monai_boundary.metrics import LesionTableMetric, compute_lesion_detection, compute_lesion_table
from tests.metrics.surface_cases import ALL, each_seed, seeded_masks
from tests.oracles.components import components


def test_drawn() -> None:
    truth = np.array([[1, 1, 1, 1, 0, 1, 0, 0, 0]])
    pred = np.array([[0, 0, 0, 1, 1, 1, 0, 1, 0]])  # one blob over both, touching one voxel of each, and a false one
    table = compute_lesion_table(pred, truth, spacing=(2.0, 1.0), size_edges_mm=(3.0, 8.0))
    assert [tuple(row) for row in table.rows] == [
        ("true", 1, 8.0, 0.25, 1 / 6, True, ">= 8"),
        ("true", 2, 2.0, 1.0, 1 / 3, True, "< 3"),
        ("predicted", 1, 6.0, 2 / 3, 1 / 3, True, "3 to 8"),
        ("predicted", 2, 2.0, 0.0, 0.0, False, "< 3"),
    ]
    assert [(s.name, s.recall, s.precision) for s in table.strata] == [
        ("all", 1.0, 0.5),
        ("< 3", 1.0, 0.0),
        ("3 to 8", pytest.approx(math.nan, nan_ok=True), 1.0),
        (">= 8", 1.0, pytest.approx(math.nan, nan_ok=True)),
    ]
    by_share = compute_lesion_table(pred, truth, spacing=1.0, overlap="share", threshold=0.5).strata[0]
    assert (by_share.found_lesions, by_share.right_lesions) == (1, 1)
    by_iou = compute_lesion_table(pred, truth, spacing=1.0, overlap="iou", threshold=0.3).strata[0]
    assert (by_iou.found_lesions, by_iou.right_lesions) == (1, 1)


@each_seed(ALL)
def test_equal_to_sets_of_voxels(seed: int) -> None:
    pred, true, spacing = seeded_masks(seed)
    predicted, actual = components(pred), components(true)
    both = [set().union(*found) for found in (actual, predicted)]
    edges = (2.05, 7.05)
    limits = (0.0, *edges, math.inf)
    for overlap, threshold in (("any", 0.0), ("share", 0.6), ("iou", 0.25)):
        table = compute_lesion_table(pred, true, spacing, overlap=overlap, threshold=threshold, size_edges_mm=edges)
        rows = iter(table.rows)
        hits, by_size = [], []
        for mine, others, everything in ((actual, predicted, both[1]), (predicted, actual, both[0])):
            found = []
            for lesion in mine:
                share = len(lesion & everything) / len(lesion)
                iou = max((len(lesion & other) / len(lesion | other) for other in others), default=0.0)
                hit = {"any": share > 0, "share": share >= threshold, "iou": iou > threshold}[overlap]
                found.append((len(lesion) * math.prod(spacing), share, iou, hit))
            listed = [next(rows) for _ in mine]
            np.testing.assert_allclose(
                sorted((row.size_mm, row.share, row.iou, row.hit) for row in listed), sorted(found)
            )
            hits.append(sum(row[3] for row in found))
            within = [[row[3] for row in found if low <= row[0] < high] for low, high in itertools.pairwise(limits)]
            by_size.append([(len(part), sum(part)) for part in within])
        assert table.strata[0][1:] == (len(actual), hits[0], len(predicted), hits[1])
        assert [s[1:] for s in table.strata[1:]] == [(*a, *b) for a, b in zip(*by_size, strict=True)]
    counted = compute_lesion_detection(pred, true)
    any_rule = compute_lesion_table(pred, true, spacing).strata[0]
    np.testing.assert_equal((any_rule.recall, any_rule.precision, any_rule.f1), counted[:3])


@pytest.mark.parametrize(
    ("pred", "true", "expected"),
    [
        (0, 0, (math.nan, math.nan, math.nan)),
        (0, 1, (0.0, math.nan, 0.0)),
        (1, 0, (math.nan, 0.0, 0.0)),
        (1, 1, (1.0, 1.0, 1.0)),
    ],
)
def test_empty_and_full(pred: int, true: int, expected: tuple[float, ...]) -> None:
    found = compute_lesion_table(np.full((2, 3), pred), np.full((2, 3), true), 1.0).strata[0]
    np.testing.assert_equal((found.recall, found.precision, found.f1), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overlap": "half"}, "`overlap` needs one of 'any', 'share', 'iou', got 'half'"),
        ({"overlap": "share", "threshold": 0.0}, "`threshold` needs a share between 0 and 1 for overlap='share'"),
        ({"overlap": "iou", "threshold": 1.0}, "`threshold` needs a share between 0 and 1 for overlap='iou'"),
        ({"size_edges_mm": (5.0, 2.0)}, r"`size_edges_mm` needs ascending sizes > 0, got \(5.0, 2.0\)"),
        ({"spacing": None}, "`spacing` needs 2 entries"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute_lesion_table(np.eye(2), np.eye(2), **{"spacing": 1.0, **options})


def test_metric_adds_counts_and_averages_ratios() -> None:
    """Two items: one of two lesions found, and the other empty in both, which has no ratio."""
    truth = torch.zeros(2, 1, 1, 8)
    truth[0, 0, 0, [0, 1, 2, 5]] = 1
    pred = torch.zeros(2, 1, 1, 8)
    pred[0, 0, 0, [1, 7]] = 1
    metric = LesionTableMetric(("a",), spacing=(1.0, 2.0), size_edges_mm=(3.0, 5.0))
    metric(pred, truth)
    scores = {name: value.item() for name, value in metric.aggregate().items()}
    assert (scores["a_lesion_recall"], scores["a_lesion_precision"], scores["a_lesion_f1"]) == (0.5, 0.5, 0.5)
    assert (scores["a_true_lesions"], scores["a_found_lesions"], scores["a_predicted_lesions"]) == (2, 1, 2)
    assert (scores["a_lesion_recall_under_3"], scores["a_lesion_recall_from_5"]) == (0, 1)
    assert math.isnan(scores["a_lesion_recall_3_to_5"])
    assert scores["a_predicted_lesions_under_3"] == 2
    with pytest.raises(ValueError, match="`size_edges_mm` needs ascending sizes"):
        LesionTableMetric(size_edges_mm=(5.0, 2.0))
