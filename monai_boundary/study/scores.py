# SPDX-License-Identifier: Apache-2.0
"""The scores of finished runs, and what they say about the arms."""

from __future__ import annotations

import json
import math
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from monai_boundary._tables import Row, read_table
from monai_boundary.report.paired_difference import PairedDifference, paired_difference
from monai_boundary.study.plan import StudyMetric, StudyPlan
from monai_boundary.study.runs import lacking_evaluations, read_run

COST = "seconds_per_step"


class ArmScore(NamedTuple):
    """A score of an arm over its runs: how many have it, mean, standard deviation, difference to the base arm."""

    arm: str
    metric: str
    runs: int
    mean: float
    std: float
    difference: PairedDifference


def run_rows(plan: StudyPlan, study_dir: str | os.PathLike[str]) -> list[Row]:
    """Return a row for each finished run of the plan: arm, seed, fold, scores, seconds, seconds per step.

    Scores of an evaluation that the study was given later, and that a run does not have yet, are NaN.

    Args:
        plan: the study.
        study_dir: its folder.

    Raises:
        ValueError: if a finished run lacks a score; the message names those that it has.
    """
    rows = []
    for run in plan.runs():
        folder = run.place(study_dir)
        about = read_run(folder)
        if about is None:
            continue
        row: Row = {"arm": run.arm, "seed": run.seed, "fold": run.fold}
        scored = scored_metrics(plan, about)
        row |= {metric.name: read_score(folder, metric) if metric in scored else math.nan for metric in plan.metrics}
        rows.append({**row, COST: _step_seconds(folder), "seconds": about["seconds"], "commit": about["commit"]})
    return rows


def read_score(folder: str | os.PathLike[str], metric: StudyMetric) -> float:
    """Return a score of a run, NaN where it is undefined (null).

    Args:
        folder: of the run.
        metric: where the score is.

    Raises:
        ValueError: if the file or an entry does not exist, or is no number.
    """
    name, *keys = metric.source.split("::")
    path = Path(folder) / name
    if not path.is_file():
        raise ValueError(f"`metrics` needs {metric.name!r} in {name}, which {folder} does not have.")
    value: Any = json.loads(path.read_text(encoding="utf-8"))
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            known = ", ".join(value) if isinstance(value, dict) else "no entries"
            raise ValueError(f"`metrics` needs {metric.source}, got no {key!r} in {path}, which has: {known}.")
        value = value[key]
    if value is not None and not isinstance(value, (int, float)):
        raise ValueError(f"`metrics` needs a number at {metric.source}, got {type(value).__name__} in {path}.")
    return math.nan if value is None else float(value)


def scored_metrics(plan: StudyPlan, about: Mapping[str, Any]) -> list[StudyMetric]:
    """Return the metrics that a finished run has: all but those of evaluations that it lacks.

    Args:
        plan: the study.
        about: what the run says of itself.
    """
    lacking = {each.name for each in lacking_evaluations(plan, about)}
    return [metric for metric in plan.metrics if Path(metric.source.split("::")[0]).parts[0] not in lacking]


def arm_scores(plan: StudyPlan, rows: Sequence[Row]) -> list[ArmScore]:
    """Return the scores of every arm that has finished runs, the cost of a step among them, arms in their order.

    Args:
        plan: the study.
        rows: of :func:`run_rows`.
    """
    found = []
    for arm in plan.arms:
        own = [row for row in rows if row["arm"] == arm]
        base = [row for row in rows if row["arm"] == plan.base]
        for name in [metric.name for metric in plan.metrics] + [COST]:
            values = [row[name] for row in own if math.isfinite(row[name])]
            difference = paired_difference(_by_pair(own, name), _by_pair(base, name))
            mean, std = _or_nan(statistics.mean, values, 1), _or_nan(statistics.stdev, values, 2)
            found.append(ArmScore(arm, name, len(values), mean, std, difference))
    return [score for score in found if any(row["arm"] == score.arm for row in rows)]


def _by_pair(rows: Sequence[Row], name: str) -> dict[Any, float]:
    return {(row["seed"], row["fold"]): row[name] for row in rows}


def _or_nan(function: Callable[[Sequence[float]], float], values: Sequence[float], least: int) -> float:
    return float(function(values)) if len(values) >= least else math.nan


def _step_seconds(folder: Path) -> float:
    """The quietest epoch's median: what else the machine did is in the others."""
    seconds = [row[COST] for row in read_table(folder / "metrics.csv") if COST in row]
    return min(seconds, default=math.nan)
