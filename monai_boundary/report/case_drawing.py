# SPDX-License-Identifier: Apache-2.0
"""Which cases are drawn on the page, and drawing one of them within so many bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from monai_boundary._typing import AnyArray
from monai_boundary.data.em.arrays import pick_dataset
from monai_boundary.report.case_evaluation import CaseJob, load_case
from monai_boundary.report.case_files import ARRAY_SUFFIXES
from monai_boundary.report.label_classes import pairs_of_masks
from monai_boundary.report.label_volume import GivenSpacing, LabelVolume, grid_difference, read_channels
from monai_boundary.report.report_tables import ReportTables
from monai_boundary.report.slice_contours import instance_slices, slice_contours, viewed_grid
from monai_boundary.report.surface_meshes import MOST_FACES, surface_meshes

CASE_BYTES = 600_000
_WORST, _MEDIAN, _DIFFERING = 6, 2, 2
_MESHES = 6  # classes with a surface in one case


class DrawJob(NamedTuple):
    """A case to draw, the images of which one is to be behind it, why it is drawn, and where the drawing goes."""

    job: CaseJob
    images: tuple[Path, ...]
    reason: str
    drawing: Path
    most_bytes: int = CASE_BYTES


def cases_to_draw(tables: ReportTables, pictures: str | int) -> dict[tuple[str, str], str]:
    """Return (method, case) -> why: the worst, the median, and of several methods those where they differ most.

    Args:
        tables: of the report.
        pictures: ``"worst"``, ``"all"``, ``"none"``, or how many of the worst.

    Raises:
        ValueError: if ``pictures`` is something else.
    """
    check_pictures(pictures)
    ranked = [(row["method"], row["case"]) for row in tables.ranked]
    if pictures == "none":
        return {}
    if pictures == "all":
        return {case: f"rank {k + 1} from the worst" for k, case in enumerate(ranked)}
    number = _WORST if isinstance(pictures, str) else pictures
    chosen = {case: f"rank {k + 1} from the worst" for k, case in enumerate(ranked[:number])}
    middle = max(0, (len(ranked) - _MEDIAN + 1) // 2)
    for case in ranked[middle : middle + _MEDIAN] if number else []:
        chosen.setdefault(case, "median")
    for row in tables.differing[: _DIFFERING if number else 0]:
        for method in (row["base"], row["method"]):
            chosen.setdefault((method, row["case"]), f"{row['method']} and {row['base']} differ much")
    return chosen


def check_pictures(pictures: str | int) -> None:
    """Refuse a choice that is none, before cases are scored for hours.

    Args:
        pictures: as for :func:`cases_to_draw`.

    Raises:
        ValueError: if it is something else.
    """
    is_number = isinstance(pictures, int) and not isinstance(pictures, bool) and pictures >= 0
    if not is_number and pictures not in ("worst", "all", "none"):
        raise ValueError(f"`pictures` needs 'worst', 'all', 'none' or a whole number >= 0, got {pictures!r}.")


def write_drawing(work: DrawJob) -> str:
    """Draw a case into its file, with fewer slices and coarser surfaces until it fits; return nothing, or what failed.

    Args:
        work: the case.
    """
    try:
        text = ""
        for part in (1, 2, 4, 8):
            text = json.dumps(_drawn(work, part), separators=(",", ":"))
            if len(text) <= work.most_bytes:
                break
        work.drawing.parent.mkdir(parents=True, exist_ok=True)
        work.drawing.write_text(text, encoding="utf-8")
    except Exception as error:  # a picture that fails is told, and the page is written without it
        return f"{type(error).__name__}: {error}"
    return ""


def _drawn(work: DrawJob, part: int) -> dict[str, Any]:
    options = work.job.options
    case = load_case(work.job.prediction, work.job.truth, options)
    pred, true = case.prediction, case.truth
    grid = viewed_grid(true.affine, true.spacing, true.unit)
    image, remark = _image(work.images, true, options.spacing)
    about = {"method": work.job.method, "case": work.job.case, "reason": work.reason + remark, "unit": true.unit}
    if options.instances:
        return {**about, "views": instance_slices(pred.values, true.values, grid, image, 12 // part), "meshes": {}}
    masks = pairs_of_masks(pred.values, true.values, options.classes, options.ignore_labels)
    masks = {name: pair for name, pair in masks.items() if pair[0].any() or pair[1].any()}
    views, meshes = [], {}
    if masks:
        views = slice_contours(masks, grid, image, 16 // part)
    if true.values.ndim == 3:
        for name, (predicted, truth) in list(masks.items())[:_MESHES]:
            pair = grid.turned(predicted), grid.turned(truth)
            meshes[name] = surface_meshes(*pair, grid.spacing, MOST_FACES // part)
    return {**about, "views": views, "meshes": meshes}


def _image(paths: Sequence[Path], true: LabelVolume, spacing: GivenSpacing | None) -> tuple[AnyArray | None, str]:
    """What lies behind the contours, and what there is to say of it: on another grid an image would mislead."""
    apart = ""
    for path in paths:
        holds_datasets = path.name.lower().endswith((*ARRAY_SUFFIXES, ".zarr"))
        try:
            dataset = pick_dataset(path, None) if holds_datasets else None
            image, *_ = read_channels(path, dataset, spacing)  # of several channels the first
        except (ValueError, ImportError) as error:  # the contours are worth drawing without it
            apart = apart or f"; {path.name} is not drawn: {error}"
            continue
        difference = grid_difference(image, true)
        if not difference:
            return image.values, ""
        apart = apart or f"; {path.name} is on another grid and not drawn: {difference}"
    return None, apart


def picture_jobs(
    jobs: Sequence[CaseJob], chosen: dict[tuple[str, str], str], images: Mapping[str, Sequence[Path]], folder: Path
) -> list[DrawJob]:
    """Return what is to be drawn, in the order of the choice.

    Args:
        jobs: of the evaluation.
        chosen: of :func:`cases_to_draw`.
        images: case -> files of which one is its image, the likeliest first.
        folder: where drawings go.
    """
    by = {(job.method, job.case): job for job in jobs}
    return [
        DrawJob(by[key], tuple(images.get(key[1], ())), reason, folder / f"{by[key].record.stem}.drawing.json")
        for key, reason in chosen.items()
        if key in by
    ]
