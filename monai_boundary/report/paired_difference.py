# SPDX-License-Identifier: Apache-2.0
"""Is a difference larger than the noise? The paired t interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

# the share of a score that rounding may take; sums of thousands of float64 voxels stay below
_DIGITS = 1e-12


class PairedDifference(NamedTuple):
    """Mean difference of pairs and its confidence interval; NaN where the pairs do not tell one."""

    pairs: int
    mean: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether the interval excludes 0: the difference is larger than the noise."""
        return self.low > 0 or self.high < 0


def paired_difference(
    ours: Mapping[Any, float], base: Mapping[Any, float], confidence: float = 0.95
) -> PairedDifference:
    """Return the mean of ``ours - base`` over the keys that both have, with Student's t confidence interval.

    The interval takes the pairs as independent draws. Folds of one data set are not quite: their trainings share data,
    and the interval is somewhat too narrow.

    Scores that differ by no more than the rounding of their last digits count as equal. Pairs that all differ by the
    same amount (a count of 1 against 0 in two seeds; one result read twice) say nothing of the noise: t's interval
    would have no width, and any difference would be "clear". The interval is NaN then.

    Args:
        ours: key (such as seed and fold) -> score. NaN is left out.
        base: the same of what is compared with.
        confidence: of the interval, 0..1.

    Returns:
        Of no pair all is NaN, of one pair, or of pairs without spread, the interval is.

    Raises:
        ValueError: if ``confidence`` is not between 0 and 1.

    Example:
        >>> difference = paired_difference({0: 0.8, 1: 0.9}, {0: 0.7, 1: 0.7})
        >>> difference.pairs, round(difference.mean, 3), round(difference.low, 3), difference.clear
        (2, 0.15, -0.485, False)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` needs a number between 0 and 1, got {confidence!r}.")
    scores = np.array([(ours[key], base[key]) for key in ours if key in base], dtype=np.float64).reshape(-1, 2)
    scores = scores[np.isfinite(scores).all(axis=1)]
    if not len(scores):
        return PairedDifference(0, math.nan, math.nan, math.nan)
    rounding = _DIGITS * float(np.abs(scores).max())
    values = scores[:, 0] - scores[:, 1]
    mean = float(values.mean()) if np.abs(values).max() > rounding else 0.0
    if np.ptp(values) <= rounding:
        return PairedDifference(len(values), mean, math.nan, math.nan)
    half = float(stats.t.ppf((1 + confidence) / 2, values.size - 1) * values.std(ddof=1) / math.sqrt(values.size))
    return PairedDifference(len(values), mean, mean - half, mean + half)
