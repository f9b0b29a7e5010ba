# SPDX-License-Identifier: Apache-2.0
"""The numbers of an evaluation: at a fixed threshold, at the one that was best in training, and over all thresholds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.engines.workflow import Workflow

from monai_boundary.bundle.results import EM_METRICS, Row, write_json, write_table
from monai_boundary.bundle.score_table import log_scores
from monai_boundary.metrics import CREMIScore, ThresholdCurve


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
    """Return the EM metrics of a curve at one of its thresholds (the nearest one); all NaN for a NaN threshold."""
    if np.isnan(threshold):
        return dict.fromkeys(EM_METRICS, float("nan"))
    row = curve.scores[int(np.abs(curve.thresholds - threshold).argmin())]
    return {name: float(row[CREMIScore._fields.index(name)]) for name in EM_METRICS}


def write_evaluation(
    folder: str | os.PathLike[str],
    evaluator: Workflow,
    curve: ThresholdCurve,
    training_curve: ThresholdCurve | None,
    items: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the scores to ``evaluation.json`` and, by case and by threshold, to CSV files; log and return them.

    The threshold that is best on the validation part is an optimistic choice; the one that is best on the training
    part, applied to the validation part, is the fair one. Both are given, with the areas under the curves, that
    depend on none.

    Args:
        folder: where the files go.
        evaluator: the engine that ran, with the scores at the fixed threshold in its metrics.
        curve: of the validation part.
        training_curve: of the training part, or ``None`` if it was not evaluated.
        items: the data of the validation part, in order, for the cases' names.
        settings: written into the JSON file.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    fixed = {name: float(evaluator.state.metrics[name]) for name in EM_METRICS}
    result: dict[str, Any] = {"settings": dict(settings), "fixed_threshold": fixed, "validation": curve_summary(curve)}
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
    write_table(_cases(evaluator, items), files["cases"])
    write_table(_curve_rows(curve, training_curve), files["curve"])
    log_scores("Scores at the fixed threshold:", fixed, {})
    if training_curve is not None:
        chosen = result["best_training_threshold"]
        title = f"Scores at {chosen['threshold']:.2f}, the best threshold of the training part:"
        log_scores(title, {name: chosen[name] for name in EM_METRICS}, {})
    areas = {f"{name} area": value for name, value in result["validation"]["area"].items()}
    log_scores(f"Areas over thresholds {curve.thresholds[0]} to {curve.thresholds[-1]}:", areas, files)
    return result


def _cases(evaluator: Workflow, items: Sequence[Mapping[str, Any]]) -> list[Row]:
    details = {name: evaluator.state.metric_details[name] for name in EM_METRICS}
    return [
        {"case": str(item["image"]), **{name: float(values[k]) for name, values in details.items()}}
        for k, item in enumerate(items)
    ]


def _curve_rows(curve: ThresholdCurve, training_curve: ThresholdCurve | None) -> list[Row]:
    parts = {"validation": curve} if training_curve is None else {"validation": curve, "training": training_curve}
    return [
        {"part": part, "threshold": float(t), **scores_at(of, float(t))}
        for part, of in parts.items()
        for t in of.thresholds
    ]
