# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import adapted_rand_error

from monai_boundary.metrics import AdaptedRandMetric, compute_adapted_rand
from tests.metrics.segmentations import golden_pairs, pairs, seeded_instances, two_cells
from tests.metrics.surface_cases import each_seed
from tests.oracles.segment_pairs import adapted_rand_by_pairs


def test_equals_the_recorded_values() -> None:
    golden = golden_pairs()
    scores = [compute_adapted_rand(p, t) for p, t in zip(golden["seg"], golden["gt"], strict=True)]
    columns = [(s.arand, s.rand_precision, s.rand_recall) for s in scores]
    np.testing.assert_allclose(columns, golden["arand"], rtol=1e-12, atol=1e-15)


def test_one_merge_by_hand() -> None:
    # 16 scored voxels in one segment, 8 + 8 in truth: 128 of 256 pairs are right, none of the 128 true ones is lost
    score = compute_adapted_rand(np.full((4, 5), 7), two_cells())
    assert score == pytest.approx((1 / 3, 2 / 3, 0.5, 1.0), abs=1e-15)


def test_one_split_by_hand() -> None:
    # cell 1 is cut 2 : 6, so 4 + 36 + 64 = 104 of its 128 pairs stay
    pred = two_cells()
    pred[0, :2] = 9
    recall = 104 / 128
    index = 2 * recall / (1 + recall)
    assert compute_adapted_rand(pred, two_cells()) == pytest.approx((1 - index, index, 1.0, recall), abs=1e-15)


def test_voxels_predicted_zero_cost_recall_and_not_precision() -> None:
    # 2 voxels of cell 1 are predicted membrane, 2 of the 20 voxels of the image
    pred = two_cells()
    pred[0, :2] = 0
    share = 2 / 20
    score = compute_adapted_rand(pred, two_cells())
    assert score.rand_precision == 1.0
    assert score.rand_recall == pytest.approx((36 + 64 + share) / 128, abs=1e-15)


def test_everything_predicted_zero_is_bad_and_defined() -> None:
    score = compute_adapted_rand(np.zeros((4, 5), int), two_cells())
    assert score.arand == pytest.approx(1 - 2 * 0.8 / (0.8 + 128))


def test_undefined_is_nan() -> None:
    assert all(math.isnan(x) for x in compute_adapted_rand(two_cells(), np.zeros((4, 5), int)))


@given(pairs())
def test_equals_pair_counting(pair: tuple[np.ndarray, np.ndarray]) -> None:
    pred, truth = pair
    arand, precision, recall = adapted_rand_by_pairs(pred, truth)
    np.testing.assert_allclose(compute_adapted_rand(pred, truth), (arand, 1 - arand, precision, recall), atol=1e-12)


@each_seed()
def test_equals_pair_counting_for_every_seed(seed: int) -> None:
    pred, truth, _ = seeded_instances(seed)
    expected: tuple[float, ...] = (math.nan,) * 4
    if truth.any():
        arand, precision, recall = adapted_rand_by_pairs(pred, truth)
        expected = (arand, 1 - arand, precision, recall)
    np.testing.assert_allclose(compute_adapted_rand(pred, truth), expected, atol=1e-12)


def test_nears_scikit_image_without_predicted_zeros(rng: np.random.Generator) -> None:
    # scikit-image leaves out the pairs of a voxel with itself: a share that vanishes as the segments grow,
    # and its names of precision and recall are the other way round
    pred, truth = rng.integers(1, 5, (2, 6, 6))
    truth[:2] = 0
    gaps = []
    for size in (10, 40):
        large_pred, large_truth = (np.kron(a, np.ones((size, size), int)) for a in (pred, truth))
        ours = compute_adapted_rand(large_pred, large_truth)
        theirs = adapted_rand_error(large_truth, large_pred)
        gaps.append(np.abs(np.array([ours.arand, ours.rand_recall, ours.rand_precision]) - theirs).max())
    assert gaps[0] < 2e-3
    assert gaps[1] == pytest.approx(gaps[0] / 16, rel=0.02)


@given(pairs(), st.permutations(range(1, 5)))
def test_names_of_the_segments_do_not_matter(pair: tuple, order: list[int]) -> None:
    pred, truth = pair
    renamed = np.array([0, *order])[pred]  # 0 has a meaning and keeps its name
    np.testing.assert_allclose(compute_adapted_rand(renamed, truth), compute_adapted_rand(pred, truth), atol=1e-12)


@given(pairs(zeros=False))
def test_swapping_the_arguments_swaps_precision_and_recall(pair: tuple) -> None:
    pred, truth = pair
    one, other = compute_adapted_rand(pred, truth), compute_adapted_rand(truth, pred)
    expected = (one.arand, one.ari, one.rand_recall, one.rand_precision)
    np.testing.assert_allclose(other, expected, atol=1e-12)


@given(pairs())
def test_transposes_change_nothing_and_perfect_is_exact(pair: tuple) -> None:
    pred, truth = pair
    np.testing.assert_allclose(compute_adapted_rand(pred.T, truth.T), compute_adapted_rand(pred, truth), atol=1e-12)
    assert compute_adapted_rand(truth, truth) == (0.0, 1.0, 1.0, 1.0)
    assert 0.0 <= compute_adapted_rand(pred, truth).arand <= 1.0


def test_batches_equal_singles(rng: np.random.Generator) -> None:
    pred, truth = rng.integers(0, 5, (2, 3, 1, 6, 5))
    metric = AdaptedRandMetric()
    rows = metric(list(torch.from_numpy(pred)), list(torch.from_numpy(truth)))
    expected = [compute_adapted_rand(p[0], t[0]) for p, t in zip(pred, truth, strict=True)]
    np.testing.assert_array_equal(rows.numpy(), expected)
    assert list(metric.aggregate()) == ["arand", "ari", "rand_precision", "rand_recall"]
    assert metric.aggregate()["ari"].item() == pytest.approx(np.mean([s.ari for s in expected]), rel=1e-15)
