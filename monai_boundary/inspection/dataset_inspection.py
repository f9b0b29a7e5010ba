# SPDX-License-Identifier: Apache-2.0
"""A look at a data set before anyone trains: fingerprint, findings, advice, pictures, and the files that hold them."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from monai_boundary._tables import write_json, write_table
from monai_boundary.data.em.source import natural_key
from monai_boundary.data.volumes.volume_datalist import volume_datalist
from monai_boundary.data.volumes.volume_dataset import VolumeDataset
from monai_boundary.data.volumes.volume_items import MISSING, as_paths
from monai_boundary.inspection.case_measures import MeasureJob, measure_case
from monai_boundary.inspection.case_pictures import PictureJob, cases_to_show, draw_labelled_case
from monai_boundary.inspection.dataset_findings import dataset_findings
from monai_boundary.inspection.dataset_fingerprint import dataset_fingerprint
from monai_boundary.inspection.finding import ERROR, Finding
from monai_boundary.inspection.inspection_page import case_rows, write_inspection_page
from monai_boundary.inspection.task_file import write_task_file
from monai_boundary.inspection.training_advice import Advice, training_advice
from monai_boundary.report.case_workers import CaseProgress, run_cases
from monai_boundary.report.page_shell import require_page_libraries

logger = logging.getLogger(__name__)
_FINGERPRINT, _TASK, _PAGE = "fingerprint.json", "task.yaml", "index.html"
_PRELOAD = ("monai_boundary.inspection.case_measures", "monai_boundary.inspection.case_pictures")


class DatasetInspection(NamedTuple):
    """What an inspection found.

    Attributes:
        dataset: the listing.
        fingerprint: numbers of the data set.
        findings: what will hurt, errors first.
        advice: settings for a training with their reasons; empty where no case could be read.
        files: that were written.
    """

    dataset: VolumeDataset
    fingerprint: dict[str, Any]
    findings: list[Finding]
    advice: dict[str, Advice]
    files: list[Path]

    @property
    def errors(self) -> list[Finding]:
        """The findings that stop a training or teach it what is wrong."""
        return [finding for finding in self.findings if finding.level == ERROR]


def inspect_dataset(
    dataset_dir: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    layout: str = "auto",
    *,
    image_dir: str | None = None,
    label_dir: str | None = None,
    channels: Sequence[str] | None = None,
    labels: Mapping[str, int | Sequence[int]] | None = None,
    patch_size: Sequence[int] | None = None,
    workers: int = 1,
    page: bool = True,
    progress: bool = True,
) -> DatasetInspection:
    """Look at every case of a data set, and write ``fingerprint.json``, ``cases.csv``, ``task.yaml``, ``index.html``.

    A case that cannot be read is among the findings, and the others go on. A worker holds one case at a time: one
    channel of it and its label.

    Args:
        dataset_dir: folder of the data set, or a table.
        output_dir: where the files go; those of an earlier inspection are replaced, and go if they are not made anew.
        layout: ``"decathlon"``, ``"nnunet"``, ``"paired_folders"``, ``"table"``, or ``"auto"``, which tells it.
        image_dir: of paired folders, the folder of the images.
        label_dir: of paired folders, the folder of the labels.
        channels: names of the channels, in place of those of the layout.
        labels: class -> id or ids, in place of those of the layout.
        patch_size: voxels along right, front, head: advised in place of the computed one, and smaller images are named.
        workers: processes.
        page: whether the page is written (needs the extra ``report``).
        progress: whether the state is told on stderr.

    Returns:
        Fingerprint, findings, advice and the files.

    Raises:
        ValueError: if the data set cannot be listed at all, or an argument does not fit.
        ImportError: if the page's libraries are missing.
    """
    out = Path(output_dir)
    _check_arguments(Path(dataset_dir), out, patch_size, workers)
    if page:
        require_page_libraries()
    options = {"image_dir": image_dir, "label_dir": label_dir}
    dataset = volume_datalist(Path(dataset_dir), layout, **options, channels=channels, labels=labels, strict=False)
    records = _measure(dataset, workers, progress)
    fingerprint = dataset_fingerprint(dataset, records)
    findings = dataset_findings(dataset, records, patch_size)
    advice = training_advice(dataset, fingerprint, patch_size) if fingerprint["shape"] else {}
    out.mkdir(parents=True, exist_ok=True)
    earlier = {_TASK, _PAGE} if (out / _FINGERPRINT).is_file() else set()
    content = {
        **fingerprint,
        "findings": [finding._asdict() for finding in findings],
        "advice": {name: setting._asdict() for name, setting in advice.items()},
    }
    write_json(content, out / _FINGERPRINT)
    write_table(case_rows(dataset, records), out / "cases.csv")
    files = [out / _FINGERPRINT, out / "cases.csv"]
    if advice:
        files.append(write_task_file(out / _TASK, Path(dataset_dir), dataset, advice, findings, options))
    if page:
        drawings = _drawings(dataset, records, workers)
        files.append(
            write_inspection_page(
                out / _PAGE, Path(dataset_dir), dataset, fingerprint, records, findings, advice, drawings
            )
        )
    for left in earlier - {file.name for file in files}:  # no case can be read any more, or no page is wanted
        (out / left).unlink(missing_ok=True)
    return DatasetInspection(dataset, fingerprint, findings, advice, files)


def _check_arguments(dataset_dir: Path, out: Path, patch_size: Sequence[int] | None, workers: int) -> None:
    if out.exists() and (not out.is_dir() or out.resolve() == dataset_dir.resolve()):
        raise ValueError(f"`output_dir` needs a folder of its own, beside the data, got {str(out)!r}.")
    if workers < 1:
        raise ValueError(f"`workers` needs a number >= 1, got {workers}.")
    if patch_size is not None and (len(patch_size) not in (2, 3) or min(patch_size) < 1):
        raise ValueError(f"`patch_size` needs 2 or 3 numbers >= 1, got {tuple(patch_size)}.")


def _measure(dataset: VolumeDataset, workers: int, progress: bool) -> list[dict[str, Any]]:
    """The record of each case that has files; those that are missing are problems of the listing already."""
    absent = frozenset(problem.where for problem in dataset.problems if problem.kind == MISSING)
    jobs = [
        MeasureJob(item, len(dataset.channels), dict(dataset.labels), dataset.ignore_label, absent.intersection(files))
        for item in dataset.items
        if not absent.issuperset(files := [*as_paths(item["image"]), item["label"]])
    ]
    told = CaseProgress(len(jobs))
    records = []
    for job, record in run_cases(measure_case, jobs, max(1, min(workers, len(jobs))), _PRELOAD):
        records.append(record if record is not None else _died(job))
        if len(records) == 1:  # what came before is the start of the processes, which comes once
            told.began = told.clock() - records[0].get("seconds", 0.0)
        if progress:
            told.step()
    return sorted(records, key=lambda record: (natural_key(str(record["case"])), str(record["case"])))


def _died(job: MeasureJob) -> dict[str, Any]:
    why = "the process died (out of memory?)"
    finding = Finding(ERROR, "cases that cannot be read", str(job.item["case"]), why)
    files = [*as_paths(job.item["image"]), job.item["label"]]
    return {"case": job.item["case"], "patient": job.item["patient"], "files": files, "findings": [finding]}


def _drawings(dataset: VolumeDataset, records: Sequence[Mapping[str, Any]], workers: int) -> list[dict[str, Any]]:
    items = {str(item["case"]): item for item in dataset.items}
    jobs = [
        PictureJob(items[case], dict(dataset.labels), dataset.ignore_label, reason)
        for case, reason in cases_to_show(records).items()
    ]
    if not jobs:
        return []
    drawn = {
        str(job.item["case"]): d
        for job, d in run_cases(draw_labelled_case, jobs, min(workers, len(jobs)), _PRELOAD)
        if d
    }
    return [drawn[str(job.item["case"])] for job in jobs if str(job.item["case"]) in drawn]
