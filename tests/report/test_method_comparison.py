# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from monai_boundary.report import compare_methods, holm_adjusted, wilcoxon_p
from monai_boundary.report.method_comparison import largest_differences, paired_cases


def test_wilcoxon() -> None:
    assert wilcoxon_p([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == pytest.approx(2 / 2**6)  # all of one sign
    assert wilcoxon_p([0.0, 0.0]) == 1
    assert math.isnan(wilcoxon_p([]))
    values = [0.3, -0.1, 0.5, 0.7, -0.2, 0.9, 0.0]
    assert wilcoxon_p(values) == stats.wilcoxon(values[:-1], mode="exact").pvalue


def test_holm_by_hand() -> None:
    """The least of four times 4, the next times 3, never less than the one before; a missing test is none."""
    assert holm_adjusted([0.03, math.nan, 0.005, 0.02, 0.9]) == pytest.approx(
        [0.06, math.nan, 0.02, 0.06, 0.9], nan_ok=True
    )
    assert holm_adjusted([0.5, 0.6]) == [1.0, 1.0]
    assert holm_adjusted([]) == []


def rows(method: str, scores: list[float], name: str = "1") -> list[dict[str, Any]]:
    return [{"method": method, "case": f"c{k}", "class": name, "dice": s, "hd95": 1 - s} for k, s in enumerate(scores)]


def test_methods_over_the_cases_of_both() -> None:
    base = [0.5, 0.6, 0.7, math.nan, 0.8]
    ours = [0.6, 0.75, 0.7, 0.0, 0.79]
    found = compare_methods([*rows("base", base), *rows("ours", ours)], ["dice", "hd95"], "base")
    dice, hd95 = found
    assert (dice["method"], dice["base"], dice["pairs"], dice["unpaired"]) == ("ours", "base", 4, 1)
    assert dice["difference"] == pytest.approx(0.06)
    assert dice["median"] == pytest.approx(0.05)
    expected = stats.ttest_rel(np.delete(ours, 3), np.delete(base, 3)).confidence_interval()
    assert (dice["low"], dice["high"]) == pytest.approx((expected.low, expected.high))
    assert (dice["better"], dice["worse"]) == (hd95["better"], hd95["worse"]) == (2, 1)
    assert dice["p_holm"] == pytest.approx(min(1, 2 * dice["p"]))


def test_what_differs_by_rounding_is_no_difference() -> None:
    found = compare_methods([*rows("a", [0.3] * 6), *rows("b", [0.1 + 0.2] * 6)], ["dice"], "a")[0]
    assert (found["difference"], found["better"], found["worse"], found["p"]) == (0, 0, 0, 1)


def test_a_base_without_cases() -> None:
    with pytest.raises(ValueError, match="`base` needs a method that has cases, got 'none'"):
        compare_methods(rows("a", [0.1]), ["dice"], "none")


def test_where_they_differ_most() -> None:
    table = [*rows("base", [0.5, 0.6, 0.7, math.nan]), *rows("ours", [0.6, 0.2, 0.7, 0.1])]
    found = largest_differences(table, "dice", "base", 2)
    assert [(r["case"], round(r["difference"], 3)) for r in found] == [("c1", -0.4), ("c0", 0.1)]


def test_a_distance_that_is_infinite_in_both_is_no_pair() -> None:
    """It was a difference of 0 to the median, the bootstrap and the counts, but not to the mean and the t interval."""
    some = {"b": 3.0, "c": 4.0, "d": 5.0}, {"b": 2.0, "c": 3.5, "d": 4.8}
    both = [{"a": math.inf, **side} for side in some]
    assert paired_cases(*both, "lower") == paired_cases(*some, "lower")
