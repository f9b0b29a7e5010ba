# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.measure import label

from monai_boundary.metrics import (
    CREMIScore,
    ThresholdCurve,
    ThresholdCurveMetric,
    compute_cremi_score,
    compute_threshold_curve,
)
from tests.metrics.segmentations import seeded_instances, two_cells
from tests.metrics.surface_cases import each_seed
from tests.oracles.segment_pairs import adapted_rand_by_pairs, voi_by_entropies


def wall(height: float, gap: float) -> np.ndarray:
    """A membrane of probability ``height`` between the two cells, with ``gap`` in one row; 0.1 elsewhere."""
    membrane = np.full((4, 5), 0.1)
    membrane[:, 2] = height
    membrane[1, 2] = gap
    return membrane


def test_a_gap_opens_above_its_probability() -> None:
    curve = compute_threshold_curve(wall(0.9, 0.4), two_cells(), thresholds=(0.05, 0.3, 0.4, 0.45, 0.8))
    # at 0.05 all is membrane; up to 0.4 the wall holds (a voxel at the threshold is membrane); then the cells merge
    assert curve.score("voi_merge").tolist() == [1.0, 0.0, 0.0, 1.0, 1.0]
    assert curve.score("voi_split").tolist() == [0.0] * 5
    np.testing.assert_allclose(curve.score("ari"), [2 * 0.8 / (0.8 + 128), 1, 1, 2 / 3, 2 / 3], rtol=1e-12)
    assert (curve.best_threshold("ari"), curve.best_score("ari")) == (0.3, 1.0)
    assert (curve.best_threshold(), curve.best_score()) == (0.3, 0.0)


def test_the_area_is_that_of_trapezoids_over_the_range() -> None:
    scores = np.zeros((3, 5))
    scores[:, CREMIScore._fields.index("ari")] = [0.2, 0.6, 1.0]
    curve = ThresholdCurve(np.array([0.2, 0.4, 0.8]), scores)
    assert curve.area() == pytest.approx((0.2 * 0.4 + 0.4 * 0.8) / 0.6)
    assert curve.area("cremi_score") == 0.0
    assert ThresholdCurve(np.array([0.2, 0.4, 0.8]), np.full((3, 5), 0.7)).area() == pytest.approx(0.7)


def test_default_thresholds_hold_those_of_the_paper() -> None:
    levels = compute_threshold_curve(wall(0.9, 0.9), two_cells()).thresholds
    assert len(levels) == 17
    assert set(np.arange(1, 10) / 10) <= set(levels.tolist())


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_voxel_at_the_threshold_is_membrane_in_every_type(dtype: type) -> None:
    for level in (0.1, 0.3, 0.7):
        membrane = wall(level, level).astype(dtype)
        membrane[:, [0, 1, 3, 4]] = 0
        assert compute_threshold_curve(membrane, two_cells(), thresholds=(level, 1.0)).score("ari")[0] == 1.0


def test_integer_maps() -> None:
    curve = compute_threshold_curve(wall(1, 1).astype(int), two_cells(), thresholds=(0.5, 0.9))
    assert curve.area() == 1.0


@given(
    hnp.arrays(np.float64, (2, 4, 5), elements=st.floats(0, 1, width=16)),
    hnp.arrays(np.int64, (2, 4, 5), elements=st.integers(0, 2)),
    st.booleans(),
)
def test_equals_labelling_and_scoring_by_hand(membrane: np.ndarray, truth: np.ndarray, per_section: bool) -> None:
    truth[:, 0, 0] = 1
    levels = (0.25, 0.5, 0.75)
    curve = compute_threshold_curve(membrane, truth, thresholds=levels, per_section=per_section)
    for level, row in zip(levels, curve.scores, strict=True):
        if per_section:
            cells = [label(section < level, connectivity=1) for section in membrane]
            expected = np.mean([compute_cremi_score(c, t) for c, t in zip(cells, truth, strict=True)], axis=0)
        else:
            expected = compute_cremi_score(label(membrane < level, connectivity=1), truth)
        np.testing.assert_allclose(row, expected, atol=1e-12)


