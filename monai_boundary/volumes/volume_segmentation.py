# SPDX-License-Identifier: Apache-2.0
"""From the membrane probability of a volume larger than memory to instances: components, watershed or barrier cut."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monai_boundary._validation import check_choice, check_positive
from monai_boundary.ops.segmentation import DEFAULT_DEPTH, SEGMENTATION_METHODS
from monai_boundary.volumes.block_components import BlockComponents, FacePairs
from monai_boundary.volumes.block_grid import BlockGrid, chosen_block
from monai_boundary.volumes.block_runs import BlockFailure, BlockRunner, block_runner, run_left
from monai_boundary.volumes.flood_stages import blocks_per_round, flooded_blocks
from monai_boundary.volumes.global_ids import InstanceNumbers, WriteIds, number_instances, save_numbers
from monai_boundary.volumes.volume_job import BLOCKS, VolumeJob
from monai_boundary.volumes.volume_source import VolumeSource, open_volume, voxel_size
from monai_boundary.volumes.zarr_output import ZarrOutput, make_zarr_output

STORE = "segmentation.zarr"
SUMMARY = "segmentation.json"


@dataclass(frozen=True)
class VolumeSegmentation:
    """The store of a segmentation; ``None`` where a block failed.

    ``instances`` are how many there are, ``removed`` how many were too small.
    """

    store: Path | None
    instances: int
    removed: int
    failed: tuple[BlockFailure, ...]


def segment_volume(
    membrane: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    *,
    method: str = "components",
    threshold: float = 0.5,
    seed_distance: float | None = None,
    min_size: int = 0,
    per_section: bool = False,
    spacing: Sequence[float] | float | None = None,
    block: Sequence[int] | int | None = None,
    workers: int = 1,
    cluster: Any = "threads",
    absent_chunks: str = "error",
    force: bool = False,
) -> VolumeSegmentation:
    """Segment a volume of membrane probability into the instances that the membrane closes, block by block.

    They are those of :func:`~monai_boundary.ops.membrane_to_instances`, number by number: 1..K in raster order of their
    first voxel.

    - ``"components"``: the components of each block are joined where they touch over the faces of blocks, and those
      that are too small in the whole volume are left out.
    - ``"watershed"`` and ``"barrier_cut"``: the markers are those of the whole volume, so an instance has one id in
      every block. Blocks are flooded in rounds: each from its own seeds and from the fronts that its neighbours have
      found at its faces, again whenever one of those is new, until none is. There is but one such state, that of the
      whole volume, whatever the blocks are and in which order they are done.

    ``output_dir`` gets ``segmentation.zarr``, OME-Zarr 0.4 with the ids in its array ``0`` (uint32, or uint64 beyond
    2^32 instances), whole or not at all; ``segmentation.json``, which says how many blocks were flooded in each round;
    and ``manifest.json`` and ``blocks``, by which a job that was stopped goes on. While the
    job runs, ``blocks`` has the labels of each block, compressed.

    Args:
        membrane: probability of the membrane, ``path[::dataset][@first:stop]``: floats in [0, 1], or unsigned integers
            as shares of the greatest one (255 of uint8 is 1).
        output_dir: of this job alone.
        method: ``"components"``, ``"watershed"`` or ``"barrier_cut"``.
        threshold: probabilities at or above it are membrane; in (0, 1].
        seed_distance: of watershed and barrier cut: how far from the membrane a marker's voxels are at least, in the
            unit of ``spacing`` (voxels where there is none); 3 times the smallest side of a voxel by default.
        min_size: instances of fewer voxels are left out.
        per_section: sections are not connected; ids stay unique over the volume.
        spacing: nm per axis (z, y, x), for the output; what the volume states if not given.
        block: voxels of a block along each axis; by default some 16 million voxels in whole chunks of the volume.
        workers: threads or processes.
        cluster: ``"threads"``, ``"processes"``, the address or file of a Dask scheduler, or a client of one.
        absent_chunks: ``"error"``, or ``"fill"``: chunks that were never written hold the store's fill value.
        force: remove what another job has left in ``output_dir``.

    Returns:
        The store, or which blocks failed; those that did not are not done again when the call is repeated.

    Raises:
        ValueError: if a setting does not fit, or the folder is not this job's.
        ImportError: if Dask or the library of a format is missing.
        OSError: if the folder cannot be written, or a cluster is gone.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"`threshold` needs a probability in (0, 1], got {threshold}.")
    if isinstance(min_size, bool) or not isinstance(min_size, int) or min_size < 0:
        raise ValueError(f"`min_size` needs a whole number of voxels >= 0, got {min_size!r}.")
    source = open_volume(membrane, absent_chunks)
    if source.dtype[0] not in "uf":
        raise ValueError(f"`membrane` needs floats in [0, 1] or unsigned integers, got {source.dtype} in {membrane}.")
    grid = BlockGrid(source.shape, chosen_block(block, source.shape, source.chunks), (0, 0, 0))
    settings: dict[str, Any] = {
        "method": method,
        "threshold": float(threshold),
        "min_size": min_size,
        "per_section": per_section,
        "spacing": voxel_size(spacing, source),
        "block": grid.block,
        "absent_chunks": absent_chunks,
        **_flood_settings(method, voxel_size(spacing, source), seed_distance),
    }
    job = VolumeJob(output_dir, "segment", {"membrane": source}, settings, force=force, outputs=(STORE, SUMMARY))
    with job:
        if not (job.folder / STORE).exists():
            with block_runner(workers, cluster) as runner:
                failed = _segment(job, source, grid, runner)
            if failed:
                return VolumeSegmentation(None, 0, 0, tuple(failed))
        return _finished(job)


