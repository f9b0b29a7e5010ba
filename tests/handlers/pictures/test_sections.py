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

from monai_boundary.handlers.pictures.sections import ValidationPictures, middle_section

TRUTH = np.array([[1, 1, 1, 0, 2, 2, 2]] * 5, dtype=np.int32)


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
