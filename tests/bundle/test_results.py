# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from monai_boundary.bundle.results import (
    MetricsFiles,
    log_scores,
    log_training_summary,
    read_table,
)


def engine(**state: Any) -> Any:
    return SimpleNamespace(state=SimpleNamespace(**{"rank": 0, "metrics": {}, **state}))


def validated(epoch: int, best: int, **metrics: float) -> Any:
    return engine(epoch=epoch, best_metric_epoch=best, key_metric_name="cremi_score", metrics=metrics)


def test_files_of_a_training_that_is_resumed(tmp_path: Path) -> None:
    for epoch, score, best in [(1, 0.5, 1), (2, 0.3, 2), (3, 0.9, 2)]:
        evaluator = validated(epoch, best, cremi_score=score, ari=0.1)
        MetricsFiles(tmp_path, evaluator, {"alpha": 0.1})(engine(epoch=epoch, metrics={"loss/bce": epoch / 10}))
    # killed in epoch 3, resumed after 2: the third epoch is written anew
    MetricsFiles(tmp_path, validated(3, 3, cremi_score=0.2), {"alpha": 0.1})(engine(epoch=3))
    rows = read_table(tmp_path / "metrics.csv")
    assert [(row["epoch"], row["cremi_score"]) for row in rows] == [(1, 0.5), (2, 0.3), (3, 0.2)]
    summary = json.loads((tmp_path / "metrics.json").read_text())
    assert summary["best"] == {"epoch": 3, "cremi_score": 0.2}
    assert summary["settings"] == {"alpha": 0.1}


def test_an_epoch_without_validation_has_no_stale_scores(tmp_path: Path) -> None:
    MetricsFiles(tmp_path, validated(2, 2, cremi_score=0.3))(engine(epoch=3, metrics={"loss/bce": 0.1, "x": [1]}))
    assert read_table(tmp_path / "metrics.csv") == [{"epoch": 3, "loss/bce": 0.1}]


def test_only_the_first_process_writes(tmp_path: Path) -> None:
    MetricsFiles(tmp_path, validated(1, 1))(engine(epoch=1, rank=1))
    assert not list(tmp_path.iterdir())


def test_summary_shows_the_best_epoch_and_what_exists(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for epoch, score in [(1, 0.5), (2, 0.7)]:
        evaluator = validated(epoch, 1, cremi_score=score, voi_split=1.25, voi_merge=2.5, ari=0.75)
        MetricsFiles(tmp_path, evaluator)(engine(epoch=epoch))
    (tmp_path / "model.pt").touch()
    log_training_summary(tmp_path)
    assert "Best epoch 1 of 2 by cremi_score" in caplog.text
    for part in (
        "VOI split (bits)  1.2500",
        "VOI merge (bits)  2.5000",
        "ARI               0.7500",
        "0.5000",
        "model.pt",
    ):
        assert part in caplog.text
    assert "checkpoint" not in caplog.text, "what does not exist is not listed"


def test_scores_have_an_order_and_texts_pass(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log_scores("Scores:", {"note": "seven", "cremi_score": 0.25, "voi_split": 1.0}, {})
    assert [line.split()[0] for line in caplog.messages[0].splitlines()] == ["Scores:", "VOI", "CREMI", "note"]
