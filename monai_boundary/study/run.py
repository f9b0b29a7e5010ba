# SPDX-License-Identifier: Apache-2.0
"""Run a study, go on with one that was stopped, and write what it says."""

from __future__ import annotations

import json
import logging
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from monai_boundary._folder_lock import FolderLock
from monai_boundary._output_file import atomic_output
from monai_boundary._tables import Row, write_json, write_table
from monai_boundary.study.cases import study_case_rows
from monai_boundary.study.design import design_sentence
from monai_boundary.study.evaluations import evaluations_by_name, joined_settings
from monai_boundary.study.picture import draw_study
from monai_boundary.study.plan import StudyPlan, StudyRun, read_study
from monai_boundary.study.protocol import CONFIRMING
from monai_boundary.study.protocol_page import part_result, study_page, study_parts
from monai_boundary.study.runs import RunPool, git_commit, lacking_evaluations, read_run
from monai_boundary.study.scores import ArmScore, read_score, run_rows
from monai_boundary.study.tracking import StudyTracking

logger = logging.getLogger(__name__)

PLAN = "plan.json"
FILES = ("study.csv", "study.json", "study.md", "study.png")
CASE_FILES = ("study_cases.csv", "study_case_differences.csv")


class StudyResult(NamedTuple):
    """What a study found: a row for each finished run, scores of the arms, the sentence, and the files with them."""

    rows: list[Row]
    scores: list[ArmScore]
    sentence: str
    files: list[Path]


class StudyError(RuntimeError):
    """Runs of a study failed; the others are finished, and the tables are written.

    Args:
        failed: those runs.
    """

    def __init__(self, failed: Sequence[StudyRun]) -> None:
        names = ", ".join(run.folder for run in failed)
        what = "1 run" if len(failed) == 1 else f"{len(failed)} runs"
        super().__init__(f"{what} failed: {names}. Run the study again to try anew.")
        self.failed = list(failed)


def run_study(
    plan: StudyPlan,
    output_dir: str | os.PathLike[str],
    workers: int | None = None,
    tracking_uri: str | None = None,
    experiment: str = "studies",
) -> StudyResult:
    """Run every run that is not finished, several at once, and write the tables and the picture.

    A study that was killed goes on when it is run again with the same folder: finished runs are kept, a half-finished
    one is resumed by its bundle. Arms, seeds, folds and evaluations may be added to a study later; what an arm or an
    evaluation is may not change. In an evaluation that is new the networks of finished runs are scored, not trained.

    Args:
        plan: of :func:`read_study`.
        output_dir: folder of the study: a folder for each run in ``runs``, and ``study.csv``, ``study.json``,
            ``study.md`` and ``study.png``.
        workers: runs at once, each with its share of the cores and, where there are GPUs, one of them in turn; None is
            one for each GPU, or one.
        tracking_uri: of MLflow, for a parent run with a child for each run; None for none.
        experiment: of MLflow.

    Returns:
        The result over all finished runs of the plan.

    Raises:
        ValueError: if the folder holds a study with other settings, another process runs it, or a score is unknown.
        StudyError: if runs failed; the end of their logs is logged as it happens.
    """
    root = Path(output_dir)
    root.mkdir(parents=True, exist_ok=True)
    with FolderLock(root, name="study.lock"):
        _keep_plan(plan, root)
        tracking = None if tracking_uri is None else StudyTracking(tracking_uri, plan, root, experiment)
        if tracking is not None:
            tracking.start()
        try:
            failed = _run_all(RunPool(plan, root, workers), plan, tracking)
            result = write_study_tables(plan, root)
        except BaseException:
            if tracking is not None:
                tracking.interrupted()
            raise
        if tracking is not None:
            tracking.finish(result.scores, result.files, bool(failed))
    if failed:
        raise StudyError(failed)
    return result


def write_study_tables(plan: StudyPlan, output_dir: str | os.PathLike[str]) -> StudyResult:
    """Write ``study.csv``, ``study.json``, ``study.md`` and ``study.png`` from the finished runs.

    Where the runs have scores of their cases, ``study_cases.csv`` has them, and ``study_case_differences.csv`` the
    paired differences to the base over the cases, which the page shows below those over the seeds. With a protocol,
    the runs that confirm and those that choose have tables of their own.

    Args:
        plan: the study.
        output_dir: its folder.

    Returns:
        What was written; scores and sentence are of the runs that confirm, as soon as one of them is finished.

    Raises:
        ValueError: if no run is finished, or a score is unknown.
    """
    root = Path(output_dir)
    rows = run_rows(plan, root)
    if not rows:
        raise ValueError(f"`output_dir` needs a finished run of the study, {root} has none.")
    _tell_lacking(plan, root)
    cases = study_case_rows(plan, root)
    parts = [part_result(plan, part, rows, cases) for part in study_parts(plan, rows)]
    main = parts[0]  # what confirms, if a run of it is finished
    scores, sentence = main.scores, main.sentence
    differences = [row for part in parts for row in part.differences]
    csv, content, page, picture = files = [root / name for name in FILES]
    write_table(rows, csv)
    about = {"written_at_commit": git_commit(), "machine": platform.platform(), "python": platform.python_version()}
    about |= {name: version(name) for name in ("torch", "monai", "monai-boundary")}
    table = [{**s._asdict(), "difference": s.difference._asdict()} for s in scores]
    told = {"sentence": sentence, "about": about, "plan": plan.as_dict(), "table": table, "runs": rows}
    write_json({**told, "case_table": differences}, content)
    with atomic_output(page, overwrite=True) as part:
        part.write_text(study_page(plan, parts), encoding="utf-8")
    with atomic_output(picture, overwrite=True) as part:
        draw_study(main.plan, scores, main.rows, part)
    files += _write_case_tables(cases, differences, root)
    return StudyResult(rows, scores, sentence, files)


