# SPDX-License-Identifier: Apache-2.0
"""Instance scores of a volume larger than memory: VOI, adapted Rand and CREMI, as of the whole volume."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_boundary._validation import check_positive, check_same_shape
from monai_boundary.metrics.contingency import Contingency, empty_table
from monai_boundary.metrics.cremi import CREMIScore, cremi_of_table
from monai_boundary.metrics.item_metric import mean_of_defined
from monai_boundary.volumes.block_grid import BlockGrid, chosen_block
from monai_boundary.volumes.block_runs import BlockFailure, block_runner, run_left
from monai_boundary.volumes.overlap_counts import OverlapCount, border_halo, whole_tables
from monai_boundary.volumes.segment_losses import write_segment_losses
from monai_boundary.volumes.volume_job import VolumeJob
from monai_boundary.volumes.volume_source import open_volume, voxel_size

SCORES_FILE = "scores.json"
_OUTPUTS = (SCORES_FILE, "splits.csv", "merges.csv")


@dataclass(frozen=True)
class VolumeEvaluation:
    """The scores of a volume; ``None`` where a block failed, since a score of the rest would be another score.

    ``scored`` are the voxels that took part, ``sections`` the sections that have a score (1 where all count together).
    """

    scores: CREMIScore | None
    scored: int
    sections: int
    failed: tuple[BlockFailure, ...]
    files: tuple[Path, ...]


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
    block: Sequence[int] | int | None = None,
    workers: int = 1,
    cluster: Any = "threads",
    absent_chunks: str = "error",
    force: bool = False,
) -> VolumeEvaluation:
    """Score a volume of instance ids against its truth, block by block.

    The scores are those of :func:`~monai_boundary.metrics.compute_cremi_score`, to the last bit: blocks count which ids
    meet, the counts are added, and a border is looked for in as many voxels around a block as the tolerance reaches.

    ``output_dir`` gets ``scores.json``, ``splits.csv`` and ``merges.csv`` (the segments that cost most, with their
    share of the variation of information; not with ``per_section``), and ``manifest.json`` and ``blocks``, by which a
    job that was stopped goes on.

    Args:
        pred: predicted ids, ``path[::dataset][@first:stop]``.
        truth: true ids, on the same grid.
        output_dir: of this job alone.
        ignore_labels: true ids whose voxels are not scored.
        border_tolerance_nm: do not score voxels within this distance of a border between true ids; None scores all.
        spacing: nm per axis (z, y, x); what the volumes state if not given. Needed for the tolerance.
        per_section: score each section alone, and return the mean over those that are defined.
        border_per_section: look for the border in each section alone, as CREMI (True), or in 3-D.
        block: voxels of a block along each axis; by default some 16 million voxels in whole chunks of the truth.
        workers: threads or processes.
        cluster: ``"threads"``, ``"processes"``, the address or file of a Dask scheduler, or a client of one.
        absent_chunks: ``"error"``, or ``"fill"``: chunks that were never written hold the store's fill value.
        force: remove what another job has left in ``output_dir``.

    Returns:
        The scores, or which blocks failed; those that did not are not done again when the call is repeated.

    Raises:
        ValueError: if the volumes differ in shape, a setting does not fit, or the folder is not this job's.
        ImportError: if Dask or the library of a format is missing.
        OSError: if the folder cannot be written, or a cluster is gone.
    """
    sources = {"pred": open_volume(pred, absent_chunks), "truth": open_volume(truth, absent_chunks)}
    check_same_shape("pred", sources["pred"].shape, "truth", sources["truth"].shape)
    tolerance = float(border_tolerance_nm or 0)
    check_positive("border_tolerance_nm", tolerance, zero=True)
    sizes = voxel_size(
        spacing, sources["truth"], sources["pred"], needed_for="a border tolerance in nm" if tolerance else None
    )
    settings: dict[str, Any] = {
        "ignore_labels": [int(label) for label in ignore_labels],
        "border_tolerance_nm": tolerance,
        "spacing": sizes,
        "per_section": per_section,
        "border_per_section": border_per_section,
        "absent_chunks": absent_chunks,
    }
    shape = sources["truth"].shape
    halo = border_halo(tolerance, sizes, border_per_section)
    grid = BlockGrid(shape, chosen_block(block, shape, sources["truth"].chunks), halo)
    job = VolumeJob(output_dir, "evaluate", sources, settings | {"block": grid.block}, force=force, outputs=_OUTPUTS)
    with job:
        work = OverlapCount(
            **sources,
            records=job.records("overlaps"),
            ignore_labels=tuple(settings["ignore_labels"]),
            border_tolerance_nm=tolerance,
            spacing=sizes,
            per_section=per_section,
            border_per_section=border_per_section,
        )
        with block_runner(workers, cluster) as runner:
            failed = run_left(runner, work, grid, "overlaps")
        return VolumeEvaluation(None, 0, 0, tuple(failed), ()) if failed else _result(job, work, grid)


def _result(job: VolumeJob, work: OverlapCount, grid: BlockGrid) -> VolumeEvaluation:
    voxels = math.prod(grid.shape[1:] if work.per_section else grid.shape)
    tables = whole_tables(work.records, range(len(grid)), voxels)
    found = [table for _, table in tables] or [empty_table(voxels)]
    scores = CREMIScore(*mean_of_defined([cremi_of_table(table) for table in found]))
    scored = sum(table.scored for table in found)
    sections = sum(table.scored > 0 for table in found)
    content = {
        "scores": scores._asdict(),
        "voxels": math.prod(grid.shape),
        "scored_voxels": scored,
        "scored_sections": sections if work.per_section else None,
        "true_segments": _segments(found, "true_ids"),
        "pred_segments": _segments(found, "pred_ids"),
        **{key: job.manifest[key] for key in ("inputs", "settings", "versions")},
    }
    files = [job.write_json(SCORES_FILE, content)]
    if not work.per_section:
        files += write_segment_losses(job.folder, found[0])
    return VolumeEvaluation(scores, scored, sections, (), tuple(files))


def _segments(tables: list[Contingency], ids: str) -> int:
    """How many ids there are; over sections, how many in all of them."""
    return len(set().union(*(getattr(table, ids).tolist() for table in tables)))
