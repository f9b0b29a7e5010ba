# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
import math
import os
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_boundary._folder_lock import fcntl
from monai_boundary._tables import read_table
from monai_boundary.report import evaluate_folders
from monai_boundary.report.case_evaluation import evaluate_case
from tests.report.case_folders import ball, write_cases, write_nifti

FAR = ball(centre=(8, 8, 4))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Return predictions and truths: a is right, b is off, c is missed, d has nothing to find."""
    pred = {"a": ball(), "b": FAR, "c": ball() * 0, "d": ball() * 0}
    true = {"a": ball(), "b": ball(), "c": ball(), "d": ball() * 0}
    return write_cases(tmp_path / "pred", pred, "_pred.nii.gz"), write_cases(tmp_path / "true", true)


def test_a_folder(folders: tuple[Path, Path], tmp_path: Path) -> None:
    result = evaluate_folders(*folders, tmp_path / "out")
    assert not result.failed
    assert {file.name for file in result.files} >= {"cases.csv", "lesions.csv", "summary.json", "report.html"}
    rows = {row["case"]: row for row in read_table(tmp_path / "out" / "cases.csv")}
    assert (rows["a"]["dice"], rows["c"]["missed"], rows["d"]["both_empty"]) == (1, 1, 1)
    assert "dice" not in rows["d"]
    assert [row["case"] for row in result.tables.ranked] == ["c", "b", "a", "d"]


def test_two_workers_give_the_same(folders: tuple[Path, Path], tmp_path: Path) -> None:
    for workers in (1, 2):
        evaluate_folders(*folders, tmp_path / f"out{workers}", workers=workers)
    tables = [(tmp_path / f"out{workers}" / "cases.csv").read_text() for workers in (1, 2)]
    assert tables[0] == tables[1]


def test_a_case_that_fails_is_told_and_mended_later(
    folders: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = folders[0] / "b_pred.nii.gz"
    whole = bad.read_bytes()
    bad.write_bytes(whole[:60])
    write_nifti(folders[0] / "a_pred.nii.gz", ball(), origin=(3, 0, 0))
    with caplog.at_level(logging.INFO):
        result = evaluate_folders(*folders, tmp_path / "out")
    assert [record["case"] for record in result.failed] == ["a", "b"]
    assert "case a failed: the prediction is on another grid than the truth: origin (3, 0, 0) against (0" in caplog.text
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert [record["case"] for record in summary["failed"]] == ["a", "b"]
    bad.write_bytes(whole)
    write_nifti(folders[0] / "a_pred.nii.gz", ball())
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert not evaluate_folders(*folders, tmp_path / "out").failed
    assert "2 of 4 cases were scored before" in caplog.text
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["failed"] == []


def test_a_finished_report_is_kept_unless_forced(folders: tuple[Path, Path], tmp_path: Path) -> None:
    evaluate_folders(*folders, tmp_path / "out")
    (tmp_path / "out" / "mine.txt").write_text("kept")
    with pytest.raises(ValueError, match=r"`output_dir` needs a folder without a finished report.*`force` replaces"):
        evaluate_folders(*folders, tmp_path / "out")
    result = evaluate_folders(*folders, tmp_path / "out", tolerance=3.0, force=True)
    assert result.tables.tolerance == 3
    assert (tmp_path / "out" / "mine.txt").read_text() == "kept"


class KilledError(BaseException):
    """What no `except Exception` stops."""


def test_killed_it_goes_on_with_records_of_the_same_settings_only(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[str] = []

    def counted(job: Any) -> Any:
        scored.append(job.case)
        if len(scored) == 3:
            raise KilledError
        return evaluate_case(job)

    counted.__module__ = evaluate_case.__module__
    monkeypatch.setattr("monai_boundary.report.folder_evaluation.evaluate_case", counted)
    with pytest.raises(KilledError):
        evaluate_folders(*folders, tmp_path / "out")
    assert scored == ["a", "b", "c"]
    assert not (tmp_path / "out" / "summary.json").exists()
    evaluate_folders(*folders, tmp_path / "out")
    assert scored == ["a", "b", "c", "c", "d"]
    (tmp_path / "out" / "summary.json").unlink()
    evaluate_folders(*folders, tmp_path / "out", tolerance=2.0)  # other settings
    assert scored[5:] == ["a", "b", "c", "d"]


def test_names_without_a_partner(folders: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_nifti(folders[0] / "stray.nii", ball())
    write_nifti(folders[1] / "forgotten.nii", ball())
    evaluate_folders(*folders, tmp_path / "out")
    assert "1 predictions without a partner: " + str(folders[0] / "stray.nii") in caplog.text
    unmatched = json.loads((tmp_path / "out" / "summary.json").read_text())["unmatched"]["pred"]
    assert [Path(p).name for p in (*unmatched["predictions"], *unmatched["truths"])] == ["stray.nii", "forgotten.nii"]


def test_no_name_matches(tmp_path: Path) -> None:
    pred, true = write_cases(tmp_path / "p", {"x": ball()}), write_cases(tmp_path / "t", {"y": ball()})
    with pytest.raises(ValueError, match=r"names that match the truths': no case of .*p \(x\) is one of .*t \(y\)"):
        evaluate_folders(pred, true, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_files_of_one_case_are_told_before_anything_is_written(folders: tuple[Path, Path], tmp_path: Path) -> None:
    write_nifti(folders[0] / "A-seg.nii", ball())
    with pytest.raises(ValueError, match=r"`predictions` needs one file for each case, got several for 1: .*A-seg.nii"):
        evaluate_folders(*folders, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not evaluate_folders(*folders, tmp_path / "out", pred_pattern="*_pred.nii.gz", page=False).failed


def test_a_label_that_the_table_lacks_fails_its_case_alone(folders: tuple[Path, Path], tmp_path: Path) -> None:
    write_nifti(folders[1] / "b.nii.gz", ball() * 7)
    result = evaluate_folders(*folders, tmp_path / "out", classes="x=1", page=False)
    assert [(record["case"], record["error"]) for record in result.failed] == [
        ("b", "`truth` needs the labels of the table, 1, got 7.")
    ]
    assert {row["case"] for row in result.tables.rows} == {"a", "c", "d"}


def test_every_case_fails(tmp_path: Path) -> None:
    pred = write_cases(tmp_path / "p", {"x": ball() * np.float32(0.5)})
    true = write_cases(tmp_path / "t", {"x": ball()})
    with pytest.raises(ValueError, match=r"no case could be scored \(1 failed\). x: `prediction` needs whole numbers"):
        evaluate_folders(pred, true, tmp_path / "out")


def test_one_case_and_near_integers(tmp_path: Path) -> None:
    pred = write_cases(tmp_path / "p", {"x": ball() * np.float32(0.9999)})
    result = evaluate_folders(pred, write_cases(tmp_path / "t", {"x": ball()}), tmp_path / "out")
    assert result.tables.rows[0]["dice"] == 1
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count('class="drawing"') == 1, "the worst case is the median one, too, and is drawn once"
    mean = json.loads((tmp_path / "out" / "summary.json").read_text())["methods"]["p"]["1"]["scores"]["dice"]
    assert (mean["mean"], mean["low"], mean["std"]) == (1, None, None), "one case has no interval"


def test_regions_and_classes_missing_everywhere(tmp_path: Path) -> None:
    label = ball() + 3 * ball(radius=1.0)
    pred, true = write_cases(tmp_path / "p", {"x": label}), write_cases(tmp_path / "t", {"x-seg": label})
    result = evaluate_folders(pred, true, tmp_path / "out", regions="brats")
    assert [(row["class"], row["dice"]) for row in result.tables.rows] == [("wt", 1), ("tc", 1), ("et", 1)]
    named = evaluate_folders(pred, true, tmp_path / "out2", classes="a=1,b=4,cyst=9")
    assert named.tables.absent == ["cyst"]
    assert named.tables.summary["p"]["cyst"]["both_empty"] == 1


def test_methods_are_compared(folders: tuple[Path, Path], tmp_path: Path) -> None:
    result = evaluate_folders({"<b>": folders[0], "right": folders[1]}, folders[1], tmp_path / "out")
    dice = next(row for row in result.tables.comparison if row["score"] == "dice")
    assert (dice["method"], dice["pairs"], dice["better"], dice["worse"]) == ("right", 3, 2, 0)
    assert result.tables.differing[0]["case"] == "c"


def test_probabilities_and_a_case_in_which_one_is_nan(
    folders: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chances = {name: mask * np.float32(0.7) for name, mask in (("a", ball()), ("b", FAR), ("c", ball()), ("d", ball()))}
    chances["b"] = np.where(FAR > 0, np.float32(np.nan), 0)
    folder = write_cases(tmp_path / "chances", chances, "_prob.nii.gz")
    result = evaluate_folders(*folders, tmp_path / "out", classes="x=1", probabilities=folder, pictures="none")
    assert [record["case"] for record in result.failed] == ["b"]
    assert (
        f"case b failed: probabilities need numbers, {folder / 'b_prob.nii.gz'} has {FAR.sum()} that are NaN"
        in caplog.text
    )
    rows = {row["threshold"]: row for row in read_table(tmp_path / "out" / "thresholds.csv")}
    assert (rows[0.7]["cases"], rows[0.75]["dice"]) == (3, 0)
    assert rows[0.65]["dice"] == pytest.approx(2 / 3)  # d has nothing to find: 0
    (folder / "a_prob.nii.gz").unlink()
    with pytest.raises(ValueError, match="`probabilities` needs a file for each case"):
        evaluate_folders(*folders, tmp_path / "out2", probabilities=folder)


def test_what_a_miss_costs_in_the_summary(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """c is missed, a and b are not."""
    found = {}
    for policy in ("worst", "ignore"):
        out = tmp_path / policy
        result = evaluate_folders(*folders, out, empty_policy=policy, rank_by="hd95", pictures=1)
        assert result.tables.ranked[0]["case"] == "c"
        found[policy] = json.loads((out / "summary.json").read_text())["methods"]["pred"]["1"]
    assert found["worst"]["scores"]["hd95_mm"]["mean"] == "inf"
    assert found["ignore"]["scores"]["hd95_mm"]["defined"] == 2
    assert found["ignore"]["missed"] == found["worst"]["missed"] == 1
    page = (tmp_path / "ignore" / "report.html").read_text(encoding="utf-8")
    assert "a distance counts in no mean" in page
    assert "of 2 cases" in page
    rows = {row["case"]: row for row in read_table(tmp_path / "worst" / "cases.csv")}
    assert rows["c"]["hd95_mm"] == math.inf


def test_masks_that_fill_the_image_one_voxel_and_nothing(tmp_path: Path) -> None:
    one = np.zeros_like(ball())
    one[0, 0, 0] = 1
    true = {"full": ball() * 0 + 1, "one": one, "none": one * 0}
    pred = {"full": ball() * 0 + 1, "one": one, "none": one}
    folders = write_cases(tmp_path / "p", pred), write_cases(tmp_path / "t", true)
    result = evaluate_folders(*folders, tmp_path / "out", classes="x=1", challenge="met", pictures="all")
    rows = {row["case"]: row for row in result.tables.rows}
    for case in ("full", "one"):
        for name, best in (("dice", 1), ("nsd", 1), ("hd95", 0), ("component_dice", 1), ("betti_error", 0)):
            assert rows[case][name] == best, (case, name)
    assert (rows["none"]["false_alarm"], rows["none"]["dice"], rows["none"]["lesion_wise_dice"]) == (1, 0, 0)
    assert rows["one"]["lesion_wise_dice"] != rows["one"]["lesion_wise_dice"]  # 2 mm^3 do not count


def test_instances_in_a_folder(tmp_path: Path) -> None:
    ids = np.repeat(np.arange(1, 4, dtype=np.int32), 4)[:, None, None] * np.ones((1, 4, 4), np.int32)
    folders = write_cases(tmp_path / "p", {"a": np.where(ids == 2, 0, ids)}), write_cases(tmp_path / "t", {"a": ids})
    evaluate_folders(*folders, tmp_path / "out", instances=True)
    rows = read_table(tmp_path / "out" / "instances.csv")
    assert [(row["kind"], row["true_id"]) for row in rows] == [("match", 1), ("missed", 2), ("match", 3)]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert '<section id="instances">' in page
    assert "All 3, also in instances.csv" in page


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"workers": 0}, "`workers` needs an integer >= 1, got 0"),
        ({"tolerance": -1.0}, "`tolerance` needs a finite number >= 0"),
        ({"border_tolerance_nm": 5.0}, "`border_tolerance_nm` needs `instances`"),
        ({"rank_by": "beauty"}, "`rank_by` needs one of dice, nsd"),
        ({"rank_by": "dice", "instances": True}, "`rank_by` needs one of cremi_score"),
        ({"empty_policy": "zero"}, "`empty_policy` needs one of 'diagonal', 'worst', 'nan', 'ignore', got 'zero'"),
        ({"empty_policy": "nan", "instances": True}, "`empty_policy` is about distances"),
        ({"challenge": "gli", "instances": True}, "`challenge` needs classes or regions, not `instances`"),
        ({"challenge": "adult"}, "`challenge` needs one of 'gli', 'ssa', 'ped', 'men', 'met'"),
        ({"rank_by": "lesion_wise_dice"}, "`rank_by` needs one of dice, nsd"),
        ({"probabilities": {"x": "."}}, "`probabilities` needs methods of `predictions`, pred, got 'x'"),
        ({"instances_by": "watershed", "instances": True}, "`instances_by` .* needs `instances` and `probabilities`"),
        ({"instances_by": "mws"}, "`instances_by` needs one of 'components', 'watershed', 'barrier_cut', got 'mws'"),
        ({"pictures": "best"}, "`pictures` needs 'worst', 'all', 'none' or a whole number >= 0, got 'best'"),
        ({"pictures": -1, "page": False}, "`pictures` needs 'worst', 'all', 'none' or a whole number >= 0, got -1"),
        ({"classes": "a=1", "regions": "brats"}, "one of `classes` and `regions` can be had, got both"),
        ({"classes": "a=1", "instances": True}, "one of `classes`, `regions` and `instances` can be had"),
    ],
)
def test_options_that_do_not_fit(folders: tuple[Path, Path], tmp_path: Path, options: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        evaluate_folders(*folders, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()  # said before anything is scored


@pytest.mark.skipif(fcntl is None, reason="no locks on this system")
def test_a_second_process_is_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / "report.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump({"process": os.getpid(), "host": socket.gethostname(), "since": "then"}, file)
        file.flush()
        with pytest.raises(ValueError, match=f"is in use by process {os.getpid()} on .* since then"):
            evaluate_folders(*folders, tmp_path / "out")


def test_names_that_no_text_can_hold(tmp_path: Path) -> None:
    """A name of bytes that are no UTF-8, as old disks have them, and one with markup."""
    strange = os.fsdecode(b"caf\xe9")
    try:
        write_cases(tmp_path / "t", {strange: ball(), "<script>alert(1)<_script>": ball()})
    except OSError:
        pytest.skip("this file system refuses such names")
    result = evaluate_folders(tmp_path / "t", tmp_path / "t", tmp_path / "out")
    assert len(result.tables.rows) == 2
