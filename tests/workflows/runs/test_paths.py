# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow

from monai_boundary.workflows.runs.paths import find_bundle_root, find_model, require_model, tracking_run_name


def make_bundle(root: Path) -> Path:
    configs = root / "configs"
    configs.mkdir(parents=True)
    (configs / "metadata.json").write_text("{}")
    content = {
        "imports": ["$import monai_boundary.workflows as mb"],
        "bundle_root": "$mb.find_bundle_root('the_bundle')",
        "initialize": ["$@bundle_root"],
    }
    (configs / "train.json").write_text(json.dumps(content))
    return root


def test_root_of_the_running_workflow_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_bundle(tmp_path / "deep" / "bundle")
    monkeypatch.chdir(tmp_path)
    for name in ("deep/bundle/configs/train.json", str(root / "configs" / "train.json")):
        workflow = ConfigWorkflow(name, logging_file=False)
        assert Path(workflow.initialize()[0]).resolve() == root.resolve()
    monkeypatch.chdir(root)
    workflow = ConfigWorkflow("configs/train.json", logging_file=False)
    assert Path(workflow.initialize()[0]).resolve() == root.resolve()


def test_root_without_a_workflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_bundle(tmp_path / "bundles" / "the_bundle")
    monkeypatch.chdir(tmp_path)
    assert Path(find_bundle_root("the_bundle")).resolve() == root.resolve()
    monkeypatch.chdir(root)
    assert Path(find_bundle_root()).resolve() == root.resolve()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"`bundle_root` needs the folder that holds configs/metadata.json"):
        find_bundle_root("another")


def test_root_of_a_configuration_that_is_read_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As MONAI Deploy reads it: there is no folder of a bundle, and the working directory is taken."""
    monkeypatch.chdir(tmp_path)
    parser = ConfigParser({"imports": ["$import monai_boundary.workflows as mb"], "root": "$mb.find_bundle_root('x')"})
    assert parser.get_parsed_content("root") == "."


def test_own_model_before_the_shipped_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    output, root = tmp_path / "output", tmp_path / "bundle"
    trained, shipped = output / "model.pt", root / "models" / "model.pt"
    assert Path(find_model(output, root)) == trained, "what a training is going to write"
    shipped.parent.mkdir(parents=True)
    shipped.touch()
    assert not caplog.records
    assert Path(find_model(output, root)) == shipped
    assert caplog.messages == [
        f"{output} holds no trained network: it is the one that comes with the bundle, {shipped}."
    ]
    output.mkdir()
    trained.touch()
    assert Path(find_model(output, root)) == trained


def test_require_model(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"`ckpt_path` needs a trained network.*run configs/train.yaml first"):
        require_model(tmp_path / "model.pt")
    (tmp_path / "model.pt").touch()
    assert require_model(tmp_path / "model.pt") == str(tmp_path / "model.pt")
    with pytest.raises(FileNotFoundError, match=r"`init_checkpoint` needs a trained network, .* does not exist\.$"):
        require_model(tmp_path / "start.pt", option="init_checkpoint")


def test_a_model_of_another_network_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(torch.nn.Conv2d(1, 2, 3).state_dict(), path)
    assert require_model(path, torch.nn.Conv2d(1, 2, 3)) == str(path)
    with pytest.raises(ValueError, match="needs weights of this Conv3d") as error:
        require_model(path, torch.nn.Conv3d(1, 2, 3))
    assert "'weight' is (2, 1, 3, 3) there, (2, 1, 3, 3, 3) here, and 0 more of 2 differ" in str(error.value)
    assert "--spatial_dims" in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match=r"'0.weight' is nothing there, \(2, 1, 3, 3\) here, and 3 more"):
        require_model(path, torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3)))
    path.write_bytes(b"no network")
    with pytest.raises(ValueError, match=r"`init_checkpoint` needs a file of torch.save, .*model.pt cannot be read"):
        require_model(path, torch.nn.Conv2d(1, 2, 3), "init_checkpoint")


def test_a_run_keeps_its_name_while_there_is_something_to_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(["20260101_000000", "20260101_000001", "20260101_000002"])
    monkeypatch.setattr("time.strftime", lambda _: next(clock))
    folder = tmp_path / "study"
    first = tracking_run_name(folder)
    assert first == "study_20260101_000000"
    assert tracking_run_name(folder) == "study_20260101_000001", "no checkpoint yet: another training"
    (folder / "checkpoint.pt").touch()
    assert tracking_run_name(folder) == "study_20260101_000001"
    assert tracking_run_name(folder, resume=False) == "study_20260101_000002"
