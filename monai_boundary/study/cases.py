# SPDX-License-Identifier: Apache-2.0
"""The scores of each case in the runs of a study, and what the same cases say of two arms."""

from __future__ import annotations

import json
import math
import os
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_boundary._tables import Row, read_table
from monai_boundary.report.case_summary import grouped
from monai_boundary.report.design_power import nested_bootstrap_interval
from monai_boundary.report.method_comparison import holm_adjusted, paired_cases
from monai_boundary.study.plan import StudyMetric, StudyPlan
from monai_boundary.study.runs import read_run
from monai_boundary.study.scores import read_score, scored_metrics

ALL = "all"
_NAMED = ("case", "slice", "section")  # columns that say which case it is
_ROUNDING = 1e-6  # of a mean, of what sums of single precision leave


def study_case_rows(plan: StudyPlan, study_dir: str | os.PathLike[str]) -> list[Row]:
    """Return a row for each case of each finished run: arm, seed, fold, case, and the scores that cases have.

    They lie beside the score of the run: those of ``metrics.json`` in ``metrics_cases.csv``, those of
    ``evaluation/evaluation.json`` in ``evaluation/evaluation_cases.csv``, in the column with the name of the score's
    entry. Of what is no mean or sum of that column (an area under a curve) there are no scores of cases.

    Args:
        plan: the study.
        study_dir: its folder.
    """
    found: list[Row] = []
    for run in plan.runs():
        folder = run.place(study_dir)
        about = read_run(folder)
        if about is None:
            continue
        by_case: dict[str, Row] = defaultdict(dict)
        for metric in scored_metrics(plan, about):
            for case, value in _case_scores(folder, metric).items():
                by_case[case][metric.name] = value
        of_run = {"arm": run.arm, "seed": run.seed, "fold": run.fold}
        found += [{**of_run, "case": case, **scores} for case, scores in by_case.items()]
    return found


def case_differences(plan: StudyPlan, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return the paired differences of every arm to the base over the cases: over all seeds, and of each seed.

    A case is one pair, whatever the number of seeds and folds that it was scored in: its scores are averaged over the
    runs in which both arms have one. So the interval says how far other cases might move the difference, with the
    seeds as they are; that over the seeds (:func:`~monai_boundary.study.arm_scores`) says how far other trainings
    might. ``nested_low`` and ``nested_high`` know of both: runs are drawn anew, and cases within them.

    Slices of a case are no cases of their own, since they resemble one another: what a run says of a case is the mean
    over those of its slices in which both arms have a score. Sections of an image stack are cases: there is often one.

    Args:
        plan: the study.
        rows: of `study_case_rows`.

    Returns:
        A row for each arm and score, and of several seeds for each of them: ``seed`` (``"all"`` or the number), what
        `paired_cases` says of the two (mean difference, t and bootstrap intervals, median, Wilcoxon's p, numbers of
        cases), ``nested_low`` and ``nested_high`` (95 % bootstrap interval over runs and over cases within runs), and
        ``p_holm``, corrected for all comparisons with the same ``seed``.
    """
    seeds = list(dict.fromkeys(row["seed"] for row in rows))
    table: list[Row] = []
    for seed in [ALL, *(seeds if len(seeds) > 1 else [])]:
        own = [row for row in rows if seed in (ALL, row["seed"])]
        part = [
            {"seed": seed, "arm": arm, "base": plan.base, "score": metric.name, **paired}
            for arm in plan.arms
            if arm != plan.base
            for metric in plan.metrics
            if (paired := _compared(own, arm, plan.base, metric))
        ]
        for row, adjusted in zip(part, holm_adjusted([row["p"] for row in part]), strict=True):
            row["p_holm"] = adjusted
        table += part
    return table


def _compared(rows: Sequence[Mapping[str, Any]], arm: str, base: str, metric: StudyMetric) -> Row:
    """The comparison of one arm and score, empty where no case has both."""
    pairs: dict[str, dict[tuple[int, int | None], list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    only_one: set[str] = set()
    for (case,), own in grouped((row for row in rows if metric.name in row), "case").items():
        sides = [{_run(row): row[metric.name] for row in own if row["arm"] == name} for name in (arm, base)]
        whole = re.sub(r", slice \d+$", "", case)
        for run in (run for run in sides[0] if run in sides[1]):
            mine, other = sides[0][run], sides[1][run]
            if math.isfinite(mine) and math.isfinite(other):
                pairs[whole][run].append((mine, other))
            elif math.isfinite(mine) or math.isfinite(other):
                only_one.add(whole)
    if not pairs and not only_one:
        return {}
    means = {case: {run: _mean(both) for run, both in by.items()} for case, by in pairs.items()}
    ours, theirs = ({case: _mean(list(by.values()))[side] for case, by in means.items()} for side in (0, 1))
    by_run: dict[tuple[int, int | None], list[float]] = defaultdict(list)
    for by in means.values():
        for run, (mine, other) in by.items():
            by_run[run].append(mine - other)
    low, high = nested_bootstrap_interval(list(by_run.values()))
    paired = paired_cases(ours, theirs, "lower" if metric.lower else "higher")
    return {**paired, "nested_low": low, "nested_high": high, "unpaired": len(only_one)}


def _mean(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The means of both sides of pairs."""
    return sum(a for a, _ in pairs) / len(pairs), sum(b for _, b in pairs) / len(pairs)


def _run(row: Mapping[str, Any]) -> tuple[int, int | None]:
    return row["seed"], row["fold"]


def _case_scores(folder: Path, metric: StudyMetric) -> dict[str, float]:
    """The score of each case of a run, none where they are not those that the run's score is made of."""
    name, *keys = metric.source.split("::")
    path = folder / name
    table = read_table(path.with_name(f"{path.stem}_cases.csv"), text=_NAMED)
    column = keys[-1] if keys else ""
    if table and "epoch" in table[0]:
        entry = json.loads(path.read_text(encoding="utf-8")).get(keys[0]) or {}
        table = [row for row in table if row["epoch"] == entry.get("epoch")]
    if not any(column in row for row in table):
        return {}
    scores = {_name(row, folder): float(row.get(column, math.nan)) for row in table}
    defined = [value for value in scores.values() if math.isfinite(value)]
    of_run, total = read_score(folder, metric), sum(defined)
    same = (total, total / max(1, len(defined)))
    if defined and not any(math.isclose(of_run, value, rel_tol=_ROUNDING, abs_tol=_ROUNDING) for value in same):
        return {}
    return scores


def _name(row: Mapping[str, Any], folder: Path) -> str:
    """What a case is called: a phantom's file lies in the folder of each run, and is one case all the same."""
    case = str(row["case"])
    inside = Path(case)
    if inside.is_absolute() and inside.is_relative_to(folder.resolve()):
        case = str(inside.relative_to(folder.resolve()))
    return ", ".join([case, *(f"{key} {row[key]}" for key in _NAMED[1:] if key in row)])
