# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging

import pytest
import torch
from ignite.engine import Engine
from monai.handlers import from_engine

from monai_boundary.handlers import ItemScoresHandler
from monai_boundary.metrics import (
    AdaptedRandMetric,
    ComponentScoresMetric,
    CREMIScoreMetric,
    ItemMetric,
    LesionScoresMetric,
    SurfaceScoresMetric,
    ThresholdCurveMetric,
    TumourScoresMetric,
    VariationOfInformationMetric,
)

# what engines do with the scores is tested where instances are: test_membranes.py

TRUTH = torch.ones(1, 1, 2, 2, 2)
PRED = torch.zeros_like(TRUTH)


def run(output: tuple, **options: object) -> dict[str, float]:
    engine = Engine(lambda _, batch: batch)
    ItemScoresHandler(LesionScoresMetric(), key_score="hd95_mm", **options).attach(engine, "key")  # type: ignore[arg-type]
    return engine.run([output]).metrics


def test_further_arguments_of_the_metric() -> None:
    output = (PRED, TRUTH, torch.tensor([[3.0, 4.0, 12.0]]))
    assert run(output, extra=("spacing",))["key"] == pytest.approx(26.0)


@pytest.mark.parametrize(("output", "extra", "needed"), [((PRED, TRUTH, 1), (), 2), ((PRED, TRUTH), ("spacing",), 3)])
def test_outputs_of_another_length(output: tuple, extra: tuple[str, ...], needed: int) -> None:
    with pytest.raises(ValueError, match=rf"`output_transform` needs to return {needed} values .*, got {len(output)}"):
        run(output, extra=extra)


def test_bad_key_score() -> None:
    with pytest.raises(ValueError, match=r"`key_score` needs one of 'dice', .*, got 'iou'"):
        ItemScoresHandler(LesionScoresMetric(), key_score="iou")


def test_a_warning_is_said_again_only_when_it_changes(caplog: pytest.LogCaptureFixture) -> None:
    """One of two items is undefined in three epochs, then both: two lines, not four."""
    nothing = torch.zeros(1, 1, 2, 2, 2)
    outputs = [torch.cat([TRUTH, nothing])] * 3 + [torch.cat([nothing, nothing])]
    engine = Engine(lambda engine, _: (outputs[engine.state.epoch - 1],) * 2)
    ItemScoresHandler(LesionScoresMetric(spacing=1.0), key_score="dice").attach(engine, "dice")
    with caplog.at_level(logging.WARNING):
        engine.run([0], max_epochs=4)
    assert [text.split(" items")[0] for text in caplog.messages] == ["dice: 1 of 2", "dice: 2 of 2"]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (VariationOfInformationMetric(), "voi_merge"),
        (AdaptedRandMetric(), "ari"),
        (CREMIScoreMetric(), "cremi_score"),
        (ThresholdCurveMetric(), "ari_area"),
        (TumourScoresMetric(), "dice"),
        (SurfaceScoresMetric(("wt", "tc")), "wt_hd_mm"),
    ],
)
def test_the_metric_says_by_which_score_to_select(metric: ItemMetric, expected: str) -> None:
    assert ItemScoresHandler(metric).key_score == expected


SQUARE = torch.zeros(1, 6, 6)
SQUARE[:, 2:4, 2:4] = 1


def run_masks(handler: ItemScoresHandler) -> Engine:
    pairs = [(SQUARE, SQUARE), (torch.zeros_like(SQUARE), SQUARE), (SQUARE, torch.zeros_like(SQUARE))]
    engine = Engine(lambda _, batch: batch)
    engine.state.metric_details = {}
    handler.attach(engine, "surface")
    engine.run([[{"pred": pred, "label": label}] for pred, label in pairs])
    return engine


def test_scores_counts_and_warnings(caplog: pytest.LogCaptureFixture) -> None:
    metric = SurfaceScoresMetric(spacing=1.0, empty_policy="ignore")
    with caplog.at_level(logging.WARNING):
        engine = run_masks(ItemScoresHandler(metric, from_engine(["pred", "label"]), key_score="nsd_1mm"))
    metrics = engine.state.metrics
    assert metrics["surface"] == metrics["nsd_1mm"] == pytest.approx(1 / 3)
    assert (metrics["hd95_mm"], metrics["missed"], metrics["false_alarm"]) == (0, 1, 1)
    assert engine.state.metric_details["nsd_1mm"].flatten().tolist() == [1, 0, 0]
    assert (
        "surface: the structure was not predicted in 1 items that have it, and predicted in 1 that have not."
        in caplog.text
    )


def test_the_first_score_is_the_key(caplog: pytest.LogCaptureFixture) -> None:
    handler = ItemScoresHandler(ComponentScoresMetric(spacing=1.0), from_engine(["pred", "label"]), prefix="val_")
    assert handler.key_score == "component_dice"
    engine = run_masks(handler)
    assert engine.state.metrics["val_component_dice"] == pytest.approx(1 / 3)