@each_seed()
def test_equals_labelling_and_counting_for_every_seed(seed: int) -> None:
    _, truth, _ = seeded_instances(seed)
    levels = (0.25, 0.5, 0.75)
    membrane = np.random.default_rng(seed).integers(0, 9, truth.shape) / 8
    curve = compute_threshold_curve(membrane, truth, thresholds=levels)
    for row, level in zip(curve.scores, levels, strict=True):
        found = dict(zip(CREMIScore._fields, row, strict=True))
        if not truth.any():
            assert all(math.isnan(value) for value in row)
            continue
        cells = label(membrane < level, connectivity=1)
        voi, (arand, _, _) = voi_by_entropies(cells, truth), adapted_rand_by_pairs(cells, truth)
        expected = (*voi, arand, math.sqrt(sum(voi) * max(arand, 0)))
        names = ("voi_split", "voi_merge", "arand", "cremi_score")
        np.testing.assert_allclose([found[name] for name in names], expected, atol=1e-7)


def test_diagonals_do_not_connect() -> None:
    membrane = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert compute_threshold_curve(membrane, np.array([[1, 0], [0, 2]]), thresholds=(0.4, 0.6)).area() == 1.0


def test_a_one_section_volume_is_its_section(rng: np.random.Generator) -> None:
    membrane, truth = rng.random((6, 7)), rng.integers(0, 4, (6, 7))
    flat = compute_threshold_curve(membrane, truth)
    for per_section in (False, True):
        solid = compute_threshold_curve(membrane[None], truth[None], per_section=per_section)
        np.testing.assert_array_equal(solid.scores, flat.scores)


def test_border_tolerance_reaches_the_curve() -> None:
    membrane, truth = np.zeros((4, 6)), np.array([[1, 1, 1, 2, 2, 2]] * 4)
    membrane[:, 2] = 1.0  # the wall lies on voxels of cell 1
    assert compute_threshold_curve(membrane, truth).area("cremi_score") > 0
    assert compute_threshold_curve(membrane, truth, border_tolerance_nm=1, spacing=5).area("cremi_score") == 0.0


def test_undefined_is_nan() -> None:
    curve = compute_threshold_curve(wall(0.9, 0.9), np.zeros((4, 5), int))
    for value in (curve.area(), curve.best_threshold(), curve.best_score("ari")):
        assert math.isnan(value)


def test_the_metric_averages_defined_items() -> None:
    membranes = torch.from_numpy(np.stack([wall(0.9, 0.4), wall(0.9, 0.9), wall(0.9, 0.9)]))[:, None].float()
    truth = torch.from_numpy(np.stack([two_cells(), two_cells(), np.zeros((4, 5), int)]))[:, None]
    metric = ThresholdCurveMetric(thresholds=(0.3, 0.5, 0.7))
    rows = metric(membranes, truth)
    assert rows.shape == (3, 3, 5)
    for row, m, t in zip(rows, membranes, truth, strict=True):
        single = compute_threshold_curve(m[0], t[0], thresholds=(0.3, 0.5, 0.7))
        np.testing.assert_array_equal(row.numpy(), single.scores)
    curve = metric.aggregate_curve()
    np.testing.assert_allclose(curve.score("ari"), [1, 5 / 6, 5 / 6], rtol=1e-12)
    aggregate = {name: value.item() for name, value in metric.aggregate().items()}
    assert aggregate == pytest.approx(
        {
            "ari_area": (11 / 12 + 10 / 12) / 2,
            "ari_best": 1.0,
            "ari_best_threshold": 0.3,
            "cremi_score_area": (3 / 4) * math.sqrt(1 / 3) / 2,
            "cremi_score_best": 0.0,
            "cremi_score_best_threshold": 0.3,
        }
    )
    assert metric.count_undefined() == 1
    details = metric.details()
    assert {name: tuple(value.shape) for name, value in details.items()} == {
        "ari_by_threshold": (3, 3),
        "cremi_score_by_threshold": (3, 3),
    }
    assert details["ari_by_threshold"][0].tolist() == pytest.approx([1, 2 / 3, 2 / 3])


def test_a_metric_without_items_is_undefined() -> None:
    assert all(value.isnan() for value in ThresholdCurveMetric().aggregate().values())


def test_a_slice_takes_no_time(rng: np.random.Generator) -> None:
    truth = np.kron(np.arange(1, 257).reshape(16, 16), np.ones((32, 32), int))
    membrane = np.clip(rng.normal(0.2, 0.1, truth.shape), 0, 1)
    membrane[::32] = membrane[:, ::32] = 0.95
    start = time.process_time()
    curve = compute_threshold_curve(membrane, truth)
    assert time.process_time() - start < 3
    assert curve.best_score("ari") > 0.9


