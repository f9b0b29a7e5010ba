# SPDX-License-Identifier: Apache-2.0
"""A study in writing: the tables, and the sentence that says which differences are larger than the noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from monai_boundary.study.cases import ALL
from monai_boundary.study.plan import StudyMetric, StudyPlan
from monai_boundary.study.scores import COST, ArmScore

_ABOUT_CASES = (
    "Difference to `{base}` over the same cases (whose slices are no cases of their own), each averaged over seeds and "
    "folds, with its 95 % bootstrap interval over the runs and the cases within them, and p of Wilcoxon's signed-rank "
    "test over the cases, corrected for all comparisons of the table (Holm); **bold** where that is below 0.05. The "
    "table above asks whether other trainings would differ likewise; p asks whether other cases would, and the "
    "interval asks both."
)
CLEAR = 0.05  # a corrected p below is told apart
LISTED = 6  # differences within the noise that the sentence names; of more it gives the number


def study_markdown(
    plan: StudyPlan, scores: Sequence[ArmScore], missing: int = 0, cases: Sequence[Mapping[str, Any]] = ()
) -> str:
    """Return the page of a study: sentence, mean and spread, paired differences to the base arm, by run and by case.

    Args:
        plan: the study.
        scores: of :func:`arm_scores`.
        missing: runs that are not finished, which the page then says.
        cases: of `case_differences`; none where the runs have no scores of cases.
    """
    folds = "" if plan.folds == (None,) else f", folds {', '.join(map(str, plan.folds))}"
    head = f"Bundle `{plan.bundle.name}`, seeds {', '.join(map(str, plan.seeds))}{folds}."
    if missing:
        head += f" **{missing} of {len(plan.runs())} runs are not finished.**"
    spread = "Mean ± standard deviation over the runs; ↑ higher is better, ↓ lower is better."
    paired = (
        f"Difference to `{plan.base}` over the same seeds and folds, with its 95 % t confidence interval; "
        "**bold** where the interval excludes 0."
    )
    parts = [head, study_sentence(plan, scores), spread, _means(plan, scores), paired, _differences(plan, scores)]
    if cases:
        parts += [_ABOUT_CASES.format(base=plan.base) + _least_p(cases), _case_differences(plan, cases)]
    return "\n\n".join(parts) + "\n"


def study_sentence(plan: StudyPlan, scores: Sequence[ArmScore]) -> str:
    """Return in one sentence which differences to the base are larger than the noise, and which are not.

    Args:
        plan: the study.
        scores: of :func:`arm_scores`.
    """
    told: dict[str, list[str]] = {"better": [], "worse": [], "within": [], "unknown": []}
    for metric in plan.metrics:
        for score in scores:
            if score.arm == plan.base or score.metric != metric.name:
                continue
            difference = score.difference
            kind = "unknown" if math.isnan(difference.low) else "within"
            if difference.clear:
                kind = "better" if (difference.mean < 0) == metric.lower else "worse"
            told[kind].append(f"{score.arm} in {metric.title} ({_signed(difference.mean)})")
    known = sum(len(told[kind]) for kind in ("better", "worse", "within"))
    if not known:
        return (
            "Nothing can be said about the noise: that takes two seeds or folds of the base and of another arm, "
            "and differences that vary."
        )
    clear = [f"{kind} than {plan.base}: {', '.join(told[kind])}" for kind in ("better", "worse") if told[kind]]
    sentence = f"Larger than the noise: {'; '.join(clear)}" if clear else "No difference is larger than the noise"
    if told["within"]:
        within, number = ", ".join(told["within"]), len(told["within"])
        sentence += f"; within the noise: {within if number <= LISTED else f'the other {number}'}"
    sentence += f"; with too few pairs, or the same in all: {', '.join(told['unknown'])}" if told["unknown"] else ""
    return f"{sentence} ({known} intervals of 95 %, of which chance alone puts about {0.05 * known:.1f} off 0)."


def score_title(metric: StudyMetric) -> str:
    """Return a metric's title with an arrow to what is better."""
    return f"{metric.title} {'↓' if metric.lower else '↑'}"


