# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from monai_boundary.metrics import compute_lesion_detection
from tests.metrics.surface_cases import ALL, each_seed, seeded_masks
from tests.oracles.components import components, detection


def test_drawn() -> None:
    truth = np.array([[1, 1, 0, 0, 1, 0, 1], [0, 0, 0, 0, 0, 0, 1]])
    pred = np.array([[0, 1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0, 0]])  # the voxel below joins by its corner
    found = compute_lesion_detection(pred, truth)
    assert found._asdict() == {
        "recall": 2 / 3,
        "precision": 1.0,
        "f1": pytest.approx(0.8),
        "true_lesions": 3,
        "predicted_lesions": 1,
        "found_lesions": 2,
        "right_lesions": 1,
    }
    apart = compute_lesion_detection(pred, truth, fully_connected=False)
    assert (apart.predicted_lesions, apart.right_lesions, apart.precision) == (2, 1, 0.5)


def test_corners_connect_in_3d() -> None:
    truth = np.zeros((3, 3, 3))
    truth[0, 0, 0] = truth[1, 1, 1] = 1
    assert compute_lesion_detection(truth, truth).true_lesions == 1
    assert compute_lesion_detection(truth, truth, fully_connected=False).true_lesions == 2


def test_ignored_voxels_are_taken_away_first() -> None:
    truth = np.array([[1, 2, 2, 0, 0]])
    pred = np.array([[1, 1, 1, 1, 0]])
    found = compute_lesion_detection(pred, truth, ignore_labels=(2,))
    assert (found.predicted_lesions, found.right_lesions) == (2, 1)


@pytest.mark.parametrize(
    ("pred", "truth", "recall", "precision", "f1"),
    [
        (0, 1, 0.0, math.nan, 0.0),
        (1, 0, math.nan, 0.0, 0.0),
        (0, 0, math.nan, math.nan, math.nan),
        (1, 1, 1.0, 1.0, 1.0),
    ],
)
def test_empty(pred: int, truth: int, recall: float, precision: float, f1: float) -> None:
    found = compute_lesion_detection(np.full((2, 3), pred), np.full((2, 3), truth))
    np.testing.assert_array_equal(found[:3], (recall, precision, f1))


def test_nothing_overlaps() -> None:
    found = compute_lesion_detection(np.array([[1, 0, 0]]), np.array([[0, 0, 1]]))
    assert found[:3] == (0.0, 0.0, 0.0)


def test_drawn_f1_of_both_challenges() -> None:
    """One blob over three lesions, and a false one: 3 found of 3, 1 right of 2."""
    truth = np.array([[1, 0, 1, 0, 1, 0, 0, 0, 0]])
    pred = np.array([[1, 1, 1, 1, 1, 0, 0, 1, 0]])
    assert compute_lesion_detection(pred, truth).f1 == pytest.approx(2 * 0.5 / 1.5)  # 0.667
    assert compute_lesion_detection(pred, truth, f1_rule="isles2022").f1 == pytest.approx(3 / 3.5)  # 0.857
    one_to_one = compute_lesion_detection(truth, truth, f1_rule="isles2022")
    assert one_to_one.f1 == compute_lesion_detection(truth, truth).f1 == 1