def _tell_lacking(plan: StudyPlan, root: Path) -> None:
    """Warn of runs that were finished before the study had an evaluation."""
    abouts = [about for run in plan.runs() if (about := read_run(run.place(root))) is not None]
    for each in plan.evaluate:
        lacking = sum(each in lacking_evaluations(plan, about) for about in abouts)
        if lacking:
            logger.warning(
                f"{lacking} of {len(abouts)} finished runs have no evaluation {each.name!r}, their scores of it are "
                "missing: run the study again to make it."
            )


def _write_case_tables(cases: Sequence[Row], differences: Sequence[Row], root: Path) -> list[Path]:
    """Write the scores of the cases and their differences, and remove those of a study that had them before."""
    written = []
    for name, rows in zip(CASE_FILES, (cases, differences), strict=True):
        if rows:
            write_table(rows, root / name)
            written.append(root / name)
        else:
            (root / name).unlink(missing_ok=True)
    return written


def find_study(output_dir: str | os.PathLike[str]) -> StudyPlan:
    """Return the plan of a study from its folder.

    Raises:
        ValueError: if the folder holds no study.
    """
    path = Path(output_dir) / PLAN
    if not path.is_file():
        raise ValueError(f"`output_dir` needs the folder of a study, {path} does not exist.")
    return read_study(json.loads(path.read_text(encoding="utf-8"))["study"])


def _run_all(runner: RunPool, plan: StudyPlan, tracking: StudyTracking | None) -> list[StudyRun]:
    """Run the starts, then the runs; return those that failed."""
    confirming = plan.part(CONFIRMING)
    logger.info(design_sentence(confirming if confirming.runs() else plan))  # of folds that all choose: those
    starts, runs = plan.starts(), plan.runs()
    done = [run for run in [*starts, *runs] if runner.is_done(run)]
    logger.info(
        f"{len(starts) + len(runs)} runs, {len(done)} of them finished; {runner.workers} at once on "
        f"{', '.join(runner.devices) if runner.devices else 'the CPU'}, {runner.threads} threads each."
    )
    for run in done:
        _finished(run, runner, plan, tracking)
    failed: list[StudyRun] = []
    total = len(starts) + len(runs)
    with logging_redirect_tqdm(), tqdm(total=total, initial=len(done), desc="runs", unit="run", smoothing=0) as bar:
        for group in (starts, runs):
            lacking = {run.pair for run in failed}
            for run, failure in runner.run([run for run in group if run.pair not in lacking]):
                bar.update()
                if failure is None:
                    _finished(run, runner, plan, tracking)
                else:
                    logger.error(str(failure))
                    failed.append(run)
    return failed


def _finished(run: StudyRun, runner: RunPool, plan: StudyPlan, tracking: StudyTracking | None) -> None:
    if run.arm in plan.arms:
        for metric in plan.metrics:  # a score that is unknown ends the study with its first run, not with its last
            read_score(runner.folder(run), metric)
    if tracking is not None:
        tracking.add_run(run)


def _keep_plan(plan: StudyPlan, root: Path) -> None:
    """Write the plan into the folder, after a check that it is the one whose runs are there; it may have more now."""
    if (root / "cells").is_dir():
        raise ValueError(
            f"`output_dir` needs a study of this version, {root} is of an earlier one: rename its folder cells to "
            "runs, and every cell.json in it to run.json."
        )
    path, now = root / PLAN, json.loads(json.dumps(plan.settings()))
    arms = {name: json.loads(json.dumps(own)) for name, own in plan.arms.items()}
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        evaluate = before["settings"].get("evaluate")
        ways = [evaluations_by_name(entry) for entry in (evaluate, now["evaluate"])]
        changes = _changes({**before["settings"], "evaluate": None}, {**now, "evaluate": None})
        for kind, old, new in (("arms::", before["arms"], arms), ("evaluate::", ways[0], ways[1])):
            known = {name: own for name, own in old.items() if name in new}
            changes += _changes(known, {name: new[name] for name in known}, kind)
        if changes:
            raise ValueError(
                f"`output_dir` needs a folder of its own for other settings, {root} has a study with: "
                f"{'; '.join(changes)}."
            )
        arms = {**before["arms"], **arms}
        now["evaluate"] = joined_settings(evaluate, now["evaluate"])
    write_json({"settings": now, "arms": arms, "study": plan.as_dict()}, path)


def _changes(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    told: list[str] = []
    for key in {**before, **now}:
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            told += _changes(old, new, f"{prefix}{key}::")
        elif old != new:
            told.append(f"{prefix}{key}: {old!r} there, {new!r} now")
    return told
