# SPDX-License-Identifier: Apache-2.0
"""Watershed and barrier cut of a volume, stage by stage: markers, their seeds, then floods of blocks in rounds."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import numpy as np

from monai_boundary.ops.floods import DEEPEST_SEED
from monai_boundary.volumes.block_components import FacePairs
from monai_boundary.volumes.block_floods import BlockFlood, FloodSettings
from monai_boundary.volumes.block_grid import BlockGrid, centre_halo
from monai_boundary.volumes.block_markers import BlockCores, BlockMarkers, save_cored
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.block_runs import BlockFailure, BlockRunner, run_left
from monai_boundary.volumes.block_seeds import BlockSeeds, save_seeds
from monai_boundary.volumes.flood_ids import number_floods
from monai_boundary.volumes.global_ids import InstanceNumbers, WriteIds, number_instances, save_numbers
from monai_boundary.volumes.volume_job import BLOCKS, VolumeJob
from monai_boundary.volumes.volume_source import VolumeSource
from monai_boundary.volumes.zarr_output import ZarrOutput, make_zarr_output

_GREYS = "greys.zarr"
_LOOKS = 32.0  # voxels of the smallest side, as far as a block first looks beyond itself for how deep its markers are


def flooded_blocks(
    job: VolumeJob, source: VolumeSource, grid: BlockGrid, runner: BlockRunner, labels: ZarrOutput
) -> tuple[list[BlockFailure], InstanceNumbers | None]:
    """Flood every block from the markers of the volume, until no front changes; the labels of each go to a store.

    Args:
        job: whose settings they are.
        source: probability of the membrane.
        grid: of the volume.
        runner: of the blocks.
        labels: where the labels of the blocks go.

    Returns:
        What failed; if nothing did, the instance of each label of each block.
    """
    chosen, found = job.manifest["settings"], job.records("floods")
    pieces, numbers, failed = _markers(job, source, grid, runner)
    if numbers is None:
        return failed, None
    saved, seeds = save_numbers(job.folder / BLOCKS / "marker_numbers", numbers), None
    if chosen["method"] == "barrier_cut":
        seeds, failed = _seeds(job, grid, runner, pieces, saved, numbers)
        if failed:
            return failed, None
    greys = ZarrOutput(job.folder / BLOCKS / _GREYS)
    settings = FloodSettings(greys, pieces, saved, seeds, labels, found, grid, chosen["per_section"])
    failed = _rounds(job, settings, runner)
    return failed, None if failed else number_floods(found, grid, chosen["min_size"])


def blocks_per_round(job: VolumeJob) -> list[int]:
    """Return how many blocks were flooded in each round, or told what they had found; of components there is none."""
    rounds = (job.records(f"flood{number}").folder for number in count())
    return [sum(1 for _ in folder.rglob("*.record")) for folder in takewhile(Path.is_dir, rounds)]


def _rounds(job: VolumeJob, settings: FloodSettings, runner: BlockRunner) -> list[BlockFailure]:
    """Flood in rounds those blocks of which a neighbour tells something new, until there are none.

    In a round each block hears what was told in the rounds before, so that it does not matter which is done first, nor
    which were done before a job was stopped. While something that was told holds no longer, nothing is told that is new
    (`told_fronts`).
    """
    grid, done = settings.grid, tuple[BlockRecords, ...]()
    blocks: Iterable[int] = range(len(grid))
    later, earlier, withdraws = set[int](), set[int](), False
    for number in count():
        done = (*done, job.records(f"flood{number}"))
        work = BlockFlood(settings, done, withdraws)
        failed = run_left(runner, work, [grid[index] for index in blocks], f"flood {number + 1}")
        if failed:
            return failed
        new = set[int]()
        for index in blocks:
            told = done[-1].read(index, "changed", "later", "earlier")
            faces = settings.faces(grid[index])
            new |= {faces[str(name)] for name in told["changed"]}
            for name, which in (("later", later), ("earlier", earlier)):
                (which.add if told[name] else which.discard)(index)
        withdraws = bool(later) or (withdraws and bool(new))
        blocks = sorted(new | (later if withdraws else earlier))
        if not blocks:
            return []
    raise AssertionError("unreachable")


def _markers(
    job: VolumeJob, source: VolumeSource, grid: BlockGrid, runner: BlockRunner
) -> tuple[ZarrOutput, InstanceNumbers | None, list[BlockFailure]]:
    """The markers of each block, and their ids in the volume."""
    chosen, folder = job.manifest["settings"], job.folder / BLOCKS
    depth, sizes, per_section = chosen["seed_distance"], tuple(chosen["voxel"]), chosen["per_section"]
    around = BlockGrid(grid.shape, grid.block, centre_halo(depth, sizes, per_section))
    cells = make_zarr_output(folder / "cells.zarr", grid.shape, grid.block, np.int32, whole_blocks=True)
    pieces = make_zarr_output(folder / "pieces.zarr", grid.shape, grid.block, np.int32, whole_blocks=True)
    names = ("cells", "cell faces", "pieces", "piece faces")
    of_cells, of_faces, of_pieces, of_touching = (job.records(name.replace(" ", "_")) for name in names)
    greys = make_zarr_output(folder / _GREYS, grid.shape, grid.block, np.uint8, whole_blocks=True)
    find = BlockCores(source, greys, cells, of_cells, grid, chosen["threshold"], depth, sizes, per_section)
    failed = run_left(runner, find, around, names[0])
    failed = failed or run_left(runner, FacePairs(of_cells, of_faces, grid, per_section), grid, names[1])
    if failed:
        return pieces, None, failed
    cored = save_cored(folder / "cored", of_cells, of_faces, grid)
    mark: Any = BlockMarkers(cells, cored, pieces, of_pieces, grid, per_section)
    failed = run_left(runner, mark, grid, names[2])
    failed = failed or run_left(runner, FacePairs(of_pieces, of_touching, grid, per_section), grid, names[3])
    return pieces, None if failed else number_instances(of_pieces, of_touching, grid), failed


def _seeds(
    job: VolumeJob, grid: BlockGrid, runner: BlockRunner, pieces: ZarrOutput, saved: Path, numbers: InstanceNumbers
) -> tuple[Path | None, list[BlockFailure]]:
    """The deepest voxel of each marker: blocks with one that is deeper than they look look again, as far as matters."""
    chosen, folder = job.manifest["settings"], job.folder / BLOCKS
    sizes, per_section = tuple(chosen["voxel"]), chosen["per_section"]
    dtype = "uint32" if numbers.sizes.size < 2**32 else "uint64"
    markers = make_zarr_output(folder / "markers.zarr", grid.shape, grid.block, dtype)
    failed = run_left(runner, WriteIds(pieces, markers, saved, job.records("markers"), dtype), grid, "markers")
    if failed:
        return None, failed
    smallest = min(sizes[1:] if per_section else sizes)
    radius, limit, found = _LOOKS * smallest, DEEPEST_SEED * smallest, dict[int, Any]()
    blocks: Iterable[int] = range(len(grid))
    while blocks and radius <= limit:
        around = BlockGrid(grid.shape, grid.block, centre_halo(radius, sizes, per_section))
        records = job.records(f"depths{radius / smallest:.0f}")
        work = BlockSeeds(markers, records, grid, radius, sizes, per_section)
        failed = run_left(runner, work, [around[index] for index in blocks], "depths")
        if failed:
            return None, failed
        found |= {index: records.read(index) for index in blocks}
        blocks = [index for index in blocks if (found[index]["depths"] >= radius * (1 - 1e-9)).any()]
        radius *= 2
    depths = [found[index] for index in range(len(grid))]
    return save_seeds(folder / "seeds.npy", depths, grid, numbers.sizes, per_section), []
