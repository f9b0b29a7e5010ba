# SPDX-License-Identifier: Apache-2.0
"""The folder of a report, and its files from records."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_boundary.report.case_evaluation import CaseJob, CaseOptions, evaluate_case
from monai_boundary.report.case_files import CaseMatches
from monai_boundary.report.case_records import record_path
from monai_boundary.report.report_files import ReportOptions, drawn_cases, report_folder, write_report
from tests.report.case_folders import ball, write_nifti


def jobs(tmp_path: Path, names: str) -> list[CaseJob]:
    """Cases of one pair of files each: "x" has no prediction."""
    found = []
    for name in names:
        files = [tmp_path / f"{name}_{side}.nii.gz" for side in ("pred", "true")]
        for file in files[name == "x" :]:
            write_nifti(file, ball())
        found.append(CaseJob("m", name, *files, CaseOptions(), record_path(tmp_path / "out", "m", name)))
    return found


def test_a_report_of_records_without_what_failed(tmp_path: Path) -> None:
    place, cases = tmp_path / "out", jobs(tmp_path, "axb")
    failed = [record for record in map(evaluate_case, cases) if "error" in record]
    how, matches = ReportOptions("dice", pictures="all"), {"m": CaseMatches([], [], [])}
    result = write_report(cases, failed, place, {"truth": "t"}, how, matches, {})
    assert [row["case"] for row in result.tables.rows] == ["a", "b"]
    assert [record["case"] for record in result.failed] == ["x"]
    assert result.files[0].read_text(encoding="utf-8").count('class="drawing"') == 2
    assert {path.name for path in place.iterdir()} == {"cases", *(file.name for file in result.files)}
    with pytest.raises(ValueError, match=r"no case could be scored \(1 failed\). x: .*x_pred.nii.gz cannot be read"):
        write_report(cases[1:2], failed, place, {}, how, matches, {})


def test_what_an_earlier_report_had_and_this_one_has_not_goes(tmp_path: Path) -> None:
    """A report with failed cases is gone on with, maybe by other settings: an old page said what no table says."""
    place, cases = tmp_path / "out", jobs(tmp_path, "ab")
    assert not [record for record in map(evaluate_case, cases) if "error" in record]
    (place / "comparison.csv").write_text("mine, of something else\n")
    matches = {"m": CaseMatches([], [], [])}
    write_report(cases, [], place, {}, ReportOptions("dice", pictures="none"), matches, {})
    assert {"report.html", "comparison.csv"} <= {path.name for path in place.iterdir()}
    result = write_report(cases, [], place, {}, ReportOptions("dice", page=False), matches, {})
    assert {path.name for path in place.iterdir()} == {"cases", *(file.name for file in result.files)}


def test_one_drawing_is_in_memory_at_a_time(tmp_path: Path) -> None:
    class Work:
        def __init__(self, name: str) -> None:
            self.drawing = tmp_path / "drawings" / name

    work = [Work("a"), Work("b"), Work("c")]

    def made(job: Work) -> str:
        job.drawing.parent.mkdir(exist_ok=True)
        job.drawing.write_text(job.drawing.name)
        return ""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("monai_boundary.report.report_files.write_drawing", made)
        with drawn_cases(work, 1) as drawings:  # type: ignore[arg-type]
            assert next(drawings) == "a"
            work[1].drawing.write_text("read when it is asked for")
            assert list(drawings) == ["read when it is asked for", "c"]
    assert not (tmp_path / "drawings").exists()


def test_a_folder_has_room_or_is_refused(tmp_path: Path) -> None:
    with report_folder(tmp_path, force=False):
        (tmp_path / "summary.json").write_text('{"failed": [{"case": "a"}]}')
    with report_folder(tmp_path, force=False):  # with failed cases it is gone on with
        (tmp_path / "summary.json").write_text('{"failed": []}')
    (tmp_path / "mine.csv").write_text("kept")
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "a-1234.json").write_text("{}")
    (tmp_path / "cases" / "scan.nii.gz").write_text("somebody's, who gave the folder of the data")
    with pytest.raises(ValueError, match="without a finished report"), report_folder(tmp_path, force=False):
        pytest.fail("it has a finished report")
    with report_folder(tmp_path, force=True):
        assert {path.name for path in tmp_path.iterdir()} == {"mine.csv", "cases", "report.lock"}
        assert [path.name for path in (tmp_path / "cases").iterdir()] == ["scan.nii.gz"]
        (tmp_path / "cases" / "scan.nii.gz").unlink()
    with report_folder(tmp_path, force=True):
        assert {path.name for path in tmp_path.iterdir()} == {"mine.csv", "report.lock"}