def _segment(job: VolumeJob, source: VolumeSource, grid: BlockGrid, runner: BlockRunner) -> list[BlockFailure]:
    chosen = job.manifest["settings"]
    folder = job.folder / BLOCKS
    labels = make_zarr_output(folder / "labels.zarr", grid.shape, grid.block, np.int32, whole_blocks=True)
    steps = _components if chosen["method"] == "components" else flooded_blocks
    failed, numbers = steps(job, source, grid, runner, labels)
    if numbers is None:
        return failed
    dtype = "uint32" if numbers.sizes.size < 2**32 else "uint64"
    output = make_zarr_output(
        folder / STORE, grid.shape, grid.block, dtype, spacing=chosen["spacing"], offset=source.offset
    )
    write = WriteIds(labels, output, save_numbers(folder / "numbers", numbers), job.records("ids"), dtype)
    failed = run_left(runner, write, grid, "ids")
    if not failed:
        sizes = (
            [int(n) for n in np.quantile(numbers.sizes, (0, 0.5, 1), method="nearest")] if numbers.sizes.size else []
        )
        about: dict[str, Any] = {
            "instances": int(numbers.sizes.size),
            "removed": numbers.removed,
            "voxels": int(numbers.sizes.sum()),
        }
        if chosen["method"] != "components":
            about["blocks_per_round"] = blocks_per_round(job)
        job.write_json(SUMMARY, about | {"smallest_median_largest": sizes, **job.manifest})
        (folder / STORE).rename(job.folder / STORE)
    return failed


def _components(
    job: VolumeJob, source: VolumeSource, grid: BlockGrid, runner: BlockRunner, labels: ZarrOutput
) -> tuple[list[BlockFailure], InstanceNumbers | None]:
    chosen = job.manifest["settings"]
    components, pairs = job.records("components"), job.records("faces")
    find = BlockComponents(source, labels, components, grid, chosen["threshold"], chosen["per_section"])
    touch = FacePairs(components, pairs, grid, chosen["per_section"])
    failed = run_left(runner, find, grid, "components") or run_left(runner, touch, grid, "faces")
    return failed, None if failed else number_instances(components, pairs, grid, chosen["min_size"])


def _flood_settings(method: str, spacing: tuple[float, ...] | None, seed_distance: float | None) -> dict[str, Any]:
    """What watershed and barrier cut depend on beside the rest; nothing for components."""
    check_choice("method", method, SEGMENTATION_METHODS)
    if method == "components":
        if seed_distance is not None:
            raise ValueError("`seed_distance` needs the method 'watershed' or 'barrier_cut', got it with 'components'.")
        return {}
    sizes = spacing or (1.0, 1.0, 1.0)
    depth = DEFAULT_DEPTH * min(sizes) if seed_distance is None else float(seed_distance)
    check_positive("seed_distance", depth, zero=True)
    return {"seed_distance": depth, "voxel": sizes}


def _finished(job: VolumeJob) -> VolumeSegmentation:
    """What the summary says; what was needed on the way is removed."""
    shutil.rmtree(job.folder / BLOCKS, ignore_errors=True)
    about = json.loads((job.folder / SUMMARY).read_text(encoding="utf-8"))
    return VolumeSegmentation(job.folder / STORE, about["instances"], about["removed"], ())
