# SPDX-License-Identifier: Apache-2.0
"""The handler of mask metrics in an engine."""

from __future__ import annotations

import logging

import pytest
import torch
from ignite.engine import Engine
from monai.handlers import from_engine

from monai_boundary.handlers import MaskScoresHandler
from monai_boundary.metrics import ComponentScoresMetric, SurfaceScoresMetric

TRUTH = torch.zeros(1, 6, 6)
TRUTH[:, 2:4, 2:4] = 1


def run(handler: MaskScoresHandler) -> Engine:
    pairs = [(TRUTH, TRUTH), (torch.zeros_like(TRUTH), TRUTH), (TRUTH, torch.zeros_like(TRUTH))]
    engine = Engine(lambda _, batch: batch)
    engine.state.metric_details = {}
    handler.attach(engine, "surface")
    engine.run([[{"pred": pred, "label": label}] for pred, label in pairs])
    return engine


def test_scores_counts_and_warnings(caplog: pytest.LogCaptureFixture) -> None:
    metric = SurfaceScoresMetric(spacing=1.0, empty_policy="ignore")
    with caplog.at_level(logging.WARNING):
        engine = run(MaskScoresHandler(metric, from_engine(["pred", "label"]), key_score="nsd_1mm"))
    metrics = engine.state.metrics
    assert metrics["surface"] == metrics["nsd_1mm"] == pytest.approx(1 / 3)
    assert (metrics["hd95_mm"], metrics["missed"], metrics["false_alarm"]) == (0, 1, 1)
    assert engine.state.metric_details["nsd_1mm"].flatten().tolist() == [1, 0, 0]
    told = caplog.text
    assert "missed in 1 items: nothing was predicted where something is" in told
    assert "false_alarm in 1 items: something was predicted where nothing is" in told


def test_the_first_score_is_the_key(caplog: pytest.LogCaptureFixture) -> None:
    handler = MaskScoresHandler(ComponentScoresMetric(spacing=1.0), from_engine(["pred", "label"]), prefix="val_")
    assert handler.key_score == "component_dice"
    engine = run(handler)
    assert engine.state.metrics["val_component_dice"] == pytest.approx(1 / 3)
