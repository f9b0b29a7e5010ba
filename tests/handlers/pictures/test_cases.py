# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure
from monai.data import DataLoader, Dataset, MetaTensor
from monai.engines import SupervisedEvaluator

from monai_boundary.handlers.pictures.cases import CasePictures, case_name, first_channel


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


def test_the_best_epoch_has_pictures_between_the_intervals(tmp_path: Path) -> None:
    """Best in epochs 1 and 3; of these the third is not in the interval, and the last best one stays."""
    handler = Plain(tmp_path, cases=1, interval=2, keep_best=True)
    engine = evaluator(handler, *items(1))
    titles = []
    handler.figure = lambda shown, title: titles.append(title) or Figure()  # type: ignore[method-assign, func-returns-value]
    for epoch, best in [(1, 1), (2, 1), (3, 3), (4, 3), (5, 3)]:
        engine.state.best_metric_epoch = best
        engine.run(epoch)
    names = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.png"))
    assert names == ["best/case_0.png", *[f"epoch_000{k}_case_0.png" for k in (1, 2, 4)]]
    assert titles == [
        "epoch 1, the best so far: case 0",
        "epoch 2: case 0",
        "epoch 3, the best so far: case 0",
        "epoch 4: case 0",
    ]


def test_the_title_of_an_evaluation_has_no_epoch(tmp_path: Path) -> None:
    handler = Plain(tmp_path, cases=1)
    titles = []
    handler.figure = lambda shown, title: titles.append(title) or Figure()  # type: ignore[method-assign, func-returns-value]
    evaluator(handler, *items(1)).run(1)
    assert titles == ["case 0"]


@pytest.mark.parametrize(
    ("item", "name"),
    [
        ({"case": "p07"}, "p07"),
        ({"case": "p07", "slice": torch.tensor(4)}, "p07, slice 4"),
        ({"image": MetaTensor(torch.zeros(1), meta={"filename_or_obj": "a/b.tif", "section": 3})}, "b.tif, section 3"),
        ({"image": MetaTensor(torch.zeros(1), meta={"filename_or_obj": "a/b.png", "section": -1})}, "b.png"),
        ({"image": torch.zeros(1)}, "case 1"),
    ],
)
def test_a_title_names_the_case(tmp_path: Path, item: dict[str, Any], name: str) -> None:
    assert case_name(item, 1) == name