def test_figures_of_a_scattered_prediction() -> None:
    """18 lesions all found, one of them by two predicted lesions, among 185: the challenges' scripts say so."""
    truth, pred = np.zeros((40, 60), dtype=int), np.zeros((40, 60), dtype=int)
    truth[0:2, 0:54:3] = 1  # 18 lesions of 2 x 1
    pred[0, 0:54:3] = 1
    truth[3, 0:3] = 1  # joined to the first lesion by row 2
    truth[2, 0] = 1
    pred[3, 2] = 1
    pred.reshape(-1)[(np.arange(166) // 20 * 2 + 10) * 60 + np.arange(166) % 20 * 3] = 1  # 166 false ones
    wmh, isles = (compute_lesion_detection(pred, truth, f1_rule=rule) for rule in ("wmh2017", "isles2022"))
    assert wmh[3:] == isles[3:] == (18, 185, 18, 19)
    assert isles.f1 == pytest.approx(18 / (18 + 166 / 2))  # 0.178
    assert wmh.f1 == pytest.approx(2 * (19 / 185) / (19 / 185 + 1))  # 0.186


def isles_f1(pred: np.ndarray, truth: np.ndarray) -> float:
    """The rule of ISLES 2022 as its paper and script state it, one component after the other, grown voxel by voxel."""

    def grown(mask: np.ndarray) -> list[set[tuple[int, ...]]]:
        left, parts = set(map(tuple, np.argwhere(mask).tolist())), []
        while left:
            part, edge = set(), [left.pop()]
            while edge:
                voxel = edge.pop()
                part.add(voxel)
                near = {tuple(np.add(voxel, step).tolist()) for step in np.ndindex((3,) * mask.ndim)}
                new = {tuple(x - 1 for x in other) for other in near} & left
                left -= new
                edge.extend(new)
            parts.append(part)
        return parts

    hit = sum(any(pred[voxel] for voxel in part) for part in grown(truth))
    missed = sum(not any(pred[voxel] for voxel in part) for part in grown(truth))
    false = sum(not any(truth[voxel] for voxel in part) for part in grown(pred))
    return hit / (hit + (false + missed) / 2)


@pytest.mark.parametrize("seed", range(6))
def test_the_rule_of_isles_on_seeded_lesions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = [ndimage.gaussian_filter(rng.normal(size=(22, 20, 12)), 1.2) for _ in range(2)]
    truth = noise[0] > np.quantile(noise[0], 0.95)
    blurred = noise[0] + (0.2 + 0.2 * seed) * noise[1]
    pred = blurred > np.quantile(blurred, 0.9)
    found = compute_lesion_detection(pred, truth, f1_rule="isles2022")
    assert found.true_lesions > 5
    assert found.f1 == pytest.approx(isles_f1(pred, truth))


@pytest.mark.parametrize(("pred", "truth", "f1"), [(0, 1, 0.0), (1, 0, 0.0), (0, 0, math.nan), (1, 1, 1.0)])
def test_empty_by_the_rule_of_isles(pred: int, truth: int, f1: float) -> None:
    found = compute_lesion_detection(np.full((2, 3), pred), np.full((2, 3), truth), f1_rule="isles2022")
    np.testing.assert_equal(found.f1, f1)


def test_unknown_rule() -> None:
    with pytest.raises(ValueError, match="`f1_rule` needs one of 'wmh2017', 'isles2022', got 'isles'"):
        compute_lesion_detection(np.ones((2, 2)), np.ones((2, 2)), f1_rule="isles")


@each_seed(ALL)
def test_equal_to_sets_of_voxels(seed: int) -> None:
    pred, true, _ = seeded_masks(seed)
    for rule in ("wmh2017", "isles2022"):
        for full in (True, False):
            found = compute_lesion_detection(pred, true, f1_rule=rule, fully_connected=full)
            np.testing.assert_allclose(found, detection(pred, true, rule, full))


MASKS = hnp.arrays(np.bool_, (4, 5, 3), elements=st.integers(0, 4).map(lambda k: k == 0))


@settings(max_examples=40)
@given(MASKS, MASKS)
def test_counts_equal_sets_of_voxels(pred: np.ndarray, truth: np.ndarray) -> None:
    found = compute_lesion_detection(pred, truth)
    predicted, true = components(pred), components(truth)
    all_predicted, all_true = (set(map(tuple, np.argwhere(mask))) for mask in (pred, truth))
    assert found[3:] == (
        len(true),
        len(predicted),
        sum(bool(lesion & all_predicted) for lesion in true),
        sum(bool(lesion & all_true) for lesion in predicted),
    )
    hits = sum(bool(lesion & all_predicted) for lesion in true)
    missed, false = len(true) - hits, sum(not lesion & all_true for lesion in predicted)
    by_isles = compute_lesion_detection(pred, truth, f1_rule="isles2022").f1
    np.testing.assert_equal(by_isles, 2 * hits / (2 * hits + missed + false) if true or predicted else math.nan)
    swapped = compute_lesion_detection(truth, pred)
    np.testing.assert_array_equal((swapped.recall, swapped.precision), (found.precision, found.recall))
    np.testing.assert_allclose(swapped.f1, found.f1)
