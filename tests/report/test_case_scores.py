# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from monai_boundary.metrics import (
    compute_betti_error,
    compute_component_scores,
    compute_lesion_wise_scores,
    compute_surface_scores,
)
from monai_boundary.report.case_scores import MaskScoring, nothing_to_score, score_instances, score_masks
from tests.report.case_folders import ball

SPACING = (0.5, 1.0, 3.0)


def score(pred: Any, true: Any, spacing: Any = SPACING, tolerance: float = 1.0, **more: Any) -> Any:
    pred, true = np.asarray(pred, bool), np.asarray(true, bool)
    how = MaskScoring(tolerance, (0.0, 2.0), math.prod(spacing) / 1000, **more)
    return score_masks(pred, true, spacing[-true.ndim :], how)


def test_by_hand() -> None:
    """A square of four pixels of 1 mm, and one a column wider: the far side is a column away, all else on the surface.

    Of either outline, corners cut, the straight sides are 2, 2, 2, 2 and 2, 3, 2, 3 long, a corner is sqrt(2)/2.
    """
    true, pred = np.zeros((8, 8), bool), np.zeros((8, 8), bool)
    true[2:6, 2:6] = pred[2:6, 2:7] = True
    found = score_masks(pred, true, (1.0, 1.0), MaskScoring(1.0, (0.0, 1.0), 1.0))
    assert found.scores["dice"] == pytest.approx(2 * 16 / 36)
    assert found.scores["iou"] == pytest.approx(16 / 20)
    assert found.scores["volume_difference_percent"] == pytest.approx(25)
    assert found.scores["volume_difference"] == found.scores["signed_volume_difference"] == 4
    assert (found.scores["betti_error"], found.scores["missed_components"]) == (0, 0)
    assert found.scores["component_dice"] == found.scores["dice"]  # of the only one
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


def test_a_component_that_nothing_touches_is_missed_although_something_lies_in_its_part() -> None:
    """A false speck two voxels beside the small component; its part of the image is not empty, and it is missed."""
    true = ball((24, 20, 16), (8, 8, 8), 5.0) + ball((24, 20, 16), (20, 15, 12), 2.0) > 0
    pred = ball((24, 20, 16), (8, 8, 8), 5.0) > 0
    pred[20, 19, 12] = True
    found = score(pred, true)
    assert [row["kind"] for row in found.lesions] == ["found", "missed", "false"]
    assert found.scores["missed_components"] == 1
    assert found.scores["lesion_recall"] == 0.5
    assert found.lesions[1]["dice"] == 0


def test_components_and_topology_are_those_of_the_metrics_on_the_whole_image() -> None:
    """Two components, the small one missed; one cavity too much; a false speck in a corner."""
    true = ball((24, 20, 16), (8, 8, 8), 5.0) + ball((24, 20, 16), (20, 15, 12), 2.0) > 0
    pred = ball((24, 20, 16), (8, 8, 8), 5.0) > 0
    pred[8, 8, 8], pred[0, 19, 0] = False, True
    found = score(pred, true, (1.0, 1.0, 2.0), challenge="met")
    components = compute_component_scores(pred, true, (1.0, 1.0, 2.0), (1.0,))
    assert found.scores["component_dice"] == components.component_dice < 0.5
    assert found.scores["component_hd95"] == components.component_hd95_mm
    assert found.scores["component_nsd"] == components.component_nsd[0]
    assert found.scores["missed_components"] == 1
    assert found.scores["betti_error"] == compute_betti_error(pred, true).betti_error == 1
    wise = compute_lesion_wise_scores(pred, true, (1.0, 1.0, 2.0), challenge="met")
    assert found.scores["lesion_wise_dice"] == wise.lesion_wise_dice
    assert found.scores["lesion_wise_hd95"] == wise.lesion_wise_hd95_mm
    assert [row["kind"] for row in found.lesion_wise] == ["found", "missed", "false"]
    assert [(row["kind"], row.get("dice")) for row in found.lesions] == [
        ("found", components.rows[0].dice),
        ("missed", 0.0),
        ("false", None),
    ]
    assert "lesion_wise_dice" not in score(pred, true).scores


def test_the_rules_of_brats_are_for_volumes() -> None:
    with pytest.raises(ValueError, match="`challenge` needs 3-D segmentations"):
        score(np.eye(4), np.eye(4), challenge="gli")


@pytest.mark.parametrize(("policy", "distance"), [("worst", math.inf), ("nan", math.nan), ("ignore", math.nan)])
def test_what_a_miss_costs_is_the_policy(policy: str, distance: float) -> None:
    for pair in ((ball() * 0, ball()), (ball(), ball() * 0)):
        found = score(*pair, empty_policy=policy).scores
        for name in ("hd95", "hd", "assd", "component_hd95"):
            assert found[name] == pytest.approx(distance, nan_ok=True), name
        assert found["dice"] == found["nsd"] == found["component_dice"] == found["boundary_iou"] == 0


