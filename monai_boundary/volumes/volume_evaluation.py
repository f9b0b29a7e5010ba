# SPDX-License-Identifier: Apache-2.0
"""Instance scores of a volume larger than memory: VOI, adapted Rand and CREMI, as of the whole volume."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from monai_boundary._validation import check_positive
from monai_boundary.metrics.contingency import empty_table
from monai_boundary.metrics.table_scores import CREMIScore, cremi_of_table, mean_of_defined
from monai_boundary.volumes.block_grid import BlockGrid, chosen_block
from monai_boundary.volumes.block_runs import BlockFailure, BlockRunner, block_runner, run_left
from monai_boundary.volumes.block_surfaces import BlockSurfaces, surface_halo
from monai_boundary.volumes.class_scores import class_scores
from monai_boundary.volumes.overlap_counts import OverlapCount, border_halo, whole_tables
from monai_boundary.volumes.segment_losses import write_segment_losses
from monai_boundary.volumes.volume_job import VolumeJob
from monai_boundary.volumes.volume_source import VolumeSource, check_one_volume_grid, open_volume, voxel_size

SCORES_FILE, PAGE_FILE = "scores.json", "report.html"
_OUTPUTS = (SCORES_FILE, "splits.csv", "merges.csv", PAGE_FILE)


@dataclass(frozen=True)
class VolumeEvaluation:
    """The scores of a volume; ``None`` where a block failed, since a score of the rest would be another score.

    ``scored`` are the voxels that took part, ``sections`` the sections that have a score (1 where all count together).
    ``classes`` are the scores of each class, in place of ``scores``, where classes were named. ``objects`` are the
    numbers of true and of predicted ids other than 0 in the voxels that took part.
    """

    scores: CREMIScore | None
    scored: int
    sections: int
    failed: tuple[BlockFailure, ...]
    files: tuple[Path, ...]
    classes: Mapping[str, Mapping[str, float]] | None = None
    objects: tuple[int, int] | None = None


def evaluate_volume(
    pred: str | os.PathLike[str],
    truth: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    *,
    ignore_labels: Sequence[int] = (0,),
    border_tolerance_nm: float | None = None,
    spacing: Sequence[float] | float | None = None,
    per_section: bool = False,
    border_per_section: bool = True,
    classes: str | Mapping[str, Any] | None = None,
    radius_nm: float | None = None,
    tolerance_nm: float = 10.0,
    page: bool = True,
    block: Sequence[int] | int | None = None,
    workers: int = 1,
    cluster: Any = "threads",
    absent_chunks: str = "error",
    force: bool = False,
) -> VolumeEvaluation:
    """Score a volume of instance ids, or of classes, against its truth, block by block.

    The scores of instances are those of :func:`~monai_boundary.metrics.compute_cremi_score`, to the last bit: blocks
    count which ids meet, the counts are added, and a border is looked for in as many voxels around a block as the
    tolerance reaches.

    Those of ``classes`` are overlaps and surface scores as of :func:`~monai_boundary.metrics.compute_surface_scores`:
    the distances between the surfaces are exact up to ``radius_nm``, and so are the surface Dice and the boundary F;
    HD95, HD and ASSD are NaN where they need a distance beyond it, and ``beyond`` is the share of the surfaces there.

    ``output_dir`` gets ``scores.json``, ``report.html``, of instances ``splits.csv`` and ``merges.csv`` (the segments
    that cost most, with their share of the variation of information; not with ``per_section``), and ``manifest.json``
    and ``blocks``, by which a job that was stopped goes on.

    Args:
        pred: predicted ids, ``path[::dataset][@first:stop]``.
        truth: true ids, on the same grid.
        output_dir: of this job alone.
        ignore_labels: true ids whose voxels are not scored.
        border_tolerance_nm: do not score voxels within this distance of a border between true ids; None scores all.
        spacing: nm per axis (z, y, x), of both volumes, whatever they state; what they state if not given. Needed for
            the tolerance.
        per_section: score each section alone, and return the mean over those that are defined.
        border_per_section: look for the border in each section alone, as CREMI (True), or in 3-D.
        classes: labels by name, as ``"axon=1,soma=2+3"`` or a file: score these in place of ids. The options of ids
            are refused then, as that of classes is without.
        radius_nm: of classes: the largest distance that is told; it decides how far a block looks beyond it. By default
            10 times the tolerance.
        tolerance_nm: of classes: of surface Dice and boundary F; at most the radius.
        page: write ``report.html``, for which Jinja2 and Plotly are needed.
        block: voxels of a block along each axis; by default some 16 million voxels in whole chunks of the truth.
        workers: threads or processes.
        cluster: ``"threads"``, ``"processes"``, the address or file of a Dask scheduler, or a client of one.
        absent_chunks: ``"error"``, or ``"fill"``: chunks that were never written hold the store's fill value.
        force: remove what another job has left in ``output_dir``.

    Returns:
        The scores, or which blocks failed; those that did not are not done again when the call is repeated.

    Raises:
        ValueError: if the volumes differ in shape, or in the voxel size or offset that both state, a setting does not
            fit or is of the other kind of labels, or the folder is not this job's.
        ImportError: if Dask or the library of a format is missing.
        OSError: if the folder cannot be written, or a cluster is gone.
    """
    if page:  # not needed without: it imports MONAI
        from monai_boundary.report.page_shell import require_page_libraries

        require_page_libraries()
    sources = {"pred": open_volume(pred, absent_chunks), "truth": open_volume(truth, absent_chunks)}
    check_one_volume_grid("pred", sources["pred"], "truth", sources["truth"], given=spacing is not None)
    named = None if classes is None else _named_classes(classes)
    of_ids = {
        "ignore_labels": tuple(ignore_labels) != (0,),
        "border_tolerance_nm": border_tolerance_nm is not None,
        "per_section": per_section,
        "border_per_section": not border_per_section,
    }
    for name, given in (of_ids if named is not None else {"radius_nm": radius_nm is not None}).items():
        if given:
            raise ValueError(
                f"`{name}` needs {'instances' if named is not None else '`classes`'}, of which it is an option."
            )
    shape, chunks = sources["truth"].shape, sources["truth"].chunks
    if named is None:
        tolerance = float(border_tolerance_nm or 0)
        check_positive("border_tolerance_nm", tolerance, zero=True)
        settings: dict[str, Any] = {
            "ignore_labels": [int(label) for label in ignore_labels],
            "border_tolerance_nm": tolerance,
            "per_section": per_section,
            "border_per_section": border_per_section,
        }
        needed = "a border tolerance in nm" if tolerance else None
    else:
        radius = 10 * tolerance_nm if radius_nm is None else float(radius_nm)
        check_positive("tolerance_nm", tolerance_nm)
        if not tolerance_nm <= radius < math.inf:
            raise ValueError(f"`radius_nm` needs at least the tolerance of {tolerance_nm:g} nm, got {radius_nm}.")
        settings = {"classes": named, "radius_nm": radius, "tolerance_nm": float(tolerance_nm)}
        needed = "distances in nm"
    sizes = voxel_size(spacing, sources["truth"], sources["pred"], needed_for=needed)
    settings |= {"spacing": sizes, "absent_chunks": absent_chunks, "block": chosen_block(block, shape, chunks)}
    job = VolumeJob(output_dir, "evaluate", sources, settings, force=force, outputs=_OUTPUTS)
    with job, block_runner(workers, cluster) as runner:
        found = (_instances if named is None else _classes)(job, sources, runner)
        if page and not found.failed:
            from monai_boundary.volumes.volume_page import write_volume_page

            files = (*found.files, write_volume_page(job, PAGE_FILE, found))
            found = replace(found, files=files)
        return found


def _named_classes(classes: str | Mapping[str, Any]) -> Any:
    from monai_boundary.report.label_classes import read_class_table, without_ignored  # imports MONAI

    table = read_class_table(classes)
    if without_ignored(table)[1]:
        raise ValueError(f"`classes` needs none to ignore: by blocks every voxel of classes counts, got {classes}.")
    return table


def _instances(job: VolumeJob, sources: Mapping[str, VolumeSource], runner: BlockRunner) -> VolumeEvaluation:
    chosen = job.manifest["settings"]
    sizes = None if chosen["spacing"] is None else tuple(chosen["spacing"])
    halo = border_halo(chosen["border_tolerance_nm"], sizes, chosen["border_per_section"])
    grid = BlockGrid(sources["truth"].shape, tuple(chosen["block"]), halo)
    work = OverlapCount(
        **sources,
        records=job.records("overlaps"),
        ignore_labels=tuple(chosen["ignore_labels"]),
        border_tolerance_nm=chosen["border_tolerance_nm"],
        spacing=sizes,
        per_section=chosen["per_section"],
        border_per_section=chosen["border_per_section"],
    )
    failed = run_left(runner, work, grid, "overlaps")
    return VolumeEvaluation(None, 0, 0, tuple(failed), ()) if failed else _result(job, work, grid)


def _classes(job: VolumeJob, sources: Mapping[str, VolumeSource], runner: BlockRunner) -> VolumeEvaluation:
    chosen = job.manifest["settings"]
    sizes, radius = tuple(chosen["spacing"]), chosen["radius_nm"]
    grid = BlockGrid(sources["truth"].shape, tuple(chosen["block"]), surface_halo(radius, sizes))
    records = job.records("surfaces")
    work = BlockSurfaces(
        **sources, classes=chosen["classes"], records=records, grid=grid, radius_nm=radius, spacing=sizes
    )
    failed = run_left(runner, work, grid, "surfaces")
    if failed:
        return VolumeEvaluation(None, 0, 0, tuple(failed), ())
    scores = {
        name: class_scores(records, grid, number, chosen["tolerance_nm"], sizes)
        for number, name in enumerate(chosen["classes"])
    }
    voxels = math.prod(grid.shape)
    about = {key: job.manifest[key] for key in ("inputs", "settings", "versions")}
    file = job.write_json(SCORES_FILE, {"classes": scores, "voxels": voxels, **about})
    return VolumeEvaluation(None, voxels, 1, (), (file,), scores)


def _result(job: VolumeJob, work: OverlapCount, grid: BlockGrid) -> VolumeEvaluation:
    voxels = math.prod(grid.shape[1:] if work.per_section else grid.shape)
    tables = whole_tables(work.records, range(len(grid)), voxels)
    found = [table for _, table in tables] or [empty_table(voxels)]
    scores = CREMIScore(*mean_of_defined([cremi_of_table(table) for table in found]))
    scored = sum(table.scored for table in found)
    sections = sum(table.scored > 0 for table in found)
    # over sections, those of all of them
    true_ids, pred_ids = (set().union(*(getattr(t, ids).tolist() for t in found)) for ids in ("true_ids", "pred_ids"))
    content = {
        "scores": scores._asdict(),
        "voxels": math.prod(grid.shape),
        "scored_voxels": scored,
        "scored_sections": sections if work.per_section else None,
        "true_segments": len(true_ids),
        "pred_segments": len(pred_ids),
        **{key: job.manifest[key] for key in ("inputs", "settings", "versions")},
    }
    files = [job.write_json(SCORES_FILE, content)]
    if not work.per_section:
        files += write_segment_losses(job.folder, found[0])
    objects = len(true_ids - {0}), len(pred_ids - {0})
    return VolumeEvaluation(scores, scored, sections, (), tuple(files), objects=objects)
