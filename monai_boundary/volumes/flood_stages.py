# SPDX-License-Identifier: Apache-2.0
"""Watershed and barrier cut of a volume, stage by stage: markers, then floods of blocks that overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from monai_boundary.volumes.block_components import FacePairs
from monai_boundary.volumes.block_floods import BlockFlood, OrphanContacts
from monai_boundary.volumes.block_grid import BlockGrid, centre_halo
from monai_boundary.volumes.block_markers import BlockCores, BlockMarkers, save_cored
from monai_boundary.volumes.block_runs import BlockFailure, BlockRunner, run_left
from monai_boundary.volumes.flood_ids import number_floods
from monai_boundary.volumes.global_ids import InstanceNumbers, WriteIds, number_instances, save_numbers
from monai_boundary.volumes.volume_job import BLOCKS, VolumeJob
from monai_boundary.volumes.volume_source import VolumeSource
from monai_boundary.volumes.zarr_output import ZarrOutput, make_zarr_output

_OVERLAP = 32.0  # voxels of the smallest side


def flooded_blocks(
    job: VolumeJob, source: VolumeSource, grid: BlockGrid, runner: BlockRunner, labels: ZarrOutput
) -> tuple[list[BlockFailure], InstanceNumbers | None]:
    """Flood every block from the markers of the volume; the labels of each go to a store.

    Args:
        job: whose settings they are.
        source: probability of the membrane.
        grid: of the volume.
        runner: of the blocks.
        labels: where the labels of the blocks go.

    Returns:
        What failed; if nothing did, the instance of each label of each block.
    """
    chosen = job.manifest["settings"]
    markers, failed = _markers(job, source, grid, runner)
    if failed:
        return failed, None
    sizes, per_section = tuple(chosen["voxel"]), chosen["per_section"]
    around = BlockGrid(grid.shape, grid.block, tuple(chosen["overlap"]))
    floods, contacts = job.records("floods"), job.records("contacts")
    flood = BlockFlood(source, markers, labels, floods, grid, chosen["method"], chosen["threshold"], sizes, per_section)
    touch = OrphanContacts(floods, contacts, grid, per_section)
    failed = run_left(runner, flood, around, "floods") or run_left(runner, touch, grid, "contacts")
    return failed, None if failed else number_floods(floods, contacts, grid, chosen["min_size"])


def chosen_overlap(
    overlap: Sequence[int] | int | None, spacing: tuple[float, ...], per_section: bool
) -> tuple[int, ...]:
    """Return how far a block looks into its neighbours, in voxels along each axis.

    Args:
        overlap: given, along every axis or for each; ``None`` is 32 voxels of the smallest side, as far along each.
        spacing: size of a voxel along each axis.
        per_section: sections do not look into each other.

    Raises:
        ValueError: if it has another number of axes, or an entry below 0.

    Example:
        >>> chosen_overlap(None, (40.0, 4.0, 4.0), False), chosen_overlap(8, (40.0, 4.0, 4.0), True)
        ((4, 32, 32), (0, 8, 8))
    """
    if overlap is None:
        given = tuple(math.ceil(_OVERLAP * min(spacing) / size) for size in spacing)
    else:
        given = (overlap,) * len(spacing) if isinstance(overlap, int) else tuple(int(n) for n in overlap)
    if len(given) != len(spacing) or min(given) < 0:
        raise ValueError(f"`overlap` needs {len(spacing)} entries >= 0 (voxels per axis), got {given}.")
    return (0 if per_section else given[0], *given[1:])


def _markers(
    job: VolumeJob, source: VolumeSource, grid: BlockGrid, runner: BlockRunner
) -> tuple[ZarrOutput, list[BlockFailure]]:
    """The ids of the markers of the volume, in a store."""
    chosen, folder = job.manifest["settings"], job.folder / BLOCKS
    depth, sizes, per_section = chosen["seed_distance"], tuple(chosen["voxel"]), chosen["per_section"]
    around = BlockGrid(grid.shape, grid.block, centre_halo(depth, sizes, per_section))
    cells = make_zarr_output(folder / "cells.zarr", grid.shape, grid.block, np.int32, whole_blocks=True)
    pieces = make_zarr_output(folder / "pieces.zarr", grid.shape, grid.block, np.int32, whole_blocks=True)
    markers = make_zarr_output(folder / "markers.zarr", grid.shape, grid.block, np.uint64)
    names = ("cells", "cell faces", "pieces", "piece faces", "markers")
    of_cells, of_faces, of_pieces, of_touching, of_markers = (job.records(name.replace(" ", "_")) for name in names)
    find = BlockCores(source, cells, of_cells, grid, chosen["threshold"], depth, sizes, per_section)
    failed = run_left(runner, find, around, names[0])
    failed = failed or run_left(runner, FacePairs(of_cells, of_faces, grid, per_section), grid, names[1])
    if failed:
        return markers, failed
    cored = save_cored(folder / "cored", of_cells, of_faces, grid)
    mark: Any = BlockMarkers(cells, cored, pieces, of_pieces, grid, per_section)
    failed = run_left(runner, mark, grid, names[2])
    failed = failed or run_left(runner, FacePairs(of_pieces, of_touching, grid, per_section), grid, names[3])
    if failed:
        return markers, failed
    numbers = save_numbers(folder / "marker_numbers", number_instances(of_pieces, of_touching, grid))
    failed = run_left(runner, WriteIds(pieces, markers, numbers, of_markers, "uint64"), grid, names[4])
    return markers, failed