def test_numbers_do_not_depend_on_what_is_around() -> None:
    pred, true = ball(centre=(5, 6, 4)), ball()
    large = [np.pad(mask, 5) for mask in (pred, true)]
    assert score(*large).scores == pytest.approx(score(pred, true).scores)


def test_what_the_frame_cuts_is_as_in_a_larger_image() -> None:
    """Beyond the frame is background."""
    pred, true = ball(centre=(0, 1, 7)), ball(centre=(1, 0, 7))
    found, wide = score(pred, true, challenge="met"), score(*(np.pad(m, 3) for m in (pred, true)), challenge="met")
    assert found.scores == pytest.approx(wide.scores)
    assert found.lesions == wide.lesions


def test_a_missed_structure_looks_bad_in_every_score() -> None:
    nothing, true = np.zeros((12, 12, 8)), ball()
    missed, alarm, both = score(nothing, true).scores, score(true, nothing).scores, score(nothing, nothing).scores
    diagonal = math.sqrt((12 * 0.5) ** 2 + 12**2 + (8 * 3) ** 2)
    for found in (missed, alarm):
        assert found["dice"] == found["iou"] == found["nsd"] == found["lesion_f1"] == 0
        assert found["hd95"] == found["hd"] == found["assd"] == pytest.approx(diagonal)
    assert (missed["missed"], missed["false_alarm"], missed["lesion_recall"]) == (1, 0, 0)
    assert (alarm["missed"], alarm["false_alarm"], alarm["lesion_precision"]) == (0, 1, 0)
    assert (missed["volume_difference_percent"], missed["signed_volume_difference_percent"]) == (100, -100)
    assert missed["volume_difference"] == pytest.approx(ball().sum() * 1.5 / 1000)
    assert (missed["missed_components"], missed["component_dice"], alarm["component_dice"]) == (1, 0, 0)
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
    rows = score_masks(pred, true, (1.0, 1.0), MaskScoring(1.0, (), 0.5)).lesions
    assert [(row["kind"], row["volume"], row["covered"]) for row in rows] == [
        ("found", 1.0, 0.5),
        ("found", 0.5, 1.0),
        ("missed", 0.5, 0.0),
        ("false", 0.5, 0.0),
    ]
    # 8 lies in the part of the third, where it is all that was predicted
    assert [row["dice"] for row in rows[:3]] == [pytest.approx(2 / 3), 1.0, 0.0]
    assert [row["iou"] for row in rows[:3]] == [0.5, 1.0, 0.0]


def instances(pred: Any, true: Any, **options: Any) -> dict[str, float]:
    return score_instances(np.asarray(pred), np.asarray(true), options.pop("spacing", None), options.pop("nm", None))[0]


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


def test_a_row_for_each_instance() -> None:
    _, rows = score_instances(np.array([[5, 5, 0, 7, 0, 0, 9]]), np.array([[1, 1, 0, 2, 2, 2, 0]]), None, None)
    assert [tuple(row.values()) for row in rows] == [
        ("match", 1, 5, 1.0, 2, 2),
        ("missed", 2, 0, pytest.approx(1 / 3), 3, 0),
        ("false", 0, 7, pytest.approx(1 / 3), 0, 1),
        ("false", 0, 9, 0.0, 0, 1),
    ]


def test_what_is_predicted_on_ignored_labels_is_no_instance() -> None:
    scores, rows = score_instances(np.array([[1, 1, 0, 4, 4]]), np.array([[1, 1, 0, 9, 9]]), None, None, (0, 9))
    assert (scores["pq"], scores["false_instances"], len(rows)) == (1, 0, 1)


def test_instances_with_the_largest_ids() -> None:
    """What is above 2**63 counts as negative within, and 0 is then not the first id."""
    true = np.array([[0, 2**64 - 1, 2**64 - 1, 3]], dtype=np.uint64)
    found, rows = score_instances(true, true, None, None)
    assert {row["true_id"] for row in rows} == {3, 2**64 - 1}
    assert (found["pq"], found["objects_truth"], found["objects_prediction"]) == (1, 2, 2)


def test_empty_instances() -> None:
    missed, alarm, both = instances([[0, 0]], [[1, 2]]), instances([[1, 2]], [[0, 0]]), instances([[0, 0]], [[0, 0]])
    assert (missed["missed"], missed["pq"], missed["cremi_score"] > 0) == (1, 0, True)
    assert (alarm["false_alarm"], alarm["pq"], alarm["false_instances"]) == (1, 0, 2)
    assert math.isnan(missed["sq"])  # the mean IoU of no match
    assert both["both_empty"] == 1
    assert math.isnan(both["pq"])


def test_border_tolerance_forgives_the_border() -> None:
    pred, true = [[1] * 5 + [2] * 5], [[1] * 4 + [2] * 6]
    assert instances(pred, true)["cremi_score"] > 0
    assert instances(pred, true, spacing=(4.0, 4.0), nm=8.0)["cremi_score"] == 0
