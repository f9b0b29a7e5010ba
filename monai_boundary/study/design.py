# SPDX-License-Identifier: Apache-2.0
"""What a study can see, told before its first run."""

from __future__ import annotations

import math

from monai_boundary.report.design_power import detectable_difference
from monai_boundary.study.plan import StudyPlan

POWER = 0.8


def design_sentence(plan: StudyPlan) -> str:
    """Return which differences a plan finds four times of five, by the t intervals over its runs.

    Args:
        plan: the study; of a protocol with two parts, the one whose runs confirm is what counts.

    Example:
        >>> from pathlib import Path
        >>> from monai_boundary.study.plan import StudyMetric
        >>> metric = StudyMetric("dice", "Dice", False, "metrics.json::last::dice", spread=0.01)
        >>> plan = StudyPlan(Path(), (), {"a": {}, "b": {}}, "a", (metric,), folds=(0, 1, 2, 3, 4))
        >>> design_sentence(plan).partition(": ")[2].partition(";")[0]
        '1.68 standard deviations of a pair, of 5 pairs of runs for each arm'
    """
    pairs = len(plan.seeds) * len(plan.folds)
    comparisons = max(1, len(plan.arms) - 1) * len(plan.metrics)
    one, strictest = (detectable_difference(pairs, POWER, 1 - 0.05 / m) for m in (1, comparisons))
    head = "The smallest difference that is seen with a power of 80 %: "
    if math.isinf(one):
        return f"{head}none, of {pairs} pair of runs for each arm: it takes two seeds or folds."
    told = f"{head}{one:.2f} standard deviations of a pair, of {pairs} pairs of runs for each arm"
    if comparisons > 1:
        told += f" ({strictest:.2f} for the first of {comparisons} comparisons after Holm's correction)"
    known = [m for m in plan.metrics if m.spread is not None]
    if known:
        told += "; " + ", ".join(
            f"{m.title} {one * (m.spread or 0):.2g} if pairs scatter by {m.spread:g}" for m in known
        )
    return f"{told}."
