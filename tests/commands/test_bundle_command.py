# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from monai_boundary.__main__ import main
from monai_boundary.commands import bundle_command, pack_bundle
from monai_boundary.commands.bundle_command import run_command


def test_list_copy_pack_inspect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bundle_command.main(["list"]) == 0
    assert "em_neuron_boundary" in capsys.readouterr().out
    assert bundle_command.main(["copy", "wmh_mri_boundary", str(tmp_path / "mine")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "mine")
    bundle_command.main(["pack", str(tmp_path / "mine"), str(tmp_path / "mine.zip")])
    assert (tmp_path / "mine.zip").is_file()
    bundle_command.main(["inspect", str(tmp_path / "mine" / "configs" / "train.yaml")])
    assert "monai_boundary.handlers.ResumeTraining" in capsys.readouterr().out


def test_a_run_is_monais_own(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = [sys.executable, "-m", "monai.bundle", "run", "--config_file"]
    file = str(repo / "bundles" / "wmh_mri_boundary" / "configs" / "train.yaml")
    command = run_command("wmh_mri_boundary", "train", ["--epochs", "2"])
    assert command == [*start, file, "--epochs", "2", "--output_dir", str(Path("output/wmh_mri_boundary"))]
    for given in (["--output_dir", "here"], ["--output_dir=here"], ["--output-dir", "here"], ["--args_file", "a.json"]):
        assert run_command("wmh_mri_boundary", "train", given) == [*start, file, *given]

    monkeypatch.chdir(tmp_path)
    pack_bundle("wmh_mri_boundary", "w.zip")
    assert run_command("w.zip", "inference", [])[5] == str(Path("bundles/wmh_mri_boundary/configs/inference.yaml"))
    with pytest.raises(ValueError, match=r"`config` needs one of evaluate, inference, .*, got 'tain'"):
        run_command("wmh_mri_boundary", "tain", [])


def test_layers_lie_on_the_bundles_own(repo: Path, tmp_path: Path) -> None:
    file = str(repo / "bundles" / "volume_boundary" / "configs" / "train.yaml")
    (tmp_path / "a, it's.yaml").touch()
    layer = str(tmp_path / "a, it's.yaml")
    for given in (["--config_file", layer], [f"--config-file={layer}"]):
        command = run_command("volume_boundary", "train", [*given, "--epochs", "2", "--output_dir", "here"])
        assert ast.literal_eval(command[5]) == [file, layer]
        assert command[6:] == ["--epochs", "2", "--output_dir", "here"]
    for given in (["--config_file", "none.yaml"], ["--config_file"]):
        with pytest.raises(ValueError, match=r"`--config_file` needs a file, a layer on top of the bundle's, got"):
            run_command("volume_boundary", "train", given)


def test_words_of_a_run(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A value is no configuration's name, and --debug is the run's."""
    ran: list[list[str]] = []
    monkeypatch.setattr(bundle_command.subprocess, "call", lambda command: ran.append(command) or 7)
    monkeypatch.setattr(bundle_command.os, "name", "other")
    with caplog.at_level("INFO"), pytest.raises(SystemExit) as ended:
        main(["bundle", "run", "wmh_mri_boundary", "--epochs", "2", "--debug"])
    assert ended.value.code == 7
    assert ran[0][5].endswith("train.yaml")
    assert ran[0][6:9] == ["--epochs", "2", "--debug"]
    assert f"Results go to {Path('output/wmh_mri_boundary')}," in caplog.text


def test_unknown_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        bundle_command.main(["list", "--all"])
    assert ended.value.code == 2
    assert "--all" in capsys.readouterr().err
