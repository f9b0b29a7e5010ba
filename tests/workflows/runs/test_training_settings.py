# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_boundary.workflows import check_trained_settings, resumed_settings, trained_settings
from monai_boundary.workflows.runs.training_settings import write_training_settings

SETTINGS: dict[str, Any] = {"dataset_dir": "data", "fold": 1, "patch_size": (32, 32), "modalities": ["flair"]}


def test_beside_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_training_settings(SETTINGS, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]
    monkeypatch.chdir(tmp_path.parent)
    found = trained_settings(tmp_path / "model.pt")
    assert found == {**SETTINGS, "patch_size": [32, 32], "dataset_dir": str(tmp_path / "data")}
    write_training_settings({"dataset_dir": None, "fold": 2}, tmp_path)
    assert trained_settings(tmp_path / "model.pt") == {"dataset_dir": None, "fold": 2}


def test_those_of_an_earlier_version(tmp_path: Path) -> None:
    assert trained_settings(tmp_path / "model.pt") == {}
    (tmp_path / "metrics.json").write_text(json.dumps({"best": {}, "settings": {"fold": 3}}))
    assert trained_settings(tmp_path / "model.pt") == {"fold": 3}
    (tmp_path / "settings.json").write_text(json.dumps({"fold": 4}))
    assert trained_settings(tmp_path / "model.pt") == {"fold": 4}


def test_of_a_checkpoint(tmp_path: Path) -> None:
    assert resumed_settings(tmp_path) == {}
    torch.save({"network": {}, "training": {"epoch": 2, "settings": {"warmup_epochs": 2}}}, tmp_path / "checkpoint.pt")
    assert resumed_settings(tmp_path) == {"warmup_epochs": 2}
    assert resumed_settings(tmp_path, resume=False) == {}


def test_another_split_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    there = {**SETTINGS, "dataset_dir": str(tmp_path / "data")}
    with pytest.raises(ValueError, match="`fold` needs that of the training, 1, got 0") as error:
        check_trained_settings(there, {**there, "fold": 0})
    assert "--allow_training_cases true" in str(error.value)
    with caplog.at_level(logging.WARNING):
        check_trained_settings(there, {**there, "patch_size": [32, 32], "new": 5})
        check_trained_settings({}, there)
        assert not caplog.records, "a tuple is a list in the file"
        check_trained_settings(there, {**there, "fold": 0}, allow_training_cases=True)
        check_trained_settings(there, {**there, "fold": 0}, part="training")
        check_trained_settings(there, {**there, "fold": 0, "dataset_dir": str(tmp_path / "other")})
        check_trained_settings(there, {**there, "modalities": ["t1"]})
    assert [record.message for record in caplog.records][::3] == [
        "Other settings than in the training: fold 0 (there 1).",
        "Other settings than in the training: modalities ['t1'] (there ['flair']).",
    ]


def test_the_same_folder_by_another_path(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    with pytest.raises(ValueError, match="`fold` needs that of the training"):
        check_trained_settings(
            {"dataset_dir": str(tmp_path / "data"), "fold": 0}, {"dataset_dir": str(tmp_path / "link"), "fold": 1}
        )
