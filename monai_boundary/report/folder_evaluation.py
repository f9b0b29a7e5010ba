# SPDX-License-Identifier: Apache-2.0
"""Folders of predictions against a folder of truths: every case scored, in parallel, and what failed told."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_boundary._validation import check_choice, check_positive
from monai_boundary.metrics.lesion_wise import CHALLENGES
from monai_boundary.metrics.surface_scores import EMPTY_POLICIES
from monai_boundary.ops.segmentation import SEGMENTATION_METHODS
from monai_boundary.report.case_drawing import check_pictures
from monai_boundary.report.case_evaluation import CaseJob, CaseOptions, evaluate_case
from monai_boundary.report.case_files import list_case_files, listed, match_images
from monai_boundary.report.case_records import Record, read_record, record_path, write_record
from monai_boundary.report.case_scores import LESION_WISE
from monai_boundary.report.case_workers import PRELOAD, CaseProgress, run_cases
from monai_boundary.report.folder_matching import match_folders, match_probabilities
from monai_boundary.report.label_classes import ClassTable, read_class_table, without_ignored
from monai_boundary.report.label_volume import GivenSpacing
from monai_boundary.report.page_shell import require_page_libraries
from monai_boundary.report.report_files import FolderEvaluation, ReportOptions, report_folder, write_report
from monai_boundary.report.score_names import CLASS_SCORES, INSTANCE_SCORES, SCORES

logger = logging.getLogger(__name__)


def evaluate_folders(
    predictions: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]],
    truth: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    *,
    classes: str | Mapping[str, Any] | None = None,
    regions: str | Mapping[str, Any] | None = None,
    instances: bool = False,
    ignore_labels: Sequence[int] = (),
    tolerance: float | None = None,
    border_tolerance_nm: float | None = None,
    empty_policy: str = "diagonal",
    challenge: str | None = None,
    probabilities: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]] | None = None,
    instances_by: str = "components",
    rank_by: str | None = None,
    align: bool = False,
    spacing: Sequence[float] | float | None = None,
    spacing_nm: Sequence[float] | float | None = None,
    pred_pattern: str | None = None,
    truth_pattern: str | None = None,
    pred_dataset: str | None = None,
    truth_dataset: str | None = None,
    image_dir: str | os.PathLike[str] | None = None,
    pictures: str | int = "worst",
    page: bool = True,
    workers: int = 1,
    force: bool = False,
) -> FolderEvaluation:
    """Score every case of one or more folders of predictions, and write what comes out of it.

    Files are matched by name (:func:`match_cases`), their grids compared, and each case is scored and recorded in
    ``output_dir/cases`` as soon as it is done: a run that was stopped goes on, with the records of the same settings
    and unchanged files. A case that fails is told, and the others go on. In the end there are ``cases.csv`` (a row for
    each method, case and class), ``lesions.csv`` (for each component), ``lesion_wise.csv`` (by a challenge's rules),
    ``instances.csv``, ``thresholds.csv`` (of probabilities), ``comparison.csv`` (of several methods), each if there is
    something to be in it, ``summary.json`` and ``report.html``, a page that needs no network.

    Args:
        predictions: folder, or method -> folder. The first method is what the others are compared with.
        truth: folder.
        output_dir: of the report. One that holds a finished report is kept unless ``force``.
        classes: label values by name, such as ``"anterior=1,posterior=2"``, or a file (:func:`read_class_table`). By
            default every label that there is.
        regions: the same for regions, ``"whole=1+2+4,core=1+4"``, or ``"brats"``.
        instances: labels are ids of objects: VOI, Rand, CREMI and panoptic scores in place of the classes'.
        ignore_labels: labels of the truth whose voxels are not scored.
        tolerance: of the surface Dice, in the unit of the files (mm; nm in electron microscopy; voxels where files
            state none). By default 1 mm, 10 nm or 1 voxel.
        border_tolerance_nm: with ``instances``: voxels so near to a boundary of the truth are not scored.
        empty_policy: what a distance counts as where one of prediction and truth is empty: ``"diagonal"`` (of the
            image), ``"worst"`` (infinity), ``"nan"`` (its mean is undefined) or ``"ignore"`` (left out of the mean).
            Overlaps are 0 in any case, and the misses are counted beside every mean.
        challenge: ``"gli"``, ``"ssa"``, ``"ped"``, ``"men"`` or ``"met"``: lesion-wise scores by the rules of that
            BraTS 2023 challenge, too. ``regions="brats"`` implies ``"gli"``; ``"none"`` is none.
        probabilities: folder, or method -> folder, of the probabilities that predictions were made of, for curves over
            the threshold: one channel, or one for each class; with ``instances`` the membrane's.
        instances_by: how these become instances at each threshold: ``"components"``, ``"watershed"`` or
            ``"barrier_cut"``; see :func:`~monai_boundary.ops.membrane_to_instances`.
        rank_by: score that orders the cases; Dice, or PQ of instances, if not given.
        align: resample predictions that are on another grid, by nearest neighbour, and say so.
        spacing: mm per axis, in the order of the files' axes, instead of what they state.
        spacing_nm: the same in nm, of electron microscopy; lengths are then in nm.
        pred_pattern: names of the predictions' files, such as ``"*_seg.nii.gz"``.
        truth_pattern: names of the truths' files.
        pred_dataset: of HDF5 and Zarr files.
        truth_dataset: of HDF5 and Zarr files.
        image_dir: images that are to be behind the contours: of the case's name, or of that name and another word, or
            in a folder of the case's name. Of several modalities it is the first on the grid of the truth. Cases
            without any are named in the log, those whose images are all on another grid on the page.
        pictures: ``"worst"`` (the six worst, two median ones, and where methods differ most), ``"all"``, ``"none"``, or
            how many of the worst.
        page: write ``report.html``.
        workers: processes.
        force: replace a finished report.

    Returns:
        Tables, files, and the cases that failed.

    Raises:
        ValueError: if no case can be matched, a name matches twice, an option does not fit, every case failed, or the
            folder holds a finished report or is being written.
        ImportError: if a page is wanted and what it is made with is not installed.
    """
    if page:
        require_page_libraries()
    options = case_options(
        classes,
        regions,
        challenge,
        instances=instances,
        ignore_labels=tuple(int(label) for label in ignore_labels),
        tolerance=None if tolerance is None else float(tolerance),
        border_tolerance_nm=None if border_tolerance_nm is None else float(border_tolerance_nm),
        instances_by=instances_by,
        empty_policy=empty_policy,
        align=align,
        spacing=_given_spacing(spacing, spacing_nm),
        pred_dataset=pred_dataset,
        truth_dataset=truth_dataset,
    )
    ranked_by = _check_options(options, rank_by, workers)
    if instances_by != "components" and not (instances and probabilities):
        raise ValueError(f"`instances_by` ({instances_by!r}) needs `instances` and `probabilities`, to make them of.")
    check_pictures(pictures)
    folders = dict(predictions) if isinstance(predictions, Mapping) else {Path(predictions).resolve().name: predictions}
    matches = match_folders(folders, truth, pred_pattern, truth_pattern)
    cases = dict.fromkeys(pair.case for found in matches.values() for pair in found.pairs)
    chances = match_probabilities(probabilities, matches)
    images = {} if image_dir is None else _images_of(cases, image_dir)
    place = Path(output_dir)
    jobs = [
        CaseJob(
            *(method, pair.case, pair.prediction, pair.truth, options, record_path(place, method, pair.case)),
            chances.get(method, {}).get(pair.case),
        )
        for method, found in matches.items()
        for pair in found.pairs
    ]
    settings = {"predictions": {k: str(v) for k, v in folders.items()}, "truth": str(truth), **options.__dict__}
    settings |= {"spacing": spacing, "spacing_nm": spacing_nm}
    how = ReportOptions(ranked_by, pictures, page, workers, force)
    with report_folder(place, force):
        return write_report(jobs, score_cases(jobs, workers), place, settings, how, matches, images)


def _images_of(cases: Collection[str], folder: str | os.PathLike[str]) -> dict[str, tuple[Path, ...]]:
    images = match_images(list_case_files(folder), cases)
    without = [case for case in cases if case not in images]
    if without:
        logger.warning("`image_dir`: no image for %d cases in %s: %s", len(without), folder, listed(without, 5))
    return images


def score_cases(jobs: Sequence[CaseJob], workers: int) -> list[Record]:
    """Score the cases that have no record yet, and return the records of those that failed.

    Args:
        jobs: the cases.
        workers: processes.
    """
    to_do = [job for job in jobs if read_record(job.record, job.mark) is None]
    stale = sum(job.record.is_file() for job in to_do)
    if len(to_do) < len(jobs):
        logger.info("%d of %d cases were scored before", len(jobs) - len(to_do), len(jobs))
    if stale:
        logger.info("%d records failed, or are of other settings or files: these cases are scored anew", stale)
    progress = CaseProgress(len(to_do))
    failed: list[Record] = []
    for job, result in run_cases(evaluate_case, to_do, workers, PRELOAD):
        record = result
        if record is None:
            record = {"method": job.method, "case": job.case, "error": "its process was ended: out of memory?"}
            write_record(record, job.record)
        if "error" in record:
            failed.append(record)
            logger.error("%s, case %s failed: %s", job.method, job.case, record["error"])
        progress.step()
    order = {(job.method, job.case): k for k, job in enumerate(jobs)}
    return sorted(failed, key=lambda record: order[record["method"], record["case"]])


def _given_spacing(
    spacing: Sequence[float] | float | None, spacing_nm: Sequence[float] | float | None
) -> GivenSpacing | None:
    if spacing is not None and spacing_nm is not None:
        raise ValueError(f"one of `spacing` (mm) and `spacing_nm` can be had, got {spacing} and {spacing_nm}.")
    sizes = spacing if spacing_nm is None else spacing_nm
    if sizes is None:
        return None
    if not isinstance(sizes, (int, float)):
        sizes = tuple(map(float, sizes))
    return GivenSpacing(sizes, "mm" if spacing_nm is None else "nm")


def case_options(
    classes: str | Mapping[str, Any] | None, regions: str | Mapping[str, Any] | None, challenge: str | None, **more: Any
) -> CaseOptions:
    """Return the options of cases, of what is said of their classes and of the rest.

    What a table calls ``ignore``, as nnU-Net's ``dataset.json`` does, is no class: its labels join ``ignore_labels``.

    Args:
        classes: label values by name, such as ``"anterior=1,posterior=2"``, or a file (:func:`read_class_table`). By
            default every label that there is.
        regions: labels that are taken together.
        challenge: rules of the lesion-wise scores.
        **more: further fields of :class:`CaseOptions`: ``instances``, ``ignore_labels``, ``tolerance``,
            ``border_tolerance_nm``, ``empty_policy``, ``align``, ``spacing``, ``pred_dataset``, ``truth_dataset``.

    Raises:
        ValueError: if they do not fit together.
    """
    instances = bool(more.get("instances", False))
    table = _class_table(classes, regions, instances)
    check_choice("challenge", challenge, (*CHALLENGES, "none", None))
    if instances and challenge not in (None, "none"):
        raise ValueError("`challenge` needs classes or regions, not `instances`.")
    if isinstance(table, dict):
        table, ignored = without_ignored(table)
        more["ignore_labels"] = tuple(dict.fromkeys((*more.get("ignore_labels", ()), *ignored)))
    chosen = "gli" if challenge is None and table == "brats" else challenge
    return CaseOptions(classes=table, challenge=None if chosen == "none" else chosen, **more)


def _class_table(
    classes: str | Mapping[str, Any] | None, regions: str | Mapping[str, Any] | None, instances: bool
) -> ClassTable | str | None:
    given = [name for name, value in (("classes", classes), ("regions", regions)) if value is not None]
    if len(given) + instances > 1:
        raise ValueError(
            f"one of `classes`, `regions` and `instances` can be had, got {', '.join(given)} and instances."
            if instances
            else "one of `classes` and `regions` can be had, got both."
        )
    if regions == "brats":
        return "brats"
    source = classes if classes is not None else regions
    return None if source is None else read_class_table(source)


def _check_options(options: CaseOptions, rank_by: str | None, workers: int) -> str:
    if isinstance(workers, bool) or int(workers) != workers or workers < 1:
        raise ValueError(f"`workers` needs an integer >= 1, got {workers!r}.")
    for name, value in (("tolerance", options.tolerance), ("border_tolerance_nm", options.border_tolerance_nm)):
        if value is not None:
            check_positive(name, value, zero=True)
    if options.border_tolerance_nm is not None and not options.instances:
        raise ValueError("`border_tolerance_nm` needs `instances`; the tolerance of the surface Dice is `tolerance`.")
    check_choice("empty_policy", options.empty_policy, EMPTY_POLICIES)
    check_choice("instances_by", options.instances_by, SEGMENTATION_METHODS)
    if options.instances and options.empty_policy != "diagonal":
        raise ValueError("`empty_policy` is about distances; the scores of `instances` have none.")
    known = INSTANCE_SCORES if options.instances else CLASS_SCORES
    chosen = rank_by or ("pq" if options.instances else "dice")
    if chosen not in known or not SCORES[chosen].better or (chosen in LESION_WISE and not options.challenge):
        names = ", ".join(name for name, about in known.items() if about.better)
        raise ValueError(f"`rank_by` needs one of {names}, got {chosen!r}.")
    return chosen
