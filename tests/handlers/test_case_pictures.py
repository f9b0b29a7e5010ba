# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator

from monai_boundary.handlers.case_pictures import CasePictures, first_channel


class Plain(CasePictures):
    """Shows the item's number; the second case cannot be drawn."""

    def select(self, item: Mapping[str, Any]) -> float:
        return float(item["number"])

    def figure(self, shown: float, title: str) -> Figure:
        if shown == 1:
            raise RuntimeError("no ink")
        figure = Figure()
        figure.suptitle(f"{title}: {shown}")
        return figure


def evaluator(handler: CasePictures, *items: dict[str, Any]) -> SupervisedEvaluator:
    """Run items with image and ``pred`` through an evaluator whose network hands the prediction over."""
    data = [{**item, "label": item.get("label", torch.zeros(1, 2, 2))} for item in items]
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(data), batch_size=2),
        network=torch.nn.Identity(),
        val_handlers=[handler],
        postprocessing=lambda item: {key: value for key, value in item.items() if key != "pred"},
    )


def items(count: int) -> list[dict[str, Any]]:
    return [{"image": torch.zeros(1, 2, 2), "number": k} for k in range(count)]


def test_the_first_cases_in_every_interval(tmp_path: Path) -> None:
    engine = evaluator(Plain(tmp_path, cases=1, interval=2), *items(3))
    for epoch in (1, 2, 3, 4):
        engine.run(epoch)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"epoch_000{k}_case_0.png" for k in (1, 2, 4)]


def test_a_case_that_cannot_be_drawn_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    evaluator(Plain(tmp_path, cases=3), *items(3)).run(1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["epoch_0001_case_0.png", "epoch_0001_case_2.png"]
    assert "no validation picture of case 1" in caplog.text


def test_an_output_without_what_is_shown_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    evaluator(Plain(tmp_path), {"image": torch.zeros(1, 2, 2)}).run(1)
    assert "the output has not what is shown" in caplog.text
    assert not list(tmp_path.iterdir())


def test_first_channel() -> None:
    assert first_channel(torch.arange(8).reshape(2, 2, 2)).tolist() == [[0, 1], [2, 3]]
