# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from monai_boundary.metrics import compute_surface_scores
from monai_boundary.report.case_scores import lesion_rows, nothing_to_score, score_instances, score_masks
from tests.report.case_folders import ball

SPACING = (0.5, 1.0, 3.0)


def score(pred: Any, true: Any, spacing: Any = SPACING, tolerance: float = 1.0) -> Any:
    pred, true = np.asarray(pred, bool), np.asarray(true, bool)
    return score_masks(pred, true, spacing[-true.ndim :], tolerance, (0.0, 2.0), math.prod(spacing) / 1000)


def test_by_hand() -> None:
    """A square of four pixels of 1 mm, and one a column wider: the far side is a column away, all else on the surface.

    Of either outline, corners cut, the straight sides are 2, 2, 2, 2 and 2, 3, 2, 3 long, a corner is sqrt(2)/2.
    """
    true, pred = np.zeros((8, 8), bool), np.zeros((8, 8), bool)
    true[2:6, 2:6] = pred[2:6, 2:7] = True
    found = score_masks(pred, true, (1.0, 1.0), 1.0, (0.0, 1.0), 1.0)
    assert found.scores["dice"] == pytest.approx(2 * 16 / 36)
    assert found.scores["iou"] == pytest.approx(16 / 20)
    assert found.scores["volume_difference_percent"] == pytest.approx(25)
    assert found.scores["hd"] == found.scores["hd95"] == 1
    assert found.scores["nsd"] == found.scores["boundary_f"] == 1
    assert 0 < found.scores["boundary_iou"] < found.scores["iou"]
    assert found.curve[1] == 1
    assert 0.6 < found.curve[0] < 0.85  # all but the far sides


def test_the_scores_are_those_of_the_metrics() -> None:
    pred, true = ball(centre=(6, 5, 4), radius=2.6) > 0, ball() > 0
    found = score(pred, true, tolerance=1.5)
    expected = compute_surface_scores(pred, true, SPACING, (0.0, 1.5, 2.0))
    assert found.scores["hd95"] == expected.hd95_mm
    assert found.scores["assd"] == expected.assd_mm
    assert found.scores["nsd"] == expected.nsd[1]
    assert found.scores["boundary_f"] == expected.boundary_f[1]
    assert found.curve == [expected.nsd[0], expected.nsd[2]]


def test_numbers_do_not_depend_on_what_is_around() -> None:
    pred, true = ball(centre=(5, 6, 4)), ball()
    large = [np.pad(mask, 5) for mask in (pred, true)]
    assert score(*large).scores == pytest.approx(score(pred, true).scores)


def test_a_missed_structure_looks_bad_in_every_score() -> None:
    nothing, true = np.zeros((12, 12, 8)), ball()
    missed, alarm, both = score(nothing, true).scores, score(true, nothing).scores, score(nothing, nothing).scores
    diagonal = math.sqrt((12 * 0.5) ** 2 + 12**2 + (8 * 3) ** 2)
    for found in (missed, alarm):
        assert found["dice"] == found["iou"] == found["nsd"] == found["lesion_f1"] == 0
        assert found["hd95"] == found["hd"] == found["assd"] == pytest.approx(diagonal)
    assert (missed["missed"], missed["false_alarm"], missed["lesion_recall"]) == (1, 0, 0)
    assert (alarm["missed"], alarm["false_alarm"], alarm["lesion_precision"]) == (0, 1, 0)
    assert missed["volume_difference_percent"] == -100
    assert both["both_empty"] == 1
    for name in ("dice", "nsd", "hd95", "assd", "lesion_f1", "volume_difference_percent"):
        assert math.isnan(both[name]), name
    assert score(nothing, true).curve == [0, 0]
    absent = nothing_to_score(both, 2)
    assert absent.scores == pytest.approx(both, nan_ok=True)
    assert all(map(math.isnan, absent.curve))


@pytest.mark.parametrize("shape", [(1, 1), (3, 1, 4), (5, 5)])
def test_full_masks_and_single_voxels(shape: tuple[int, ...]) -> None:
    found = score(np.ones(shape), np.ones(shape)).scores
    assert (found["dice"], found["nsd"], found["hd95"], found["assd"]) == (1, 1, 0, 0)


def test_lesions_by_hand() -> None:
    true = np.array([[1, 1, 0, 0, 1, 0, 1, 0, 0]], bool)
    pred = np.array([[0, 1, 0, 0, 1, 0, 0, 0, 1]], bool)
    assert lesion_rows(pred, true, 0.5) == [
        {"kind": "found", "volume": 1.0, "covered": 0.5},
        {"kind": "found", "volume": 0.5, "covered": 1.0},
        {"kind": "missed", "volume": 0.5, "covered": 0.0},
        {"kind": "false", "volume": 0.5, "covered": 0.0},
    ]


def instances(pred: Any, true: Any, **options: Any) -> dict[str, float]:
    return score_instances(np.asarray(pred), np.asarray(true), options.pop("spacing", None), options.pop("nm", None))


def test_instances_by_hand() -> None:
    """Object 1 is found whole, of object 2 two thirds (IoU 2/3), 9 lies in the background."""
    found = instances([[5, 5, 0, 7, 7, 0, 9]], [[1, 1, 0, 2, 2, 2, 0]])
    assert found["sq"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["rq"] == pytest.approx(2 * 2 / (2 + 3))
    assert found["pq"] == pytest.approx(2 / 3)
    assert (found["objects_truth"], found["objects_prediction"]) == (2, 3)
    split = instances([[1, 1, 2, 2]], [[1, 1, 1, 1]])
    assert (split["voi_split"], split["voi_merge"], split["pq"]) == (1, 0, 0)
    merged = instances([[1, 1, 1, 1]], [[1, 1, 2, 2]])
    assert (merged["voi_split"], merged["voi_merge"]) == (0, 1)


def test_instances_with_the_largest_ids() -> None:
    """What is above 2**63 counts as negative within, and 0 is then not the first id."""
    true = np.array([[0, 2**64 - 1, 2**64 - 1, 3]], dtype=np.uint64)
    found = instances(true, true)
    assert (found["pq"], found["objects_truth"], found["objects_prediction"]) == (1, 2, 2)


def test_empty_instances() -> None:
    missed, alarm, both = instances([[0, 0]], [[1, 2]]), instances([[1, 2]], [[0, 0]]), instances([[0, 0]], [[0, 0]])
    assert (missed["missed"], missed["pq"], missed["cremi_score"] > 0) == (1, 0, True)
    assert (alarm["false_alarm"], alarm["pq"]) == (1, 0)
    assert both["both_empty"] == 1
    assert math.isnan(both["pq"])


def test_border_tolerance_forgives_the_border() -> None:
    pred, true = [[1] * 5 + [2] * 5], [[1] * 4 + [2] * 6]
    assert instances(pred, true)["cremi_score"] > 0
    assert instances(pred, true, spacing=(4.0, 4.0), nm=8.0)["cremi_score"] == 0