def _means(plan: StudyPlan, scores: Sequence[ArmScore]) -> str:
    arms = list(dict.fromkeys(score.arm for score in scores))
    by = {(score.arm, score.metric): score for score in scores}
    lines = [_line(["arm", *(score_title(m) for m in plan.metrics), "ms per step"])]
    lines.append("|---" * (len(plan.metrics) + 2) + "|")
    for arm in arms:
        runs = max(score.runs for score in scores if score.arm == arm)  # also of the cost, that no run lacks
        shown = [_spread(by[arm, metric.name], runs) for metric in plan.metrics]
        lines.append(_line([arm, *shown, _number(1000 * by[arm, COST].mean)]))
    return "\n".join(lines)


def _differences(plan: StudyPlan, scores: Sequence[ArmScore]) -> str:
    arms = [arm for arm in dict.fromkeys(score.arm for score in scores) if arm != plan.base]
    by = {(score.arm, score.metric): score.difference for score in scores}
    lines = [_line([f"minus {plan.base}", *(score_title(m) for m in plan.metrics), "ms per step"])]
    lines.append("|---" * (len(plan.metrics) + 2) + "|")
    for arm in arms:
        shown = []
        for metric in plan.metrics:
            d = by[arm, metric.name]
            text = _signed(d.mean) + ("" if math.isnan(d.low) else f" [{_signed(d.low)}, {_signed(d.high)}]")
            shown.append(f"**{text}**" if d.clear else text)
        lines.append(_line([arm, *shown, _signed(1000 * by[arm, COST].mean)]))
    return "\n".join(lines)


def _case_differences(plan: StudyPlan, cases: Sequence[Mapping[str, Any]]) -> str:
    by = {(row["arm"], row["score"]): row for row in cases if row["seed"] == ALL}
    metrics = [m for m in plan.metrics if any(score == m.name for _, score in by)]
    lines = [_line([f"minus {plan.base}, by case", "cases", *(score_title(m) for m in metrics)])]
    lines.append("|---" * (len(metrics) + 2) + "|")
    for arm in dict.fromkeys(arm for arm, _ in by):
        own = [by.get((arm, metric.name)) for metric in metrics]
        pairs = sorted({row["pairs"] for row in own if row})
        lines.append(_line([arm, " to ".join(map(str, dict.fromkeys((pairs[0], pairs[-1])))), *map(_case_cell, own)]))
    return "\n".join(lines)


def _least_p(cases: Sequence[Mapping[str, Any]]) -> str:
    """Say so if no p can tell a difference apart, however clear it is: too few cases for that many comparisons."""
    rows = [row for row in cases if row["seed"] == ALL]
    tests, pairs = sum(not math.isnan(row["p"]) for row in rows), max((row["pairs"] for row in rows), default=0)
    least = min(1.0, 2.0 ** (1 - pairs) * tests)  # all differences have one sign
    if not tests or least < CLEAR:
        return ""
    return (
        f" With {pairs} cases and {tests} comparisons no corrected p can be below {least:.2g}, however clear the "
        "difference: compare fewer arms or scores, or read the intervals."
    )


def _case_cell(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "–"
    text = _signed(row["difference"])
    if not math.isnan(row["nested_low"]):
        text += f" [{_signed(row['nested_low'])}, {_signed(row['nested_high'])}]"
    if not math.isnan(row["p_holm"]):
        text += f", p {row['p_holm']:.2g}"
    return f"**{text}**" if row["p_holm"] < CLEAR else text


def _line(entries: Sequence[str]) -> str:
    return f"| {' | '.join(entry.replace('|', '/') for entry in entries)} |"


def _spread(score: ArmScore, runs: int) -> str:
    if not score.runs:
        return "undefined"
    text = _number(score.mean) + ("" if math.isnan(score.std) else f" ± {_number(score.std)}")
    return text if score.runs == runs else f"{text} (of {score.runs})"


def _number(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _signed(value: float) -> str:
    return "–" if math.isnan(value) else f"{'+' if value >= 0 else '-'}{_number(abs(value))}"
