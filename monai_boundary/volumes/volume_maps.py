# SPDX-License-Identifier: Apache-2.0
"""The signed distance map of a mask larger than memory, exact up to a radius."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monai_boundary._validation import check_choice, check_positive
from monai_boundary.volumes.block_distance import BlockDistance, BlockInside
from monai_boundary.volumes.block_grid import BlockGrid, chosen_block, face_halo
from monai_boundary.volumes.block_runs import BlockFailure, BlockRunner, block_runner, run_left
from monai_boundary.volumes.volume_job import BLOCKS, VolumeJob
from monai_boundary.volumes.volume_regions import REGION_STORE, SEED_STORE, write_regions
from monai_boundary.volumes.volume_source import VolumeSource, open_volume, voxel_size
from monai_boundary.volumes.zarr_output import make_zarr_output

MAP_STORE = "distance.zarr"
MAP_TYPES = ("float32", "float16")
_OUTPUTS = (MAP_STORE, REGION_STORE, SEED_STORE)


@dataclass(frozen=True)
class VolumeMap:
    """The store of a distance map, and of regions and seeds if they were asked for; ``None`` where a block failed."""

    store: Path | None
    failed: tuple[BlockFailure, ...]
    regions: Path | None = None
    seeds: Path | None = None


def map_volume(
    label: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    *,
    radius_nm: float,
    values: Sequence[int] = (),
    per_section: bool = False,
    regions: bool = False,
    dtype: str = "float32",
    spacing: Sequence[float] | float | None = None,
    block: Sequence[int] | int | None = None,
    workers: int = 1,
    cluster: Any = "threads",
    absent_chunks: str = "error",
    force: bool = False,
) -> VolumeMap:
    """Write the signed distance map of a volume of labels, block by block.

    It is :func:`~monai_boundary.ops.signed_distance_map` of the whole volume, in nm and clipped to the radius: negative
    inside, positive outside, to the faces between voxels. Each block is read with as many voxels around it as the
    radius reaches, so the voxels read (and computed) grow with the ratio of radius and block. Where no border is within
    the radius the map is plus or minus the radius, also in a volume (or section) that has none at all, where the
    function gives 0.

    With ``regions`` there are the regions of the whole volume, exactly (:func:`~monai_boundary.ops.label_regions`), and
    their seeds (:func:`~monai_boundary.ops.region_seeds`): exactly those of regions that are nowhere deeper than the
    radius; the seed of a deeper one is its first voxel in raster order that is as deep as the radius.

    ``output_dir`` gets ``distance.zarr``, OME-Zarr 0.4 with the map in its array ``0``, whole or not at all, with
    ``regions`` ``regions.zarr`` and ``seeds.zarr`` too (the id at each seed, 0 elsewhere), and ``manifest.json`` and,
    while it runs, ``blocks``, by which a job that was stopped goes on.

    Args:
        label: volume of labels, ``path[::dataset][@first:stop]``.
        output_dir: of this job alone.
        radius_nm: the largest distance that is told, in nm.
        values: labels that are inside; by default all but 0.
        per_section: the map of each section alone.
        regions: write the regions and their seeds, too.
        dtype: ``"float32"``, or ``"float16"``, which rounds to 1/2048 of a distance.
        spacing: nm per axis (z, y, x); what the volume states if not given.
        block: voxels of a block along each axis; by default some 16 million voxels in whole chunks of the volume.
        workers: threads or processes.
        cluster: ``"threads"``, ``"processes"``, the address or file of a Dask scheduler, or a client of one.
        absent_chunks: ``"error"``, or ``"fill"``: chunks that were never written hold the store's fill value.
        force: remove what another job has left in ``output_dir``.

    Returns:
        The store, or which blocks failed; those that did not are not done again when the call is repeated.

    Raises:
        ValueError: if a setting does not fit, no voxel size is known, or the folder is not this job's.
        ImportError: if Dask or the library of a format is missing.
        OSError: if the folder cannot be written, or a cluster is gone.
    """
    check_positive("radius_nm", radius_nm)
    check_choice("dtype", dtype, MAP_TYPES)
    source = open_volume(label, absent_chunks)
    sizes = voxel_size(spacing, source, needed_for="a radius in nm")
    assert sizes is not None
    shape = source.shape
    grid = BlockGrid(shape, chosen_block(block, shape, source.chunks), face_halo(radius_nm, sizes, per_section))
    settings: dict[str, Any] = {
        "radius_nm": float(radius_nm),
        "values": [int(value) for value in values],
        "per_section": per_section,
        "regions": regions,
        "dtype": dtype,
        "spacing": sizes,
        "block": grid.block,
        "absent_chunks": absent_chunks,
    }
    names = (MAP_STORE, REGION_STORE, SEED_STORE) if regions else (MAP_STORE,)
    with VolumeJob(output_dir, "maps", {"label": source}, settings, force=force, outputs=_OUTPUTS) as job:
        stores = [job.folder / name for name in names]
        if not all(store.exists() for store in stores):
            with block_runner(workers, cluster) as runner:
                failed = _write(job, source, grid, runner)
            if failed:
                return VolumeMap(None, tuple(failed))
        shutil.rmtree(job.folder / BLOCKS, ignore_errors=True)  # what was needed on the way
        return VolumeMap(stores[0], (), *stores[1:])


def _write(job: VolumeJob, source: VolumeSource, grid: BlockGrid, runner: BlockRunner) -> list[BlockFailure]:
    """Do what is left of the map, of regions and of seeds; each store gets its name when all of them are done."""
    chosen, folder = job.manifest["settings"], job.folder / BLOCKS
    sizes, radius = tuple(chosen["spacing"]), chosen["radius_nm"]
    for name in _OUTPUTS:  # of a job that was killed while it gave the names
        if (job.folder / name).exists():
            (job.folder / name).rename(folder / name)
    output = make_zarr_output(
        folder / MAP_STORE, grid.shape, grid.block, chosen["dtype"], spacing=sizes, offset=source.offset
    )
    inside = make_zarr_output(folder / "inside.zarr", grid.shape, grid.block, np.bool_)
    choose = BlockInside(source, tuple(chosen["values"]), inside, job.records("inside"))
    work = BlockDistance(inside, radius, sizes, chosen["per_section"], output, job.records("distance"))
    failed = run_left(runner, choose, grid, "inside") or run_left(runner, work, grid, "distance")
    if chosen["regions"]:
        failed = failed or write_regions(job, source, grid, runner)
    for name in _OUTPUTS:
        if not failed and (folder / name).exists():
            (folder / name).rename(job.folder / name)
    return failed
