# SPDX-License-Identifier: Apache-2.0
"""The numbers of an evaluation: at a fixed threshold, at the one that was best in training, and over all thresholds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.engines.workflow import Workflow

from monai_boundary._tables import Row, write_json, write_table
from monai_boundary.metrics import CREMIScore, ThresholdCurve
from monai_boundary.workflows.evaluation.threshold import UNTOLD, InstanceRule
from monai_boundary.workflows.runs.score_table import log_scores

EM_METRICS = ("voi_split", "voi_merge", "ari", "cremi_score")
_SAME_THRESHOLD = 1e-3  # thresholds are written with two or three digits


def em_scores(scores: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the scores of instances: CREMI's, which select and are compared, and those that are asked for beside them.

    Args:
        scores: names of :class:`~monai_boundary.metrics.InstanceScoresMetric`.

    Example:
        >>> em_scores(["pq", "ari"])
        ('cremi_score', 'voi_split', 'voi_merge', 'arand', 'ari', 'pq')
    """
    return tuple(dict.fromkeys((*CREMIScore._fields, *(scores or ()))))


def curve_summary(curve: ThresholdCurve) -> dict[str, Any]:
    """Return area and best point of ARI and CREMI score, the best by threshold, as plain values.

    Example:
        >>> scores = np.array([[0.4, 0.1, 0.2, 0.3, 0.7], [0.2, 0.1, 0.1, 0.2, 0.8]])
        >>> summary = curve_summary(ThresholdCurve(np.array([0.4, 0.6]), scores))
        >>> summary["area"]["ari"], summary["best_threshold"]["cremi_score"]
        (0.75, 0.6)
    """
    names = ("ari", "cremi_score")
    return {
        "thresholds": [float(curve.thresholds[0]), float(curve.thresholds[-1])],
        "area": {name: round(curve.area(name), 12) for name in names},
        "best_threshold": {name: curve.best_threshold(name) for name in names},
        "best": {name: curve.best_score(name) for name in names},
    }


def scores_at(curve: ThresholdCurve, threshold: float) -> dict[str, float]:
    """Return the EM metrics of a curve at one of its thresholds, to 1e-3; all NaN for any other, and for NaN."""
    if np.isnan(threshold):
        return dict.fromkeys(EM_METRICS, float("nan"))
    nearest = int(np.abs(curve.thresholds - threshold).argmin())
    if abs(curve.thresholds[nearest] - threshold) > _SAME_THRESHOLD:
        return dict.fromkeys(EM_METRICS, float("nan"))
    row = curve.scores[nearest]
    return {name: float(row[CREMIScore._fields.index(name)]) for name in EM_METRICS}


def write_evaluation(
    folder: str | os.PathLike[str],
    evaluator: Workflow,
    curve: ThresholdCurve,
    training_curve: ThresholdCurve | None,
    items: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    rule: InstanceRule,
    part: str = "validation",
    scores: Sequence[str] = EM_METRICS,
) -> dict[str, Any]:
    """Write the scores to ``evaluation.json`` and, by case and by threshold, to CSV files; log and return them.

    The threshold that is best on what is scored is an optimistic choice; the one that is best on the training part,
    applied to what is scored, is the fair one. Both are given, and the areas under the curves, that depend on none.
    ``scored`` holds the scores of the instances as they were made, at the threshold that inference takes from now on.

    Args:
        folder: where the files go.
        evaluator: the engine that ran, with the scores of the instances in its metrics.
        curve: of what is scored.
        training_curve: of the training part, or ``None`` if it was not evaluated.
        items: what is scored, in order, for the cases' names.
        settings: written into the JSON file.
        rule: how the instances were made.
        part: what is scored, ``"validation"``, or ``"test"`` of a test set.
        scores: of the instances, in the evaluator's metrics; see :func:`em_scores`.

    Returns:
        ``scored`` (how the instances were made, and their scores), ``fixed_threshold`` (the scores at 0.5, NaN where
        the curve lacks it), ``validation`` or ``test`` (the curve), with a training part also ``training`` (its curve),
        ``best_training_threshold`` (the scores at it, by the curve).
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    scored = {name: float(evaluator.state.metrics[name]) for name in scores}
    result: dict[str, Any] = {"settings": dict(settings), "items": len(items)}
    result |= {"scored": {**rule._asdict(), **scored}, "fixed_threshold": scores_at(curve, UNTOLD)}
    result[part] = curve_summary(curve)
    if training_curve is not None:
        threshold = training_curve.best_threshold("cremi_score")
        result["training"] = curve_summary(training_curve)
        result["best_training_threshold"] = {"threshold": threshold, **scores_at(curve, threshold)}
    files = {
        "scores": place / "evaluation.json",
        "cases": place / "evaluation_cases.csv",
        "curve": place / "threshold_curve.csv",
        "pictures": place / "pictures",
    }
    write_json(result, files["scores"])
    write_table(_cases(evaluator, items, scores), files["cases"])
    write_table(_curve_rows(curve, training_curve, part), files["curve"])
    title = f"Scores of {len(items)} {part} items, instances by {rule.method} at threshold {rule.threshold:g}"
    log_scores(f"{title} ({rule.source}):", scored, {})
    areas = {f"{name} area": value for name, value in result[part]["area"].items()}
    log_scores(f"Areas over thresholds {curve.thresholds[0]} to {curve.thresholds[-1]}:", areas, files)
    return result


def _cases(evaluator: Workflow, items: Sequence[Mapping[str, Any]], scores: Sequence[str]) -> list[Row]:
    details = {name: evaluator.state.metric_details[name] for name in scores}
    return [
        {**_named(item), **{name: float(values[k]) for name, values in details.items()}} for k, item in enumerate(items)
    ]


def _named(item: Mapping[str, Any]) -> Row:
    section = int(item.get("section", -1))
    return {"case": str(item["image"])} if section < 0 else {"case": str(item["image"]), "section": section}


def _curve_rows(curve: ThresholdCurve, training_curve: ThresholdCurve | None, part: str) -> list[Row]:
    parts = {part: curve} if training_curve is None else {part: curve, "training": training_curve}
    return [
        {"part": part, "threshold": float(t), **scores_at(of, float(t))}
        for part, of in parts.items()
        for t in of.thresholds
    ]
