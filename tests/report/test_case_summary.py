# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from monai_boundary.report import bootstrap_interval
from monai_boundary.report.case_summary import lesions_by_size, rank_cases, summarise


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


def test_sizes_by_hand() -> None:
    def lesion(kind: str, volume: float, covered: float = 0.0) -> dict[str, Any]:
        return {"method": "m", "class": "1", "kind": kind, "volume": volume, "covered": covered}

    rows = [lesion("missed", 0.005), lesion("found", 0.1, 0.5), lesion("found", 0.5, 1.0), lesion("false", 20.0)]
    found = lesions_by_size(rows, "ml")
    assert [(r["size"], r["lesions"], r["found"], r["false_alarms"]) for r in found] == [
        ("< 0.01 ml", 1, 0, 0),
        ("0.1 to 1 ml", 2, 2, 0),
        (">= 10 ml", 0, 0, 1),
    ]
    assert [r["recall"] for r in found] == pytest.approx([0, 1, math.nan], nan_ok=True)
    assert found[1]["covered"] == 0.75
