# SPDX-License-Identifier: Apache-2.0
"""What a paired design can see before it is run, and what pairs within runs say after it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import optimize, stats

from monai_boundary.report.case_summary import RESAMPLES, check_share, percentile_interval


def detectable_difference(pairs: int, power: float = 0.8, confidence: float = 0.95) -> float:
    """Return the mean difference of pairs that a two-sided paired t test finds with the given power.

    In standard deviations of a pair's difference: 1.68 of five pairs says that with differences that scatter by 0.01, a
    true difference of 0.0168 is found four times of five. By the noncentral t distribution, exact for normal
    differences.

    Args:
        pairs: how many there will be.
        power: with which it is to be found, 0..1.
        confidence: of the interval that has to exclude 0, 0..1; 1 - 0.05 / m for the strictest of m comparisons that
            Holm corrects.

    Returns:
        The difference; infinity of fewer than two pairs, which show no difference however large.

    Raises:
        ValueError: if ``power`` or ``confidence`` is not between 0 and 1.

    Example:
        >>> round(detectable_difference(5), 2), round(detectable_difference(200), 3)
        (1.68, 0.199)
    """
    for name, value in (("power", power), ("confidence", confidence)):
        check_share(name, value)
    if pairs < 2:
        return math.inf
    freedom, root = pairs - 1, math.sqrt(pairs)
    edge = float(stats.t.ppf((1 + confidence) / 2, freedom))

    def lacking(shift: float) -> float:
        return float(stats.nct.sf(edge, freedom, shift)) - power

    highest = edge + float(stats.norm.ppf(power)) + 1
    while not lacking(highest) > 0:
        highest *= 2
    return float(optimize.brentq(lacking, 1e-9, highest)) / root


def nested_bootstrap_interval(
    groups: Sequence[Sequence[float]], confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a mean over cases within runs.

    Each resample draws runs with replacement, and cases with replacement within each run that was drawn; its mean is
    over all cases that were drawn. So the interval knows of both: that other trainings, and that other cases might have
    been drawn. Of one run it is the interval over its cases.

    Args:
        groups: of each run (a seed and a fold), a value for each case, finite. Runs without a case are left out.
        confidence: 0..1.
        resamples: how many.
        seed: of the draws: the same values give the same interval.

    Returns:
        Lower and upper end; NaN of fewer than two values.

    Raises:
        ValueError: if ``confidence`` is not between 0 and 1.

    Example:
        >>> nested_bootstrap_interval([[0.0, 0.0], [1.0, 1.0]])  # all cases of a run agree, the runs do not
        (0.0, 1.0)
    """
    check_share("confidence", confidence)
    runs = [np.asarray(group, dtype=np.float64) for group in groups if len(group)]
    if sum(run.size for run in runs) < 2:
        return math.nan, math.nan
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    for k in range(resamples):
        drawn = [runs[at] for at in rng.integers(0, len(runs), len(runs))]
        sums = [run[rng.integers(0, run.size, run.size)].sum() for run in drawn]
        means[k] = sum(sums) / sum(run.size for run in drawn)
    return percentile_interval(means, confidence)
