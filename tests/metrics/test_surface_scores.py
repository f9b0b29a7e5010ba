# SPDX-License-Identifier: Apache-2.0
"""Surface scores, drawn by hand, against surface-distance, MONAI and brute force, and where masks are empty."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from monai.metrics import compute_surface_dice

from monai_boundary.metrics import compute_boundary_iou, compute_surface_scores
from monai_boundary.metrics.surface_scores import check_tolerances
from tests.metrics.surface_cases import ALL, each_seed, random_masks, seeded_masks
from tests.oracles.surfaces import surface_scores

TOLERANCES = (0.25, 0.75, 2.05)


@pytest.mark.filterwarnings("ignore:.*scipy.ndimage:DeprecationWarning")  # the oracle's own
@each_seed()
def test_equal_to_surface_distance(seed: int) -> None:
    oracle = pytest.importorskip("surface_distance", reason="needs surface-distance, of the extra `test`")
    predicted, true, spacing = random_masks(seed)
    theirs = oracle.compute_surface_distances(true, predicted, spacing)
    ours = compute_surface_scores(predicted, true, spacing, TOLERANCES)
    assert ours.hd95_mm == pytest.approx(oracle.compute_robust_hausdorff(theirs, 95))
    assert ours.hd_mm == pytest.approx(oracle.compute_robust_hausdorff(theirs, 100))
    means, areas = oracle.compute_average_surface_distance(theirs), []
    for name in ("surfel_areas_gt", "surfel_areas_pred"):
        areas.append(float(theirs[name].sum()))
    assert ours.assd_mm == pytest.approx(np.average(means, weights=areas))
    for tolerance, nsd, f in zip(TOLERANCES, ours.nsd, ours.boundary_f, strict=True):
        assert nsd == pytest.approx(oracle.compute_surface_dice_at_tolerance(theirs, tolerance))
        recall, precision = oracle.compute_surface_overlap_at_tolerance(theirs, tolerance)
        assert f == pytest.approx(2 * precision * recall / max(precision + recall, 1e-12))
    assert (ours.missed, ours.false_alarm) == (0.0, 0.0)


@each_seed(ALL)
def test_equal_to_brute_force(seed: int) -> None:
    pred, true, spacing = seeded_masks(seed)
    found = compute_surface_scores(pred, true, spacing, TOLERANCES).as_dict()
    expected = surface_scores(pred, true, spacing, TOLERANCES)
    np.testing.assert_allclose([found[name] for name in expected], list(expected.values()), atol=1e-9)
    assert (found["missed"], found["false_alarm"]) == (
        float(true.any() and not pred.any()),
        float(pred.any() and not true.any()),
    )


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy", "ignore:the (ground truth|prediction) of class")
@each_seed()
def test_surface_dice_is_that_of_monai(seed: int) -> None:
    pred, true, spacing = random_masks(seed)
    masks = [torch.from_numpy(mask)[None, None] for mask in (pred, true)]
    options = {"include_background": True, "spacing": spacing, "use_subvoxels": True}
    expected = [float(compute_surface_dice(*masks, [t], **options)) for t in TOLERANCES]
    assert compute_surface_scores(pred, true, spacing, TOLERANCES).nsd == pytest.approx(expected, rel=1e-5)


def test_drawn() -> None:
    """A square of 4 x 4, and one column more: 3 of the truth's elements and 5 of the prediction's are 1 mm off."""
    truth, pred = np.zeros((2, 8, 8))
    truth[2:6, 2:6], pred[2:6, 2:7] = 1, 1
    scores = compute_surface_scores(pred, truth, spacing=1.0, tolerances_mm=(0.5, 1.0))
    corner = math.sqrt(0.5)
    true_length, predicted_length = 12 + 4 * corner, 14 + 4 * corner
    true_near, predicted_near = true_length - 3, predicted_length - 3 - 2 * corner
    assert (scores.hd_mm, scores.hd95_mm) == (1.0, 1.0)
    assert scores.nsd == pytest.approx(((true_near + predicted_near) / (true_length + predicted_length), 1.0))
    assert scores.assd_mm == pytest.approx((6 + 2 * corner) / (true_length + predicted_length))
    recall, precision = true_near / true_length, predicted_near / predicted_length
    assert scores.boundary_f == pytest.approx((2 * precision * recall / (precision + recall), 1.0))


def test_names() -> None:
    truth = np.eye(4)
    scores = compute_surface_scores(truth, truth, spacing=1.0, tolerances_mm=(0.5, 2.0))
    assert scores.as_dict() == {
        "hd_mm": 0,
        "hd95_mm": 0,
        "assd_mm": 0,
        "nsd_0.5mm": 1,
        "nsd_2mm": 1,
        "boundary_f_0.5mm": 1,
        "boundary_f_2mm": 1,
        "boundary_iou": 1,
        "missed": 0,
        "false_alarm": 0,
    }


@pytest.mark.parametrize(
    ("policy", "distance"), [("diagonal", 5.0), ("worst", math.inf), ("nan", math.nan), ("ignore", math.nan)]
)
@pytest.mark.parametrize("missed", [True, False])
def test_a_missed_structure_never_looks_good(policy: str, distance: float, missed: bool) -> None:
    some, nothing = np.zeros((2, 1, 8))
    some[0, 3] = 1
    pair = (nothing, some) if missed else (some, nothing)
    scores = compute_surface_scores(*pair, spacing=(3.0, 0.5), empty_policy=policy)
    np.testing.assert_equal((scores.hd_mm, scores.hd95_mm, scores.assd_mm), (distance,) * 3)
    assert (scores.nsd, scores.boundary_f, scores.boundary_iou) == ((0.0, 0.0), (0.0, 0.0), 0.0)
    assert (scores.missed, scores.false_alarm) == (float(missed), float(not missed))


@pytest.mark.parametrize("policy", ["diagonal", "worst", "nan", "ignore"])
def test_nothing_and_nothing_is_undefined_and_no_miss(policy: str) -> None:
    scores = compute_surface_scores(np.zeros((3, 4)), np.zeros((3, 4)), spacing=1.0, empty_policy=policy).as_dict()
    assert (scores.pop("missed"), scores.pop("false_alarm")) == (0.0, 0.0)
    assert all(math.isnan(value) for value in scores.values())


MASKS = hnp.arrays(np.bool_, (4, 5, 3), elements=st.booleans())


@settings(max_examples=30)
@given(MASKS, MASKS)
def test_laws(pred: np.ndarray, truth: np.ndarray) -> None:
    spacing = (0.7, 1.0, 3.5)
    scores = compute_surface_scores(pred, truth, spacing).as_dict()
    swapped = compute_surface_scores(truth, pred, spacing).as_dict()
    assert swapped.pop("missed") == scores["false_alarm"]
    for name in ("hd_mm", "hd95_mm", "assd_mm", "boundary_iou", "nsd_1mm", "boundary_f_2mm"):
        np.testing.assert_allclose(swapped[name], scores[name])
    turned = compute_surface_scores(pred.transpose(2, 0, 1)[::-1], truth.transpose(2, 0, 1)[::-1], (3.5, 0.7, 1.0))
    np.testing.assert_allclose(list(turned.as_dict().values()), list(scores.values()), atol=1e-12)
    double = compute_surface_scores(pred, truth, tuple(2 * s for s in spacing), (2.0, 4.0))
    np.testing.assert_allclose(double.hd95_mm, 2 * scores["hd95_mm"])
    np.testing.assert_allclose(double.nsd, (scores["nsd_1mm"], scores["nsd_2mm"]))
    if truth.any():
        perfect = compute_surface_scores(truth, truth, spacing)
        assert (perfect.hd_mm, perfect.assd_mm, perfect.nsd, perfect.boundary_iou) == (0, 0, (1, 1), 1)


def test_a_slice_equals_the_image(rng: np.random.Generator) -> None:
    """Up to the surface of the slice's two faces: the boundary IoU of a volume of one slice sees them."""
    pred, truth = rng.random((2, 6, 7)) < 0.4
    flat = compute_surface_scores(pred, truth, spacing=(1.0, 2.0), boundary_width_mm=1.5)
    assert flat.boundary_iou == compute_boundary_iou(pred, truth, (1.0, 2.0), width_mm=1.5)
    assert flat.boundary_width_mm == 1.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"empty_policy": "zero"}, "`empty_policy` needs one of 'diagonal', 'worst', 'nan', 'ignore', got 'zero'"),
        ({"tolerances_mm": (-1.0,)}, r"`tolerances_mm` needs a finite number >= 0, got -1.0"),
        ({"tolerances_mm": (1.0, 1.0)}, r"`tolerances_mm` needs different tolerances, got \(1.0, 1.0\)"),
        ({"boundary_width_mm": 0.0}, "`width_mm` needs a finite number > 0, got 0.0"),
        ({"boundary_share": -1.0}, "`width_share` needs a finite number > 0, got -1.0"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute_surface_scores(np.ones((2, 2)), np.ones((2, 2)), **{"spacing": 1.0, **options})


def test_tolerances_become_floats() -> None:
    assert check_tolerances([1, 2]) == (1.0, 2.0)
