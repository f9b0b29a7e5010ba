# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import variation_of_information

from monai_boundary.metrics import VariationOfInformationMetric, compute_voi
from tests.metrics.segmentations import golden_pairs, pairs, seeded_instances, two_cells
from tests.metrics.surface_cases import each_seed
from tests.oracles.segment_pairs import voi_by_entropies


def test_equals_the_recorded_values() -> None:
    golden = golden_pairs()
    scores = [compute_voi(p, t) for p, t in zip(golden["seg"], golden["gt"], strict=True)]
    np.testing.assert_allclose(scores, golden["voi_split_merge"], rtol=1e-12, atol=1e-15)


def test_one_merge_by_hand() -> None:
    # two cells of equal size become one: which of them a voxel is in is one bit
    assert compute_voi(np.full((4, 5), 7), two_cells()) == (0.0, 1.0)


def test_one_split_by_hand() -> None:
    # cell 1 (half of the scored voxels) is cut 1 : 3, entropy H(1/4) = 2 - 3/4 log2(3)
    pred = two_cells()
    pred[0, :2] = 9
    split, merge = compute_voi(pred, two_cells())
    assert split == pytest.approx(0.5 * (2 - 0.75 * math.log2(3)), abs=1e-15)
    assert merge == 0.0


def test_predicted_zero_is_a_segment_and_true_zero_is_none() -> None:
    truth = two_cells()
    assert compute_voi(np.where(truth == 1, 0, 5), truth) == (0.0, 0.0)
    assert compute_voi(np.zeros_like(truth), truth) == (0.0, 1.0)
    assert compute_voi(truth + 1, truth) == compute_voi(truth, truth) == (0.0, 0.0)
    assert compute_voi(truth, truth, ignore_labels=()) == (0.0, 0.0)
    assert compute_voi(np.ones_like(truth), truth, ignore_labels=()).voi_merge == pytest.approx(
        -(0.8 * math.log2(0.4) + 0.2 * math.log2(0.2))
    )


def test_undefined_is_nan() -> None:
    truth = np.zeros((3, 3), int)
    assert all(math.isnan(x) for x in compute_voi(np.ones((3, 3), int), truth))
    assert all(math.isnan(x) for x in compute_voi(truth, two_cells()[:3, :3] * 0, per_section=True))


@given(pairs())
def test_equals_scikit_image_and_the_oracle(pair: tuple[np.ndarray, np.ndarray]) -> None:
    pred, truth = pair
    score = compute_voi(pred, truth)
    np.testing.assert_allclose(score, variation_of_information(truth, pred, ignore_labels=(0,)), atol=1e-12)
    np.testing.assert_allclose(score, voi_by_entropies(pred, truth), atol=1e-12)


@each_seed()
def test_equals_scikit_image_and_the_oracle_for_every_seed(seed: int) -> None:
    pred, truth, _ = seeded_instances(seed)
    score = compute_voi(pred, truth)
    if not truth.any():
        assert all(math.isnan(value) for value in score)
        return
    np.testing.assert_allclose(score, variation_of_information(truth, pred, ignore_labels=(0,)), atol=1e-12)
    np.testing.assert_allclose(score, voi_by_entropies(pred, truth), atol=1e-12)


@given(pairs(), st.permutations(range(5)), st.sampled_from([1, 10**9, 2**60]))
def test_names_of_the_segments_do_not_matter(pair: tuple, order: list[int], step: int) -> None:
    pred, truth = pair
    renamed = np.array(order, dtype=np.uint64)[pred] * np.uint64(step)
    np.testing.assert_allclose(compute_voi(renamed, truth), compute_voi(pred, truth), atol=1e-12)


@given(pairs(zeros=False))
def test_swapping_the_arguments_swaps_split_and_merge(pair: tuple) -> None:
    pred, truth = pair
    split, merge = compute_voi(pred, truth)
    np.testing.assert_allclose(compute_voi(truth, pred), (merge, split), atol=1e-12)


@given(pairs(), st.integers(0, 2))
def test_transposes_and_flips_change_nothing(pair: tuple, axis: int) -> None:
    pred, truth = pair
    flipped = axis % pred.ndim
    np.testing.assert_allclose(compute_voi(pred.T, truth.T), compute_voi(pred, truth), atol=1e-12)
    np.testing.assert_allclose(
        compute_voi(np.flip(pred, flipped), np.flip(truth, flipped)), compute_voi(pred, truth), atol=1e-12
    )


@given(pairs())
def test_perfect_is_exactly_zero_and_nothing_is_below(pair: tuple) -> None:
    pred, truth = pair
    assert compute_voi(truth, truth) == (0.0, 0.0)
    assert min(compute_voi(pred, truth)) >= 0.0


@given(pairs())
def test_a_one_section_volume_is_its_section(pair: tuple) -> None:
    pred, truth = (a.reshape(a.shape[0], -1) for a in pair)
    for per_section in (False, True):
        assert compute_voi(pred[None], truth[None], per_section=per_section) == compute_voi(pred, truth)


def test_per_section_is_the_mean_of_the_defined_sections() -> None:
    truth = np.stack([two_cells(), np.zeros((4, 5), int), two_cells()])
    pred = np.stack([np.ones((4, 5), int), two_cells(), two_cells()])
    assert compute_voi(pred, truth, per_section=True) == (0.0, 0.5)
    # in 3-D the sections share their ids: predicted 1 holds 8 + 8 voxels of cell 1 and 8 of cell 2
    in_3d = compute_voi(pred, truth)
    assert in_3d.voi_merge == pytest.approx(0.75 * (math.log2(3) - 2 / 3))
    assert in_3d.voi_split == pytest.approx(0.5)


def test_tensors_and_batches_equal_arrays(rng: np.random.Generator) -> None:
    pred, truth = rng.integers(0, 5, (2, 3, 1, 4, 6, 5))
    metric = VariationOfInformationMetric()
    rows = metric(torch.from_numpy(pred), torch.from_numpy(truth))
    expected = [compute_voi(p[0], t[0]) for p, t in zip(pred, truth, strict=True)]
    np.testing.assert_array_equal(rows.numpy(), expected)
    assert compute_voi(torch.from_numpy(pred[0, 0]), truth[0, 0]) == expected[0]
    aggregate = metric.aggregate()
    assert list(aggregate) == ["voi_split", "voi_merge"]
    assert aggregate["voi_split"].item() == pytest.approx(np.mean(expected, axis=0)[0], rel=1e-15)


def test_real_volume_equals_scikit_image(real_data: Callable[[str], Path]) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(real_data("em_fib25") / "fib25_z000-109.hdf") as file:
        truth = file["volumes/labels/neuron_ids"][:30]
    assert truth.dtype == np.uint64
    pred = np.roll(truth, 2, axis=2)
    ids = np.unique(truth)  # scikit-image needs a table as large as the largest id
    expected = variation_of_information(np.searchsorted(ids, truth), np.searchsorted(ids, pred), ignore_labels=(0,))
    assert ids[0] == 0
    np.testing.assert_allclose(compute_voi(pred, truth), expected, rtol=1e-9)
