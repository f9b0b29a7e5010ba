# SPDX-License-Identifier: Apache-2.0
"""What the rows of all cases say: means with bootstrap intervals, misses beside them, and the worst cases."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from monai_boundary._tables import Row
from monai_boundary._typing import DoubleArray
from monai_boundary.report.score_names import COUNTED, SCORES

RESAMPLES = 2000
_AVERAGES = ("mean", "low", "high", "std", "median")


def bootstrap_interval(
    values: Sequence[float], confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a mean over cases.

    Args:
        values: a score of each case, finite.
        confidence: 0..1.
        resamples: draws of the cases with replacement.
        seed: of the draws: the same values give the same interval.

    Returns:
        Lower and upper end; NaN of fewer than two values.

    Raises:
        ValueError: if ``confidence`` is not between 0 and 1.

    Example:
        >>> low, high = bootstrap_interval([0.0, 1.0] * 50)
        >>> round(low, 1), round(high, 1)
        (0.4, 0.6)
    """
    check_share("confidence", confidence)
    scores = np.asarray(values, dtype=np.float64)
    if scores.size < 2:
        return math.nan, math.nan
    rng = np.random.default_rng(seed)
    means = [scores[rng.integers(0, scores.size, (50, scores.size))].mean(axis=1) for _ in range(-(-resamples // 50))]
    return percentile_interval(np.concatenate(means), confidence)


def check_share(name: str, value: float) -> None:
    """Refuse what is no number between 0 and 1.

    Args:
        name: of the argument.
        value: given.

    Raises:
        ValueError: if it is not.
    """
    if not 0 < value < 1:
        raise ValueError(f"`{name}` needs a number between 0 and 1, got {value!r}.")


def percentile_interval(means: DoubleArray, confidence: float) -> tuple[float, float]:
    """Return between which two values the middle share of resampled means lies.

    Args:
        means: of the resamples.
        confidence: the share, 0..1.

    Example:
        >>> percentile_interval(np.arange(101.0), 0.5)
        (25.0, 75.0)
    """
    low, high = np.percentile(means, [50 * (1 - confidence), 50 * (1 + confidence)])
    return float(low), float(high)


def summarise(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], empty_policy: str = "diagonal"
) -> dict[str, dict[str, Any]]:
    """Return for each method and class the scores over the cases, and how many cases count for nothing in them.

    Args:
        rows: one for each method, case and class, with ``method``, ``case``, ``class``, the scores and the counts.
        names: of the scores.
        empty_policy: that of the scores: with ``"nan"`` the mean of a distance is NaN where a case was missed.

    Returns:
        method -> class -> ``cases``, ``missed``, ``false_alarm``, ``both_empty`` (numbers of cases), of components
        ``missed_components`` and ``components`` (over all cases), and ``scores``: name -> ``mean``, ``low``, ``high``
        (95 % bootstrap interval of the mean), ``std``, ``median``, ``defined``.
    """
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for (method, name), own in grouped(rows, "method", "class").items():
        counts = {count: int(sum(row[count] for row in own)) for count in COUNTED}
        if "missed_components" in names:
            counts["missed_components"] = int(sum(row["missed_components"] for row in own))
            counts["components"] = int(sum(row["lesions_truth"] for row in own))
        scores = {score: score_statistics([row[score] for row in own]) for score in names}
        if empty_policy == "nan":
            for score in names:
                if SCORES[score].unit == "length" and any(
                    math.isnan(row[score]) and not row["both_empty"] for row in own
                ):
                    scores[score] |= dict.fromkeys(_AVERAGES, math.nan)
        found[method][name] = {"cases": len(own), **counts, "scores": scores}
    return dict(found)


def score_statistics(values: Iterable[float]) -> dict[str, float]:
    """Return mean, its interval, standard deviation, median and number of the values that are defined.

    Args:
        values: NaN is left out; infinity counts, and the mean is infinite.
    """
    defined: DoubleArray = np.array([v for v in values if not math.isnan(v)], dtype=np.float64)
    if not defined.size:
        return dict.fromkeys(_AVERAGES, math.nan) | {"defined": 0}
    finite = bool(np.isfinite(defined).all())
    low, high = bootstrap_interval(defined.tolist()) if finite else (math.nan, math.nan)
    std = float(defined.std(ddof=1)) if defined.size > 1 and finite else math.nan
    about = {"mean": float(defined.mean()), "low": low, "high": high, "std": std, "median": float(np.median(defined))}
    return {**about, "defined": int(defined.size)}


def rank_cases(rows: Sequence[Mapping[str, Any]], score: str) -> list[Row]:
    """Return the cases of all methods by the mean of a score over their classes, the worst first.

    Args:
        rows: as for :func:`summarise`.
        score: one of which higher or lower is better.

    Returns:
        Rows of ``method``, ``case``, the score and ``classes_missed``. A case whose score is undefined because
        something was missed, or falsely found, comes first; one in which there was nothing to find comes last.

    Raises:
        ValueError: if neither higher nor lower is better.
    """
    if score not in SCORES or not SCORES[score].better:
        known = ", ".join(name for name, about in SCORES.items() if about.better)
        raise ValueError(f"`rank_by` needs a score of which more or less is better ({known}), got {score!r}.")
    ranked: list[Row] = []
    group: dict[tuple[Any, ...], int] = {}
    for (method, case), own in grouped(rows, "method", "case").items():
        values = [row[score] for row in own if not math.isnan(row[score])]
        mean = float(np.mean(values)) if values else math.nan
        missed = ", ".join(str(row["class"]) for row in own if row["missed"])
        ranked.append({"method": method, "case": case, score: mean, "classes_missed": missed})
        bad = any(math.isnan(row[score]) and (row["missed"] or row["false_alarm"]) for row in own)
        group[method, case] = 0 if bad else 1 if values else 2
    sign = 1 if SCORES[score].better == "higher" else -1

    def place(row: Row) -> tuple[int, bool, float]:
        undefined = math.isnan(row[score])
        return group[row["method"], row["case"]], not undefined, 0.0 if undefined else sign * row[score]

    return sorted(ranked, key=place)


def grouped(rows: Iterable[Mapping[str, Any]], *keys: str) -> dict[tuple[Any, ...], list[Mapping[str, Any]]]:
    """Return rows by the values of some of their columns, groups in the order in which they first appear.

    Args:
        rows: of a table.
        keys: columns.
    """
    found: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[tuple(row[key] for key in keys)].append(row)
    return found
