# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from monai_boundary.report import paired_difference


def test_by_hand() -> None:
    """Differences 1, 2, 3: mean 2, standard error 1/sqrt(3), and t(0.975, 2) = 4.3027 in any table."""
    result = paired_difference({0: 1.0, 1: 3.0, 2: 5.0}, {0: 0.0, 1: 1.0, 2: 2.0})
    assert result.pairs == 3
    assert result.mean == 2
    assert result.low == pytest.approx(2 - 4.3027 / math.sqrt(3), abs=1e-4)
    assert result.high == pytest.approx(2 + 4.3027 / math.sqrt(3), abs=1e-4)
    assert not result.clear


def test_agrees_with_scipy(rng: np.random.Generator) -> None:
    ours, base = rng.normal(1, 1, 12), rng.normal(0, 1, 12)
    expected = stats.ttest_rel(ours, base).confidence_interval(0.9)
    result = paired_difference(dict(enumerate(ours)), dict(enumerate(base)), confidence=0.9)
    assert (result.low, result.high) == pytest.approx((expected.low, expected.high))


def test_only_pairs_count() -> None:
    ours, base = {0: 1.0, 1: math.nan, 2: 9.0, 3: 1.5}, {0: 0.5, 1: 0.0, 3: 0.5}
    assert paired_difference(ours, base) == paired_difference({0: 1.0, 3: 1.5}, {0: 0.5, 3: 0.5})


@pytest.mark.parametrize(
    ("values", "clear"), [((0.1, 0.11, 0.12), True), ((-0.1, -0.11, -0.12), True), ((0.0, 0.0), False)]
)
def test_clear(values: tuple[float, ...], clear: bool) -> None:
    assert paired_difference(dict(enumerate(values)), dict.fromkeys(range(3), 0.0)).clear is clear


def test_too_few_pairs_are_undefined_and_never_clear() -> None:
    one = paired_difference({0: 1.0}, {0: 0.0})
    assert one.mean == 1
    assert math.isnan(one.low)
    assert not one.clear
    none = paired_difference({0: 1.0}, {1: 0.0})
    assert none.pairs == 0
    assert math.isnan(none.mean)


@pytest.mark.parametrize("score", [0.1 + 0.2, 0.3 * (1 + 1e-15)])
def test_what_differs_by_rounding_is_equal(score: float) -> None:
    result = paired_difference(dict.fromkeys(range(3), score), dict.fromkeys(range(3), 0.3))
    assert result.mean == 0
    assert not result.clear


@pytest.mark.parametrize(
    ("ours", "base"), [([1.0, 1.0], [0.0, 0.0]), ([0.8, 0.9, 1.0], [0.1, 0.2, 0.3]), ([5.0, 7.0], [5.0, 7.0])]
)
def test_pairs_without_spread_leave_the_interval_unknown(ours: list[float], base: list[float]) -> None:
    """An exact sign-flip test of two pairs cannot go below p = 0.5, whatever the difference."""
    result = paired_difference(dict(enumerate(ours)), dict(enumerate(base)))
    assert result.mean == pytest.approx(ours[0] - base[0])
    assert math.isnan(result.low)
    assert math.isnan(result.high)
    assert not result.clear


def test_small_but_real_spread_counts() -> None:
    result = paired_difference({0: 1e-6, 1: 1.1e-6, 2: 0.9e-6}, {0: 0.0, 1: 0.0, 2: 0.0})
    assert result.clear


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_confidence_is_a_share(confidence: float) -> None:
    with pytest.raises(ValueError, match="`confidence` needs a number between 0 and 1"):
        paired_difference({}, {}, confidence)
