# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from monai_boundary.__main__ import main
from tests.data.volume_layouts import blob, save, write_decathlon, write_pairs


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["inspect", "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for words in (
        "DATA --output_dir OUT",
        "PNG and TIF",
        "decathlon",
        "nnunet",
        "paired_folders",
        "task.yaml",
        "Exit code 1",
        "--labels",
    ):
        assert words in shown


def test_a_sound_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    main(["inspect", str(write_decathlon(tmp_path / "data")), "--output_dir", str(out), "--workers", "1"])
    shown = capsys.readouterr().out
    assert "3 of 3 cases read, 3 patients, decathlon" in shown
    assert "front: in 3 cases, 0.072 ml, 1 components" in shown
    assert "front and back touch in 3 cases" in shown
    assert "Nothing was found that will hurt." in shown
    assert str(out / "index.html") in shown


def test_errors_are_the_exit_code_and_warnings_are_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_decathlon(tmp_path / "\x1b[31mdata")
    arguments = ["inspect", str(folder), "--output-dir", str(tmp_path / "out"), "--workers=1", "--no-page"]
    save(folder / "labelsTr/case_1.nii.gz", blob(0)[1] * 0)
    main(arguments)
    assert "warning: empty labels (1)" in capsys.readouterr().out
    save(folder / "labelsTr/case_1.nii.gz", blob(0)[1] * 0.5)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 1
    shown = capsys.readouterr().out
    assert "error: fractional label values (1)" in shown
    assert "\x1b" not in shown  # a name is no command to the terminal
    assert not (tmp_path / "out" / "index.html").exists()


def test_options(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path / "data", ["a.nii.gz", "b.nii.gz"], images="scans", labels="truth")
    names = ["--image_dir", "scans", "--label_dir", "truth", "--labels", "front=1,both=1+2", "--channels", "[T1]"]
    main(
        ["inspect", str(folder), "--output_dir", str(tmp_path / "out"), *names, "--patch_size", "(8,8,8)", "--no-page"]
    )
    settings = yaml.safe_load((tmp_path / "out" / "task.yaml").read_text(encoding="utf-8"))
    assert settings["labels"] == {"front": [1], "both": [1, 2]}
    assert (settings["channels"], settings["image_dir"], settings["label_dir"]) == ({"T1": "zscore"}, "scans", "truth")
    assert settings["patch_size"] == [8, 8, 8]


def test_what_the_user_can_mend_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["inspect", str(tmp_path / "none"), "--output_dir", str(tmp_path / "out")])
    assert str(ended.value).startswith("error: `dataset_dir` needs an existing folder or table, got ")
    folder = write_decathlon(tmp_path / "no description", cases=1)
    (folder / "dataset.json").unlink()
    (folder / "labelsTr").rename(folder / "truth")
    with pytest.raises(SystemExit) as ended:
        main(["inspect", str(folder), "--output_dir", str(tmp_path / "out")])
    assert str(ended.value).startswith("error: `dataset_dir` needs a dataset.json (the Decathlon's or nnU-Net's), two ")
