# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from monai_boundary.__main__ import main
from monai_boundary._tables import read_table
from monai_boundary.report.evaluate_command import main as evaluate
from tests.report.case_folders import ball, write_cases


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """Return predictions and truths of two cases, one of them missed."""
    pred = write_cases(tmp_path / "p", {"a": ball(), "\x1b[31mred": ball() * 0}, "_pred.nii")
    return [str(pred), str(write_cases(tmp_path / "t", {"a": ball(), "\x1b[31mred": ball()}))]


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for words in ("PRED_DIR TRUTH_DIR", "--pred NAME=DIR", "--regions", "brats", "--workers", "--align", "--force"):
        assert words in shown


def test_two_folders(folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["evaluate", *folders, "--output_dir", str(tmp_path / "out"), "--workers", "1", "--tolerance", "2"])
    shown = capsys.readouterr().out
    assert "Surface Dice" in shown
    assert "1 of 2" in shown
    assert "\x1b" not in shown  # a name is no command to the terminal
    assert str(tmp_path / "out" / "summary.json") in shown
    settings = json.loads((tmp_path / "out" / "summary.json").read_text())["settings"]
    assert (settings["tolerance"], settings["align"], list(settings["predictions"])) == (2, False, ["p"])


def test_methods_by_name(folders: list[str], tmp_path: Path) -> None:
    methods = ["--pred", f"ours={folders[0]}", "--pred", f"right={folders[1]}"]
    (tmp_path / "q").mkdir()
    chances = write_cases(tmp_path / "q", {"a": ball() * np.float32(0.5), "\x1b[31mred": ball() * np.float32(0.5)})
    methods += ["--probabilities", f"right={chances}", "--empty_policy", "ignore", "--challenge", "met"]
    options = ["--workers=1", "--classes", "a=1", "--spacing", "(1,1,3)", "--ignore_labels", "2,3", "--no-align"]
    assert evaluate([*methods, folders[1], "--output-dir", str(tmp_path / "out"), *options]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert list(summary["methods"]) == ["ours", "right"]
    assert (summary["settings"]["empty_policy"], summary["settings"]["challenge"]) == ("ignore", "met")
    assert {"lesion_wise.csv", "thresholds.csv"} <= {path.name for path in (tmp_path / "out").iterdir()}
    assert (summary["settings"]["spacing"], summary["settings"]["ignore_labels"]) == ([1, 1, 3], [2, 3])


@pytest.fixture
def stacks(tmp_path: Path) -> list[str]:
    """Return a prediction 2 voxels too large along x, and its truth, as TIF, which state no size of a voxel."""
    truth = np.zeros((3, 10, 16), np.uint8)
    truth[1:, 2:8, :6], truth[1:, 2:8, 6:12] = 1, 2
    pred = truth.copy()
    pred[1:, 2:8, 6:8], pred[1:, 2:8, 12:14] = 1, 2
    for name, values in (("p", pred), ("t", truth)):
        (tmp_path / name).mkdir()
        tifffile.imwrite(tmp_path / name / "a.tif", values, photometric="minisblack")
    return [str(tmp_path / "p"), str(tmp_path / "t"), "--output_dir", str(tmp_path / "out"), "--no-page", "--workers=1"]


def test_nanometres_of_files_that_state_none(stacks: list[str], tmp_path: Path) -> None:
    assert evaluate([*stacks, "--spacing_nm", "40,4,4"]) == 0
    rows = {row["class"]: row for row in read_table(tmp_path / "out" / "cases.csv")}
    assert rows[2]["hd_nm"] == pytest.approx(8.0)
    settings = json.loads((tmp_path / "out" / "summary.json").read_text())["settings"]
    assert (settings["spacing_nm"], settings["spacing"]) == ([40, 4, 4], None)
    with pytest.raises(ValueError, match=r"one of `spacing` .mm. and `spacing_nm` can be had"):
        evaluate([*stacks, "--force", "--spacing_nm", "40,4,4", "--spacing", "1"])


def test_the_border_of_cells_that_state_no_size(stacks: list[str], tmp_path: Path) -> None:
    cells = ["--instances", "--border_tolerance_nm", "4"]
    with pytest.raises(ValueError, match="give `spacing_nm`"):
        evaluate([*stacks, *cells])
    assert evaluate([*stacks, *cells, "--spacing_nm", "40,4,4"]) == 0
    (row,) = read_table(tmp_path / "out" / "cases.csv")
    assert row["cremi_score"] == 0, "what is wrong lies within the border"
    assert evaluate([*stacks, "--force", "--instances", "--spacing-nm", "40,4,4"]) == 0
    (row,) = read_table(tmp_path / "out" / "cases.csv")
    assert row["cremi_score"] > 0


def test_a_case_that_fails_is_the_exit_code(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (Path(folders[0]) / "a_pred.nii").write_bytes(b"none")
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *folders, "--output_dir", str(tmp_path / "out"), "--workers", "1"])
    assert ended.value.code == 1
    assert "1 cases failed and are in no mean:" in capsys.readouterr().out


def test_what_the_user_can_mend_is_one_line(folders: list[str], tmp_path: Path) -> None:
    out = ["--output_dir", str(tmp_path / "out"), "--workers", "1"]
    for arguments, message in [
        ([folders[0], *out], "error: evaluate needs PRED_DIR and TRUTH_DIR, got 1 folders"),
        ([*folders, "--align", "false", *out], "error: evaluate needs PRED_DIR and TRUTH_DIR, got 3 folders"),
        ([*folders, "--pred", "a=b", *out], "error: evaluate needs TRUTH_DIR beside --pred"),
        (["--pred", "ab", folders[1], *out], "error: `pred` needs name=DIR, got 'ab'"),
        (["--pred", "a=x", "--pred", "a=y", folders[1], *out], "error: `pred` needs different names, got 'a' twice"),
        ([folders[0], "nowhere", *out], "error: `folder` needs a folder of segmentations, got 'nowhere'"),
        (["--pred", "a=x", folders[1], "--probabilities", "q", *out], "error: `probabilities` needs name=DIR, got 'q'"),
        ([*folders, "--probabilities", "a", "--probabilities", "b", *out], "error: `probabilities` needs one folder"),
        ([*folders, "--rank_by", "x", *out], "error: `rank_by` needs one of dice"),
    ]:
        with pytest.raises(SystemExit) as ended:
            main(["evaluate", *arguments])
        assert str(ended.value).startswith(message)


@pytest.mark.parametrize("option", ["--tolerence", "--out"])
def test_unknown_options_are_refused(folders: list[str], option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        evaluate([*folders, "--output_dir", "out", option, "1"])
    assert ended.value.code == 2
    assert f"unrecognized arguments: {option}" in capsys.readouterr().err
