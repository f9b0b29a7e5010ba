# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
import math
import re
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from monai_boundary.handlers import EpochLine, LossTerms, lower_is_better
from tests.handlers.engines import WeightedLoss, make_evaluator, make_trainer, validation


def test_one_line_for_each_epoch_with_the_best_so_far(caplog: pytest.LogCaptureFixture) -> None:
    loss, network = WeightedLoss(), torch.nn.Conv2d(1, 1, 1)
    evaluator = make_evaluator(network, [0.5, 0.25, 0.75], lower_is_better)
    handlers = [LossTerms(loss), validation(evaluator), EpochLine(evaluator)]
    trainer = make_trainer(loss, handlers, epochs=3, network=network)
    with caplog.at_level(logging.INFO, "monai_boundary"):
        trainer.run()
    lines = [record.getMessage() for record in caplog.records if record.name.endswith("epoch_line")]
    first, *lines = lines
    assert re.fullmatch(r"Training: 3 epochs of \d+ steps\.", first)
    assert [line.split(",")[0] for line in lines] == [f"Epoch {k} of 3" for k in (1, 2, 3)]
    for line, score, best in zip(lines, ("0.5000", "0.2500", "0.7500"), (1, 2, 2), strict=True):
        assert f"| score: {score} |" in line
        assert line.endswith(f"in epoch {best}")
        assert "loss/base: " in line
        assert "\n" not in line


def test_an_epoch_without_validation_has_no_old_scores(caplog: pytest.LogCaptureFixture) -> None:
    state: dict[str, Any] = {"metrics": {"dice": 0.5}, "best_metric": 0.5, "best_metric_epoch": 2}
    evaluator: Any = SimpleNamespace(state=SimpleNamespace(epoch=2, key_metric_name="dice", **state))
    trainer: Any = SimpleNamespace(state=SimpleNamespace(rank=0, epoch=3, max_epochs=4, metrics={"loss/total": 1.0}))
    with caplog.at_level(logging.INFO):
        EpochLine(evaluator)(trainer)
        trainer.state.rank = 1
        EpochLine(evaluator)(trainer)
    (line,) = caplog.messages
    assert "| dice:" not in line
    assert line.endswith("loss/total: 1.0000 | best dice: 0.5000 in epoch 2")


def test_a_weight_stands_in_the_first_line_and_where_it_changes(caplog: pytest.LogCaptureFixture) -> None:
    state = SimpleNamespace(rank=0, epoch=0, max_epochs=4, metrics={})
    trainer: Any = SimpleNamespace(state=state)
    line = EpochLine()
    with caplog.at_level(logging.INFO):
        for region, boundary in [(1.0, 0.01), (1.0, 0.01), (1.0, 0.02), (0.99, 0.02)]:
            state.epoch += 1
            terms = {"loss/region": 0.25, "loss/region.weight_dice": 1.0, "weight_error": 1.0}
            state.metrics = {**terms, "loss/weight_region": region, "loss/weight_boundary": boundary}
            line(trainer)
    always = "loss/region: 0.2500 weight_error: 1.0000"
    first = always.replace(" weight", " loss/region.weight_dice: 1.0000 weight")
    assert [message.partition(" | ")[2] for message in caplog.messages] == [
        f"{first} loss/weight_region: 1.0000 loss/weight_boundary: 0.0100",
        always,
        f"{always} loss/weight_boundary: 0.0200",
        f"{always} loss/weight_region: 0.9900",
    ]


def test_misses_stand_beside_the_distance_and_zeros_do_not() -> None:
    text = EpochLine.scores({"hd95_mm": 20.0, "missed": 2.0, "false_alarm": 0.0, "dice": math.nan, "jaccard": 0.5})
    assert text == "hd95_mm: 20.0000 missed: 2 dice: undefined"
    assert EpochLine.scores({"et_dice": 0.5, "et_missed": 1.0, "et_hd95_mm": 4.0}) == "et_dice: 0.5000 et_missed: 1"
    of_class = {"liver_dice": 0.5, "liver_missed": 2.0, "liver_false_alarm": 0.0, "tumour_missed": 0.0}
    assert EpochLine.scores(of_class) == "liver_dice: 0.5000 liver_missed: 2"
    assert EpochLine.scores({"note": "text", "map": torch.zeros(3)}) == ""


def test_a_small_weight_or_share_is_not_written_as_nothing() -> None:
    terms = {
        "loss/weight_boundary": 0.00012,
        "loss/share_boundary": 0.0005,
        "loss/boundary": 0.0005,
        "loss/weight_x": 0,
    }
    told = "loss/weight_boundary: 1.2e-04 loss/share_boundary: 5.0e-04 loss/boundary: 0.0005 loss/weight_x: 0.0000"
    assert EpochLine.scores(terms) == told
