# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from monai_boundary._tables import read_table
from monai_boundary.metrics import ThresholdCurve
from monai_boundary.workflows.evaluation.curves import EM_METRICS, curve_summary, scores_at, write_evaluation
from monai_boundary.workflows.evaluation.threshold import InstanceRule

# columns: cremi_score, voi_split, voi_merge, arand, ari
VALIDATION = ThresholdCurve(
    np.array([0.2, 0.5, 0.8]), np.array([[3, 1, 2, 0.5, 0.5], [2, 1, 1, 0.2, 0.8], [1, 0, 1, 0.4, 0.6]])
)
TRAINING = ThresholdCurve(
    np.array([0.2, 0.5, 0.8]), np.array([[2, 1, 2, 0.5, 0.5], [1, 1, 1, 0.2, 0.8], [4, 0, 1, 0.4, 0.6]])
)


def test_summary_of_a_curve() -> None:
    summary = curve_summary(VALIDATION)
    assert summary["thresholds"] == [0.2, 0.8]
    assert summary["area"] == pytest.approx({"ari": (0.65 + 0.7) / 2, "cremi_score": 2.0})
    assert summary["best_threshold"] == {"ari": 0.5, "cremi_score": 0.8}
    assert summary["best"] == {"ari": 0.8, "cremi_score": 1.0}


def test_scores_at_a_threshold() -> None:
    assert scores_at(VALIDATION, 0.5) == {"voi_split": 1, "voi_merge": 1, "ari": 0.8, "cremi_score": 2}
    assert scores_at(VALIDATION, 0.79999)["cremi_score"] == 1
    for none in (math.nan, 0.45):
        assert all(math.isnan(value) for value in scores_at(VALIDATION, none).values())


def evaluator() -> Any:
    metrics = {"voi_split": 0.5, "voi_merge": 0.25, "ari": 0.9, "cremi_score": 0.3, "ari_area": 0.7}
    details = {name: torch.tensor([[0.1], [0.2]]) for name in EM_METRICS}
    return SimpleNamespace(state=SimpleNamespace(metrics=metrics, metric_details=details))


def test_the_training_part_chooses_the_threshold(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    items = [{"image": "a.png"}, {"image": "b.png"}]
    rule = InstanceRule(0.5, "the best of the training part")
    result = write_evaluation(tmp_path / "out", evaluator(), VALIDATION, TRAINING, items, {"fold": 0}, rule)
    assert result["best_training_threshold"]["threshold"] == 0.5, "not 0.8, the best one of the validation part"
    assert result["best_training_threshold"]["cremi_score"] == 2
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text()) == result
    cases = read_table_of_texts(tmp_path / "out" / "evaluation_cases.csv")
    assert [line.split(",")[0] for line in cases] == ["case", "a.png", "b.png"]
    curve = read_table_of_texts(tmp_path / "out" / "threshold_curve.csv")
    assert len(curve) == 7
    title = "Scores of 2 validation items, instances by watershed at threshold 0.5 (the best of the training part):"
    assert title in caplog.text


def test_without_the_training_part(tmp_path: Path) -> None:
    items = [{"image": "a.tif", "section": 0}, {"image": "a.tif", "section": 1}]
    rule = InstanceRule(0.4, "given", "watershed", 9)
    result = write_evaluation(tmp_path, evaluator(), VALIDATION, None, items, {}, rule, "test")
    assert set(result) == {"settings", "items", "scored", "fixed_threshold", "test"}
    assert result["scored"] == {
        "threshold": 0.4,
        "source": "given",
        "method": "watershed",
        "min_size": 9,
        "voi_split": 0.5,
        "voi_merge": 0.25,
        "ari": 0.9,
        "cremi_score": 0.3,
    }
    assert result["fixed_threshold"] == {"voi_split": 1, "voi_merge": 1, "ari": 0.8, "cremi_score": 2}
    assert [line.split(",")[0] for line in read_table_of_texts(tmp_path / "threshold_curve.csv")[1:]] == ["test"] * 3
    rows = read_table(tmp_path / "evaluation_cases.csv")
    assert [(row["case"], row["section"]) for row in rows] == [("a.tif", 0), ("a.tif", 1)], "a row says which section"


def read_table_of_texts(path: Path) -> list[str]:
    assert read_table(path.parent / "missing.csv") == []
    return path.read_text(encoding="utf-8").splitlines()
