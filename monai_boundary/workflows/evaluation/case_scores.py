# SPDX-License-Identifier: Apache-2.0
"""The scores of an evaluation, over all cases and of each, as files and on the console."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.engines.workflow import Workflow

from monai_boundary._tables import Row, write_json, write_table
from monai_boundary.metrics import ItemMetric
from monai_boundary.workflows.runs.score_table import log_scores, missed_notes


def write_case_scores(
    folder: str | os.PathLike[str],
    evaluator: Workflow,
    metric: ItemMetric | type[ItemMetric],
    items: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    shown: Sequence[str] = (),
) -> dict[str, Any]:
    """Write the scores of cases to ``evaluation.json`` and, by case, to ``evaluation_cases.csv``; log and return them.

    Args:
        folder: where the files go.
        evaluator: the engine that ran, with an :class:`~monai_boundary.handlers.ItemScoresHandler` without prefix.
        metric: of that handler, for the names of its scores.
        items: the cases, in order, for their names (``case``, and ``slice`` where there is one).
        settings: written into the JSON file.
        shown: scores to log; all that are averaged if not given.

    Returns:
        ``mean``, ``std`` (over the cases where a score is defined) and ``defined`` (their number) by score, but of the
        scores that are counted the number of cases.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    details = {name: evaluator.state.metric_details[name].flatten().numpy() for name in metric.score_names}
    averaged = [name for name in details if name not in metric.counted]
    result: dict[str, Any] = {"settings": dict(settings), "cases": len(items)}
    result["mean"] = {name: float(evaluator.state.metrics[name]) for name in averaged}
    result["std"] = {name: _std(details[name]) for name in averaged}
    result["defined"] = {name: int(np.isfinite(details[name]).sum()) for name in averaged}
    result |= {name: int(details[name].sum()) for name in metric.counted}
    files = {
        "scores": place / "evaluation.json",
        "cases": place / "evaluation_cases.csv",
        "pictures": place / "pictures",
    }
    write_json(result, files["scores"])
    rows: list[Row] = [
        {
            **{key: item[key] for key in ("case", "slice") if key in item},
            **{name: float(values[k]) for name, values in details.items()},
        }
        for k, item in enumerate(items)
    ]
    write_table(rows, files["cases"])
    logged = {name: result["mean"][name] for name in (shown or averaged)}
    logged |= {name: result[name] for name in metric.counted}
    missed_mm = getattr(metric, "options", {}).get("missed_mm", settings.get("missed_mm"))
    notes = missed_notes({**result["mean"], **logged}, missed_mm, result["defined"], len(items))
    log_scores(f"Mean scores of {len(items)} {'cases' if len(items) > 1 else 'case'}:", logged, files, notes)
    return result


def _std(values: Any) -> float:
    defined = values[np.isfinite(values)]
    return float(defined.std(ddof=1)) if defined.size > 1 else float("nan")