@pytest.mark.parametrize("thresholds", [(0.5,), (0.5, 0.4), (-0.1, 0.5), (0.5, 1.1), (0.1, math.nan), ((0.1, 0.2),)])
def test_bad_thresholds(thresholds: tuple) -> None:
    with pytest.raises(ValueError, match=r"`thresholds` needs two or more ascending numbers in \[0, 1\], got \["):
        compute_threshold_curve(wall(0.9, 0.9), two_cells(), thresholds=thresholds)
    with pytest.raises(ValueError, match="`thresholds` needs"):
        ThresholdCurveMetric(thresholds=thresholds)


@pytest.mark.parametrize(("value", "seen"), [(-2.0, "-2.0 to 0.9"), (3.5, "0.1 to 3.5"), (math.nan, "nan to nan")])
def test_logits_and_nan_are_an_error(value: float, seen: str) -> None:
    membrane = wall(0.9, 0.9)
    membrane[0, 0] = value
    with pytest.raises(ValueError, match=rf"`y_pred` needs membrane probabilities in \[0, 1\], got values from {seen}"):
        compute_threshold_curve(membrane, two_cells())


def test_other_bad_input() -> None:
    with pytest.raises(ValueError, match=r"`y_pred` needs the shape of `y`, \(4, 5\), got \(4, 4\)"):
        compute_threshold_curve(np.zeros((4, 4)), two_cells())
    with pytest.raises(TypeError, match="reduction"):
        ThresholdCurveMetric(reduction="sum")
    with pytest.raises(ValueError, match="`reduction` needs one of None, 'mean', got 'sum'"):
        ThresholdCurveMetric().aggregate("sum")
    with pytest.raises(ValueError, match=r"`name` needs one of .*, got 'dice'"):
        compute_threshold_curve(wall(0.9, 0.9), two_cells()).score("dice")


def test_cells_of_another_method_are_those_that_the_method_makes() -> None:
    """A wall with a hole of one voxel: components merge the two cells, a watershed keeps them apart."""
    truth = np.array([[1] * 6 + [0] + [2] * 6] * 7)
    membrane = np.where(truth == 0, 0.9, 0.1)
    membrane[3, 6] = 0.1
    merged = compute_threshold_curve(membrane, truth, thresholds=(0.4, 0.5))
    split = compute_threshold_curve(membrane, truth, thresholds=(0.4, 0.5), method="watershed")
    assert merged.score("voi_merge").tolist() == [1, 1]
    assert split.score("voi_merge").tolist() == [0, 0]
    assert split.score("voi_split").tolist() == [0, 0]


def test_small_cells_are_removed_before_they_are_scored() -> None:
    truth = np.array([[1, 1, 1, 0, 2, 0, 3, 3, 3]])
    membrane = (truth == 0).astype(np.float32)
    kept = ThresholdCurveMetric(thresholds=(0.4, 0.5))(
        torch.tensor(membrane)[None, None], torch.tensor(truth)[None, None]
    )
    options = {"thresholds": (0.4, 0.5), "min_size": 2}
    fewer = ThresholdCurveMetric(**options)(torch.tensor(membrane)[None, None], torch.tensor(truth)[None, None])
    ari = CREMIScore._fields.index("ari")
    assert kept[0, 0, ari] == 1
    assert 0.9 < fewer[0, 0, ari] < 1, "the cell of one voxel is 0 now"


def test_the_lowest_threshold_may_be_zero_whatever_makes_the_cells() -> None:
    """Nothing is below it: all is membrane, as by components."""
    truth = np.array([[1, 1, 0, 2, 2]])
    membrane = np.array([[0, 0, 0.6, 0, 0]])
    wanted = compute_threshold_curve(membrane, truth, thresholds=(0, 0.5, 1)).scores
    for options in ({"method": "watershed"}, {"method": "barrier_cut"}, {"min_size": 1}):
        found = compute_threshold_curve(membrane, truth, thresholds=(0, 0.5, 1), **options).scores
        assert np.array_equal(found[0], wanted[0]), options


def test_an_unknown_method() -> None:
    for make in (
        lambda: ThresholdCurveMetric(method="magic"),
        lambda: compute_threshold_curve([[0.5]], [[1]], method="magic"),
    ):
        with pytest.raises(ValueError, match="`method` needs one of"):
            make()
