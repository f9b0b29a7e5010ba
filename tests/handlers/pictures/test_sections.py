# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator
from monai.handlers import MLFlowHandler
from PIL import Image

from monai_boundary.handlers.pictures.sections import (
    ValidationPictures,
    cut_and_leaks,
    draw_case,
    matched_cells,
    middle_section,
)

TRUTH = np.array([[1, 1, 1, 0, 2, 2, 2]] * 5, dtype=np.int32)


def wall(hole: bool) -> np.ndarray:
    probability = np.zeros((5, 7), np.float32)
    probability[:, 3] = 0.9
    if hole:
        probability[:, 3] = 0.0
        probability[:, 5] = 0.9  # the wall stands in the second region instead
    return probability


def test_cut_of_a_whole_wall_has_no_leak() -> None:
    lines, leaks, seeds = cut_and_leaks(wall(hole=False), TRUTH)
    assert not leaks.any()
    assert lines[:, :3].sum() + lines[:, 4:].sum() <= 5, "the lines stand at the wall"
    assert sorted(seeds[seeds > 0].tolist()) == [1, 2]


def test_a_displaced_wall_leaks_into_the_region_in_front_of_it() -> None:
    _, leaks, _ = cut_and_leaks(wall(hole=True), TRUTH)
    assert leaks[:, 4].any()
    assert not leaks[:, :3].any()


def test_no_region_no_lines() -> None:
    lines, leaks, seeds = cut_and_leaks(np.ones((4, 4), np.float32), np.zeros((4, 4), np.int32))
    assert not lines.any()
    assert not leaks.any()
    assert not seeds.any()


def test_middle_section() -> None:
    assert middle_section(np.arange(8).reshape(2, 2, 2)).tolist() == [[4, 5], [6, 7]]
    assert middle_section(np.eye(2)).tolist() == [[1, 0], [0, 1]]


def evaluator(handlers: list[Any], shape: tuple[int, ...] = (5, 7), number: int = 3) -> SupervisedEvaluator:
    truth = np.broadcast_to(TRUTH, shape)[None]
    item = {"image": np.random.default_rng(0).random((1, *shape), np.float32), "label_instances": truth.copy()}
    item["label"] = (truth == 0).astype(np.float32)
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset([item] * number), batch_size=2),
        network=torch.nn.Sigmoid(),
        val_handlers=handlers,
    )


class Writer:
    def __init__(self) -> None:
        self.images: list[tuple[str, tuple[int, ...], int]] = []

    def add_image(self, tag: str, image: np.ndarray, step: int, dataformats: str) -> None:
        assert dataformats == "HWC"
        assert image.std() > 0
        self.images.append((tag, image.shape, step))


@pytest.mark.parametrize("shape", [(5, 7), (3, 5, 7)])
def test_files_and_tensorboard(tmp_path: Path, shape: tuple[int, ...]) -> None:
    writer = Writer()
    engine = evaluator([ValidationPictures(tmp_path / "pictures", cases=2, interval=2, summary_writer=writer)], shape)
    for epoch in (1, 2, 3, 4):
        engine.run(epoch)
    names = [f"epoch_{epoch:04d}_case_{case}.png" for epoch in (1, 2, 4) for case in (0, 1)]
    assert sorted(p.name for p in (tmp_path / "pictures").iterdir()) == names
    with Image.open(tmp_path / "pictures" / names[0]) as picture:
        size = picture.size
    assert writer.images[0] == ("validation/case_0", (size[1], size[0], 3), 1)
    assert [step for *_, step in writer.images] == [1, 1, 2, 2, 4, 4]


def test_the_membrane_serves_as_truth(tmp_path: Path) -> None:
    evaluator([ValidationPictures(tmp_path, cases=1, label_key="label", label_is_membrane=True)]).run(1)
    assert [p.name for p in tmp_path.iterdir()] == ["epoch_0001_case_0.png"]


@pytest.mark.parametrize("keys", [{"pred_key": "no_such"}, {"pred_key": "label_instances"}])
def test_what_cannot_be_drawn_is_logged_and_training_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, keys: dict[str, str]
) -> None:
    engine = evaluator([ValidationPictures(tmp_path / "pictures", **keys)])
    engine.run(1)
    assert engine.state.epoch == 1
    assert "no validation picture" in caplog.text
    assert any(record.levelno == logging.ERROR for record in caplog.records)


@pytest.mark.filterwarnings("ignore:The ..noload.. loader strategy is deprecated")  # MLflow's use of SQLAlchemy
def test_artifacts_of_the_run_that_tracks_the_engine(tmp_path: Path) -> None:
    uri = f"sqlite:///{(tmp_path / 'runs.db').as_posix()}"
    tracker = MLFlowHandler(tracking_uri=uri, run_name="pictures", iteration_log=False, close_on_complete=False)
    evaluator([ValidationPictures(tmp_path / "pictures", cases=1), tracker]).run(1)
    run_id = tracker.cur_run.info.run_id
    found = [file.path for file in tracker.client.list_artifacts(run_id, "pictures")]
    tracker.close()
    assert found == ["pictures/epoch_0001_case_0.png"]


def test_artifacts_of_an_active_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logged = []
    fake = SimpleNamespace(active_run=lambda: True, log_artifact=lambda path, folder: logged.append((path, folder)))
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    evaluator([ValidationPictures(tmp_path, cases=1)]).run(1)
    assert logged == [(str(tmp_path / "epoch_0001_case_0.png"), "pictures")]


def test_a_found_cell_has_the_colour_of_the_region_it_lies_in() -> None:
    """A merged cell has one colour over two regions, and each piece of a split one a shade of the same."""
    regions = np.array([[1, 1, 0, 2, 2, 2, 0, 0]], dtype=np.int32)
    found = np.array([[5, 5, 5, 5, 5, 0, 9, 9]])
    colours = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=np.float32)
    (picture,) = matched_cells(found, regions, colours)
    assert (picture[:5] == picture[0]).all()
    assert picture[0, 0] > 0.5, "as much of it in the first region as in the second: the lower id"
    assert picture[0, 1] == picture[0, 2] == 0
    assert not picture[5].any(), "what is scored as membrane is black"
    assert picture[6, 0] == picture[6, 1] == picture[6, 2] > 0, "grey: on true membrane"
    (split,) = matched_cells(np.array([[0, 0, 0, 1, 2, 2, 0, 0]]), regions, colours)
    assert split[3, 1] > 0
    assert split[4, 1] > 0
    assert split[3, 1] != split[4, 1]


def test_the_panels_say_what_they_show_and_the_legend_what_the_colours_mean() -> None:
    found = np.array([[1, 1, 1, 0, 0, 0, 0]] * 5, dtype=np.int32)
    figure = draw_case(wall(hole=False), wall(hole=False), TRUTH, "epoch 1", found)
    titles = [panel.get_title() for panel in figure.axes]
    assert titles[1] == "truth: 2 regions"
    assert titles[3] == "what is scored: 1 cells"
    entries = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(entries) == 6
    assert any("leak" in entry for entry in entries)
    without = draw_case(wall(hole=False), wall(hole=False), TRUTH, "epoch 1")
    assert [panel.get_title() for panel in without.axes][3] == "barrier cut from the true seeds"
    assert len(without.legends[0].get_texts()) == 4
