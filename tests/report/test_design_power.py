# SPDX-License-Identifier: Apache-2.0
"""What a paired design can see, against textbooks and by trying; the bootstrap over cases within runs, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from monai_boundary.report import bootstrap_interval
from monai_boundary.report.design_power import detectable_difference, nested_bootstrap_interval


@pytest.mark.parametrize(("pairs", "known"), [(5, 1.68), (10, 0.996), (34, 0.495), (199, 0.2)])
def test_agrees_with_published_tables(pairs: int, known: float) -> None:
    """Cohen's d_z of a paired t test with a power of 0.8 and alpha 0.05, two-sided: G*Power's n 34 for d_z 0.5."""
    assert detectable_difference(pairs) == pytest.approx(known, rel=0.01)


@pytest.mark.parametrize(("pairs", "confidence"), [(3, 0.95), (8, 0.99)])
def test_a_simulated_study_sees_it_as_often_as_said(pairs: int, confidence: float, rng: np.random.Generator) -> None:
    draws = rng.normal(detectable_difference(pairs, 0.7, confidence), 1, (20000, pairs))
    found = stats.ttest_1samp(draws, 0, axis=1)
    seen = (found.pvalue < 1 - confidence) & (found.statistic > 0)
    assert seen.mean() == pytest.approx(0.7, abs=0.015)


def test_one_pair_shows_nothing() -> None:
    assert detectable_difference(1) == math.inf
    with pytest.raises(ValueError, match="`power` needs a number between 0 and 1, got 80"):
        detectable_difference(5, power=80)
    with pytest.raises(ValueError, match="`confidence` needs a number between 0 and 1, got 95"):
        detectable_difference(5, confidence=95)


def test_one_run_is_the_bootstrap_over_its_cases(rng: np.random.Generator) -> None:
    values = rng.normal(0.02, 0.1, 40).tolist()
    assert nested_bootstrap_interval([values]) == pytest.approx(bootstrap_interval(values), abs=0.004)


def test_runs_that_disagree_widen_it() -> None:
    """Three runs with means -0.1, 0 and 0.1 and no spread within: a resample's mean is that of three draws of them."""
    low, high = nested_bootstrap_interval([[-0.1] * 50, [0.0] * 50, [0.1] * 50])
    assert (low, high) == pytest.approx((-0.1, 0.1))
    pooled = bootstrap_interval([*[-0.1] * 50, *[0.0] * 50, *[0.1] * 50])
    assert max(map(abs, pooled)) < 0.02


def test_the_spread_is_that_of_theory(rng: np.random.Generator) -> None:
    """Variance of the mean: that between k run means over k, and that within over all cases."""
    runs = [rng.normal(shift, 0.2, 100) for shift in rng.normal(0, 0.05, 30)]
    low, high = nested_bootstrap_interval([run.tolist() for run in runs])
    means = np.array([run.mean() for run in runs])
    error = math.sqrt(means.var() / 30 + np.mean([run.var() for run in runs]) / 3000)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.06)
    assert low < means.mean() < high


def test_hardly_anything() -> None:
    assert all(map(math.isnan, nested_bootstrap_interval([[0.5], []])))
    assert nested_bootstrap_interval([[0.5], [0.5]]) == (0.5, 0.5)
    with pytest.raises(ValueError, match="`confidence` needs a number between 0 and 1"):
        nested_bootstrap_interval([[1.0, 2.0]], 95)
