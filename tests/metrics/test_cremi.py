# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
import time

import numpy as np
import pytest
import torch
from hypothesis import given

from monai_boundary.metrics import CREMIScoreMetric, compute_adapted_rand, compute_cremi_score, compute_voi
from tests.metrics.segmentations import golden_pairs, pairs, seeded_instances, two_cells
from tests.metrics.surface_cases import each_seed
from tests.oracles.segment_pairs import adapted_rand_by_pairs, border_by_distances, voi_by_entropies


def test_equals_the_recorded_values() -> None:
    golden = golden_pairs()
    scores = [compute_cremi_score(p, t).cremi_score for p, t in zip(golden["seg"], golden["gt"], strict=True)]
    np.testing.assert_allclose(scores, golden["cremi_score"], rtol=1e-12, atol=1e-15)


def test_one_merge_by_hand() -> None:
    # one bit of VOI and an adapted Rand error of 1/3
    score = compute_cremi_score(np.ones((4, 5), int), two_cells())
    assert score == pytest.approx((math.sqrt(1 / 3), 0.0, 1.0, 1 / 3, 2 / 3), abs=1e-15)


@given(pairs())
def test_is_made_of_its_parts(pair: tuple) -> None:
    pred, truth = pair
    score = compute_cremi_score(pred, truth)
    voi, rand = compute_voi(pred, truth), compute_adapted_rand(pred, truth)
    assert (score.voi_split, score.voi_merge, score.arand, score.ari) == (*voi, rand.arand, rand.ari)
    assert score.cremi_score == pytest.approx(math.sqrt((voi.voi_split + voi.voi_merge) * rand.arand), abs=1e-15)
    assert compute_cremi_score(truth, truth) == (0.0, 0.0, 0.0, 0.0, 1.0)


@each_seed()
def test_with_a_tolerance_equals_counting_without_the_border(seed: int) -> None:
    pred, truth, spacing = seeded_instances(seed)
    tolerance = (0.0, 4.0, 10.0, 31.0)[seed // 2 % 4]
    for per_section in (True, False) if truth.ndim == 3 else (True,):
        options = {"border_tolerance_nm": tolerance, "spacing": spacing, "border_per_section": per_section}
        kept = truth.copy()
        if tolerance and truth.ndim == 3 and per_section:
            kept[np.stack([border_by_distances(section, tolerance, spacing[1:]) for section in truth])] = 0
        elif tolerance:
            kept[border_by_distances(truth, tolerance, spacing)] = 0
        expected: tuple[float, ...] = (math.nan,) * 5
        if kept.any():
            voi, arand = voi_by_entropies(pred, kept), adapted_rand_by_pairs(pred, kept)[0]
            expected = (math.sqrt(max(sum(voi), 0) * max(arand, 0)), *voi, arand, 1 - arand)
        np.testing.assert_allclose(compute_cremi_score(pred, truth, **options), expected, atol=1e-7)


def test_undefined_is_nan() -> None:
    assert all(math.isnan(x) for x in compute_cremi_score(two_cells(), np.zeros((4, 5), int)))


def test_per_section_averages_the_scores_of_the_sections() -> None:
    truth = np.stack([two_cells(), two_cells()])
    pred = np.stack([np.ones((4, 5), int), two_cells()])
    assert compute_cremi_score(pred, truth, per_section=True).cremi_score == pytest.approx(math.sqrt(1 / 3) / 2)


def test_border_tolerance_per_section_and_in_3d() -> None:
    # the truth changes between the sections, not in them: only a border found in 3-D swallows the wrong voxels
    truth = np.stack([np.full((2, 6), 1), np.full((2, 6), 1), np.full((2, 6), 2), np.full((2, 6), 2)])
    pred = truth.copy()
    pred[1, :, :3] = 2
    options = {"border_tolerance_nm": 10.0, "spacing": (40.0, 4.0, 4.0)}
    assert compute_cremi_score(pred, truth, **options).cremi_score > 0.1
    assert compute_cremi_score(pred, truth, **options, border_per_section=False).cremi_score == 0.0


def test_border_tolerance_is_in_nanometres_of_each_axis() -> None:
    # the wrong voxels lie two columns (or two rows) from the boundary
    truth = np.repeat([[1, 1, 1, 1, 2, 2, 2, 2]], 8, axis=0)
    pred = truth.copy()
    pred[:, 2] = 2
    for image, other, spacing in ((pred, truth, (30.0, 5.0)), (pred.T, truth.T, (5.0, 30.0))):
        within = compute_cremi_score(image, other, border_tolerance_nm=5.0, spacing=spacing)
        swapped = compute_cremi_score(image, other, border_tolerance_nm=5.0, spacing=spacing[::-1])
        assert within.cremi_score == 0.0
        assert swapped.cremi_score > 0.1


def test_a_volume_takes_no_time() -> None:
    # 7 million voxels of unsigned 64-bit ids; the limit is generous, machines are shared
    blocks = np.arange(1, 1 + 5 * 10 * 10, dtype=np.uint64).reshape(5, 10, 10) * np.uint64(2**54)
    truth = np.repeat(np.repeat(np.repeat(blocks, 22, 0), 25, 1), 25, 2)
    pred = np.roll(truth, 3, axis=2)
    start = time.process_time()
    score = compute_cremi_score(pred, truth)
    assert time.process_time() - start < 4
    # in every row 22 of 25 voxels of a segment agree and 3 lie in its neighbour's
    share = 3 / 25
    entropy = -(share * math.log2(share) + (1 - share) * math.log2(1 - share))
    assert score.voi_split == pytest.approx(entropy, rel=1e-9)
    assert score.voi_merge == pytest.approx(entropy, rel=1e-9)
    assert score.ari == pytest.approx(share**2 + (1 - share) ** 2, rel=1e-9)


def test_unsigned_tensors_in_a_batch() -> None:
    truth = torch.from_numpy(two_cells().astype(np.uint64) * np.uint64(2**62))[None, None]
    metric = CREMIScoreMetric()
    assert metric(torch.ones_like(truth), truth)[0, 0].item() == pytest.approx(math.sqrt(1 / 3))
    assert list(metric.aggregate()) == ["cremi_score", "voi_split", "voi_merge", "arand", "ari"]
