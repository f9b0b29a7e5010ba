# SPDX-License-Identifier: Apache-2.0
"""The files of a report, of cases that were scored: tables, pictures, page, and the folder that they lie in."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from monai_boundary._folder_lock import FolderLock
from monai_boundary.report.case_drawing import DrawJob, cases_to_draw, picture_jobs, write_drawing
from monai_boundary.report.case_evaluation import CaseJob
from monai_boundary.report.case_files import CaseMatches
from monai_boundary.report.case_records import RECORDS, Record, read_record
from monai_boundary.report.case_workers import PRELOAD, run_cases
from monai_boundary.report.report_page import write_report_page
from monai_boundary.report.report_tables import ReportTables, report_tables, write_report_tables

logger = logging.getLogger(__name__)

SUMMARY = "summary.json"
_TABLES = ("cases", "lesions", "lesion_wise", "instances", "thresholds", "comparison")
_OURS = (*(f"{name}.csv" for name in _TABLES), SUMMARY, "report.html")


class FolderEvaluation(NamedTuple):
    """What an evaluation left: tables, files, and the cases that failed (their ``method``, ``case`` and ``error``)."""

    tables: ReportTables
    files: list[Path]
    failed: list[Record]


class ReportOptions(NamedTuple):
    """How a report is made of cases: see :func:`evaluate_folders`."""

    rank_by: str
    pictures: str | int = "worst"
    page: bool = True
    workers: int = 1
    force: bool = False


@contextlib.contextmanager
def report_folder(place: Path, force: bool) -> Iterator[None]:
    """Hold the folder of a report, with room for a new one.

    Args:
        place: made if it is not there.
        force: replace a finished report; only files of a report are.

    Raises:
        ValueError: if it holds a finished report, or is being written.
    """
    place.mkdir(parents=True, exist_ok=True)
    with FolderLock(place, name="report.lock"):
        _make_room(place, force)
        yield


def write_report(
    jobs: Sequence[CaseJob],
    failed: Sequence[Record],
    place: Path,
    settings: Mapping[str, Any],
    how: ReportOptions,
    matches: Mapping[str, CaseMatches],
    images: Mapping[str, Sequence[Path]],
) -> FolderEvaluation:
    """Write the report of cases that were scored. Files of a report that was there before and are not made anew go.

    Args:
        jobs: at least one; their records are read one after the other.
        failed: records of those that failed.
        place: folder of the report.
        settings: for the summary and the page.
        how: order, pictures, processes.
        matches: method -> what has no partner; the order of the methods.
        images: case -> files of which one is behind its contours, the likeliest first.

    Raises:
        ValueError: if every case failed.
    """
    if len(failed) == len(jobs):
        reasons = "; ".join(f"{record['case']}: {record['error']}" for record in failed[:3])
        raise ValueError(f"no case could be scored ({len(failed)} failed). {reasons}")
    options = jobs[0].options
    has_table = options.instances or options.classes is not None
    tables = report_tables(_records(jobs), list(matches), how.rank_by, has_table, options.empty_policy)
    earlier = set(_OURS) if (place / SUMMARY).is_file() else set()
    files: list[Path] = []
    if how.page:
        work = picture_jobs(jobs, cases_to_draw(tables, how.pictures), images, place / "drawings")
        with drawn_cases(work, how.workers) as drawings:
            files.append(write_report_page(place / "report.html", tables, settings, matches, failed, drawings))
    files += write_report_tables(tables, _records(jobs), settings, matches, failed, place)
    for left in earlier - {file.name for file in files}:  # of the cases and settings of before
        (place / left).unlink(missing_ok=True)
    return FolderEvaluation(tables, files, list(failed))


@contextlib.contextmanager
def drawn_cases(work: Sequence[DrawJob], workers: int) -> Iterator[Iterator[str]]:
    """Draw cases, and yield an iterator over what came out, one drawing in memory at a time; the files go afterwards.

    Args:
        work: the cases.
        workers: processes.
    """
    if work:
        logger.info("drawing %d cases", len(work))
    try:
        for job, problem in run_cases(write_drawing, work, min(workers, len(work)) or 1, PRELOAD):
            if problem is None or problem:
                logger.warning("case %s could not be drawn: %s", job.job.case, problem or "its process was ended")
        yield (job.drawing.read_text(encoding="utf-8") for job in work if job.drawing.is_file())
    finally:
        for job in work:
            job.drawing.unlink(missing_ok=True)
        for folder in {job.drawing.parent for job in work}:
            _remove_empty(folder)


def _records(jobs: Sequence[CaseJob]) -> Iterator[Record]:
    return (record for job in jobs if (record := read_record(job.record, job.mark)) is not None)


def _make_room(place: Path, force: bool) -> None:
    """Refuse a folder with a finished report, or clear it; one with failed cases is gone on with."""
    summary = place / SUMMARY
    if force:
        for path in (*(place / name for name in _OURS), *(place / RECORDS).glob("*.json")):
            path.unlink(missing_ok=True)
        _remove_empty(place / RECORDS)
    elif summary.is_file() and not _failures_of(summary):
        raise ValueError(f"`output_dir` needs a folder without a finished report, got {place}; `force` replaces it.")


def _remove_empty(folder: Path) -> None:
    """Remove a folder of ours, unless it is somebody else's too."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def _failures_of(summary: Path) -> bool:
    try:
        content = json.loads(summary.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        return True
    return bool(content.get("failed", True)) if isinstance(content, dict) else True
