# SPDX-License-Identifier: Apache-2.0
"""Two methods over the same cases: paired differences, their intervals, and tests corrected for how many there are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from monai_boundary._tables import Row
from monai_boundary.report.case_summary import bootstrap_interval, grouped
from monai_boundary.report.paired_difference import paired_difference
from monai_boundary.report.score_names import SCORES


def wilcoxon_p(differences: Sequence[float]) -> float:
    """Return the two-sided p value of Wilcoxon's signed-rank test; differences of 0 are left out, as Wilcoxon did.

    Args:
        differences: of pairs, finite.

    Returns:
        1 where all pairs are equal, NaN where there is none.

    Example:
        >>> wilcoxon_p([0.1, 0.2, 0.3, 0.4, 0.5])
        0.0625
    """
    values = np.asarray(differences, dtype=np.float64)
    if not values.size:
        return math.nan
    values = values[values != 0]
    return float(stats.wilcoxon(values).pvalue) if values.size else 1.0


def holm_adjusted(p_values: Sequence[float]) -> list[float]:
    """Return p values that Holm's step-down correction holds the family-wise error with.

    Args:
        p_values: of a family of tests; NaN is no test, and stays.

    Example:
        >>> [round(p, 3) for p in holm_adjusted([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    order = sorted((p, k) for k, p in enumerate(p_values) if math.isfinite(p))
    adjusted = list(p_values)
    largest = 0.0
    for rank, (p, k) in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p))
        adjusted[k] = largest
    return adjusted


def compare_methods(rows: Sequence[Mapping[str, Any]], scores: Sequence[str], base: str) -> list[Row]:
    """Return the paired differences of every method to the base, over the cases that both have.

    Args:
        rows: one for each method, case and class.
        scores: which of them are compared; Holm's correction is over all tests of the table.
        base: name of the method that the others are compared with.

    Returns:
        A row for each method, class and score: ``pairs``, ``difference`` (mean of method less base), ``low`` and
        ``high`` (95 % t interval), ``bootstrap_low`` and ``bootstrap_high`` (95 % bootstrap interval over the cases),
        ``median``, ``p`` (Wilcoxon), ``p_holm``, ``better`` and ``worse`` (numbers of cases), and ``unpaired``: cases
        where only one of the two is defined, which no difference counts.

    Raises:
        ValueError: if there is no such base.
    """
    by = {key: {row["case"]: row for row in own} for key, own in grouped(rows, "method", "class").items()}
    if not any(method == base for method, _ in by):
        raise ValueError(f"`base` needs a method that has cases, got {base!r}.")
    table: list[Row] = []
    for (method, name), own in by.items():
        theirs = by.get((base, name), {})
        if method == base or not theirs:
            continue
        for score in scores:
            ours_by, base_by = ({case: row[score] for case, row in side.items()} for side in (own, theirs))
            about = {"method": method, "base": base, "class": name, "score": score}
            table.append(about | paired_cases(ours_by, base_by, SCORES[score].better))
    for row, adjusted in zip(table, holm_adjusted([row["p"] for row in table]), strict=True):
        row["p_holm"] = adjusted
    return table


def largest_differences(rows: Sequence[Mapping[str, Any]], score: str, base: str, most: int = 10) -> list[Row]:
    """Return the cases and classes in which methods differ most from the base.

    Args:
        rows: one for each method, case and class.
        score: by which.
        base: name of the method that the others are compared with.
        most: of each method.
    """
    found: list[Row] = []
    theirs = {(row["case"], row["class"]): row[score] for row in rows if row["method"] == base}
    for (method,), own in grouped(rows, "method").items():
        if method == base:
            continue
        differences = [
            {"method": method, "base": base, "case": row["case"], "class": row["class"], "score": score}
            | {"value": row[score], "base_value": theirs[key], "difference": row[score] - theirs[key]}
            for row in own
            if (key := (row["case"], row["class"])) in theirs and math.isfinite(row[score] - theirs[key])
        ]
        found += sorted(differences, key=lambda row: -abs(row["difference"]))[:most]
    return found


def paired_cases(ours: Mapping[Any, float], base: Mapping[Any, float], better: str) -> dict[str, Any]:
    """Return what the same cases say of two methods, or of two arms of a study.

    Args:
        ours: case -> score; NaN where it is undefined. What is infinite in either is no pair.
        base: the same of what is compared with.
        better: ``"higher"`` or ``"lower"``.

    Returns:
        ``pairs``, ``difference`` (mean), ``low`` and ``high`` (95 % t interval), ``bootstrap_low`` and
        ``bootstrap_high`` (95 % bootstrap interval over the cases), ``median``, ``better`` and ``worse`` (numbers of
        cases), ``unpaired`` (cases in which only one of the two is defined), and ``p`` (Wilcoxon).

    Example:
        >>> found = paired_cases({"a": 0.75, "b": 0.5}, {"a": 0.5, "b": 0.75}, "higher")
        >>> found["pairs"], found["difference"], found["better"], found["worse"]
        (2, 0.0, 1, 1)
    """
    shared = [case for case in ours if case in base]
    pairs = [(ours[c], base[c]) for c in shared if math.isfinite(ours[c]) and math.isfinite(base[c])]
    # what differs in the last digits only is equal
    finite = [0.0 if math.isclose(mine, theirs, rel_tol=1e-12) else mine - theirs for mine, theirs in pairs]
    difference = paired_difference(ours, base)
    bootstrap_low, bootstrap_high = bootstrap_interval(finite)
    sign = 1 if better == "higher" else -1
    return {
        "pairs": difference.pairs,
        "difference": difference.mean,
        "low": difference.low,
        "high": difference.high,
        "bootstrap_low": bootstrap_low,
        "bootstrap_high": bootstrap_high,
        "median": float(np.median(finite)) if finite else math.nan,
        "better": sum(sign * d > 0 for d in finite),
        "worse": sum(sign * d < 0 for d in finite),
        "unpaired": sum(math.isfinite(ours[c]) != math.isfinite(base[c]) for c in shared),
        "p": wilcoxon_p(finite),
    }
