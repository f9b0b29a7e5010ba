# SPDX-License-Identifier: Apache-2.0
"""A study as a picture: for each score, the paired differences to the base arm and their intervals."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from monai_boundary._tables import Row
from monai_boundary.study.plan import StudyMetric, StudyPlan
from monai_boundary.study.scores import ArmScore
from monai_boundary.study.tables import score_title

_COLOURS = {True: "#1b7837", False: "#b2182b", None: "#555555"}  # better, worse, within the noise


def draw_study(plan: StudyPlan, scores: Sequence[ArmScore], rows: Sequence[Row], path: str | os.PathLike[str]) -> None:
    """Write a panel for each score: an arm's differences as dots, their mean and 95 % interval as a bar.

    Green is better and red worse than the base with an interval that excludes 0; grey is within the noise.

    Args:
        plan: the study.
        scores: of :func:`arm_scores`.
        rows: of :func:`run_rows`.
        path: the picture's file; its ending says which format.
    """
    arms = [arm for arm in plan.arms if any(score.arm == arm for score in scores) and arm != plan.base]
    size = (1.6 + 2.6 * len(plan.metrics), 1.4 + 0.36 * max(1, len(arms)))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(plan.metrics), squeeze=False, sharey=True)[0]
    for panel, metric in zip(panels, plan.metrics, strict=True):
        _draw_panel(panel, plan, metric, arms, scores, rows)
    panels[0].set_yticks(range(len(arms)), arms)
    panels[0].set_ylim(len(arms) - 0.4, -0.6)
    figure.suptitle(f"difference to {plan.base}, {plan.bundle.name}", fontsize=10)
    figure.savefig(path, dpi=110)


def _draw_panel(
    panel: Axes,
    plan: StudyPlan,
    metric: StudyMetric,
    arms: Sequence[str],
    scores: Sequence[ArmScore],
    rows: Sequence[Row],
) -> None:
    base = {(row["seed"], row["fold"]): row[metric.name] for row in rows if row["arm"] == plan.base}
    panel.axvline(0, color="black", linewidth=0.8)
    for at, arm in enumerate(arms):
        (difference,) = [s.difference for s in scores if s.arm == arm and s.metric == metric.name]
        own = [row for row in rows if row["arm"] == arm and (row["seed"], row["fold"]) in base]
        dots = [row[metric.name] - base[row["seed"], row["fold"]] for row in own]
        kind = ((difference.mean < 0) == metric.lower) if difference.clear else None
        panel.plot(dots, [at] * len(dots), ".", color=_COLOURS[kind], alpha=0.5, markersize=5)
        if math.isfinite(difference.low):
            panel.plot([difference.low, difference.high], [at, at], "-", color=_COLOURS[kind], linewidth=2)
        panel.plot([difference.mean], [at], "|", color=_COLOURS[kind], markersize=11, markeredgewidth=2)
    panel.set_title(score_title(metric), fontsize=9)
    panel.tick_params(labelsize=8)
    panel.grid(axis="x", alpha=0.3)
