# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from monai_boundary.report import bootstrap_interval
from monai_boundary.report.case_summary import rank_cases, summarise


def test_bootstrap_agrees_with_scipy(rng: np.random.Generator) -> None:
    values = rng.normal(0.8, 0.1, 40)
    expected = stats.bootstrap((values,), np.mean, n_resamples=5000, method="percentile", rng=1).confidence_interval
    assert bootstrap_interval(values.tolist()) == pytest.approx((expected.low, expected.high), abs=0.003)
    assert bootstrap_interval(values.tolist()) == bootstrap_interval(values.tolist())


def test_bootstrap_of_hardly_anything() -> None:
    assert all(map(math.isnan, bootstrap_interval([0.5])))
    assert bootstrap_interval([0.5, 0.5]) == (0.5, 0.5)
    with pytest.raises(ValueError, match="`confidence` needs a number between 0 and 1, got 95"):
        bootstrap_interval([1.0], 95)


def row(case: str, dice: float, **more: Any) -> dict[str, Any]:
    counts = {"missed": 0.0, "false_alarm": 0.0, "both_empty": 0.0}
    return {"method": "m", "case": case, "class": "1", "dice": dice, "hd95": 10 * (1 - dice), **counts, **more}


ROWS = [row("a", 0.9), row("b", 0.0, missed=1.0), row("c", math.nan, both_empty=1.0), row("d", 0.6)]


def test_counts_stand_beside_the_mean() -> None:
    found = summarise(ROWS, ["dice"])["m"]["1"]
    assert (found["cases"], found["missed"], found["false_alarm"], found["both_empty"]) == (4, 1, 0, 1)
    assert found["scores"]["dice"]["mean"] == pytest.approx(0.5)
    assert found["scores"]["dice"]["median"] == 0.6
    assert found["scores"]["dice"]["defined"] == 3


def test_nothing_defined() -> None:
    found = summarise([ROWS[2]], ["dice"])["m"]["1"]["scores"]["dice"]
    assert found["defined"] == 0
    assert math.isnan(found["mean"])


@pytest.mark.parametrize("score", ["dice", "hd95"])
def test_the_worst_first_whatever_is_better(score: str) -> None:
    ranked = rank_cases(ROWS, score)
    assert [r["case"] for r in ranked] == ["b", "d", "a", "c"]
    assert ranked[0]["classes_missed"] == "1"


def test_a_score_that_does_not_rank() -> None:
    with pytest.raises(ValueError, match=r"`rank_by` needs a score .*got 'volume_truth'"):
        rank_cases(ROWS, "volume_truth")


def missed_row(case: str, distance: float) -> dict[str, Any]:
    return row(case, 0.0, missed=1.0) | {"hd95": distance}


@pytest.mark.parametrize(
    ("policy", "distance", "mean", "defined"),
    [
        ("diagonal", 20.0, 8.0, 3),
        ("worst", math.inf, math.inf, 3),
        ("nan", math.nan, math.nan, 2),
        ("ignore", math.nan, 2.0, 2),
    ],
)
def test_what_a_miss_does_to_a_mean(policy: str, distance: float, mean: float, defined: int) -> None:
    """Two found, at 1 and 3 mm, one missed, and one where there was nothing to find."""
    rows = [row("a", 0.9), row("b", 0.7), missed_row("c", distance), row("d", math.nan, both_empty=1.0)]
    found = summarise(rows, ["hd95", "dice"], policy)["m"]["1"]
    assert found["scores"]["hd95"]["mean"] == pytest.approx(mean, nan_ok=True)
    assert (found["scores"]["hd95"]["defined"], found["missed"]) == (defined, 1)
    assert found["scores"]["dice"]["mean"] == pytest.approx(1.6 / 3)  # an overlap of 0 counts whatever the policy
    assert [r["case"] for r in rank_cases(rows, "hd95")] == ["c", "b", "a", "d"]  # missed is worst, undefined or not


def test_missed_components_are_added_up() -> None:
    rows = [row(case, 0.5, missed_components=n, lesions_truth=4.0) for case, n in (("a", 1.0), ("b", 2.0))]
    found = summarise(rows, ["missed_components"])["m"]["1"]
    assert (found["missed_components"], found["components"]) == (3, 8)
