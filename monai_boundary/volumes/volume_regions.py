# SPDX-License-Identifier: Apache-2.0
"""The regions of a volume of labels, and the seed of each, by blocks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monai_boundary.kernels.component_labels import component_labels
from monai_boundary.volumes.block_components import FacePairs, component_record
from monai_boundary.volumes.block_grid import Block, BlockGrid, centre_halo
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.block_runs import BlockFailure, BlockRunner, run_left
from monai_boundary.volumes.block_seeds import BlockSeeds, save_seeds, seeds_in_box
from monai_boundary.volumes.chosen_labels import labels_inside
from monai_boundary.volumes.global_ids import WriteIds, number_instances, save_numbers
from monai_boundary.volumes.volume_job import BLOCKS, VolumeJob
from monai_boundary.volumes.volume_source import VolumeSource
from monai_boundary.volumes.zarr_output import ZarrOutput, make_zarr_output

REGION_STORE, SEED_STORE = "regions.zarr", "seeds.zarr"


@dataclass(frozen=True)
class BlockRegions:
    """Label the pieces of equal label in a block; the record has ``values`` too, the label of each.

    Args:
        label: volume of labels.
        values: labels that have regions; empty takes all but 0.
        pieces: where the pieces go, 1..K in each block.
        records: of the blocks.
        grid: of the volume.
        per_section: sections are not connected.
    """

    label: VolumeSource
    values: tuple[int, ...]
    pieces: ZarrOutput
    records: BlockRecords
    grid: BlockGrid
    per_section: bool

    def __call__(self, block: Block) -> None:
        """Read the block and label it."""
        read = self.label.read(block.core)
        if self.values:
            read = np.where(labels_inside(read, self.values), read, 0)
        pieces = np.empty(block.shape, dtype=np.int32)
        sizes, firsts = component_labels(np.ascontiguousarray(read), self.per_section, pieces)
        self.pieces.write(block, pieces)
        record = component_record(pieces, sizes, firsts, block, self.grid)
        self.records.write(block.index, values=read.ravel()[firsts[1:]], **record)


@dataclass(frozen=True)
class WriteSeeds:
    """Write the seeds of the regions of a block: the id at each seed, 0 elsewhere.

    Args:
        seeds: file of :func:`~monai_boundary.volumes.block_seeds.save_seeds`.
        found: records of the deepest voxels, with the ``ids`` in each block.
        output: where they go.
        records: of the blocks that are written.
        grid: of the volume.
        dtype: of the ids.
    """

    seeds: Path
    found: BlockRecords
    output: ZarrOutput
    records: BlockRecords
    grid: BlockGrid
    dtype: str

    def __call__(self, block: Block) -> None:
        """Write the block."""
        ids = self.found.read(block.index, "ids")["ids"]
        places = seeds_in_box(self.seeds, block.core, self.grid.shape, ids)
        values = np.zeros(block.shape, dtype=self.dtype)
        values.flat[places[places >= 0]] = ids[places >= 0]
        self.output.write(block, values)
        self.records.write(block.index)


def write_regions(job: VolumeJob, source: VolumeSource, grid: BlockGrid, runner: BlockRunner) -> list[BlockFailure]:
    """Write ``regions.zarr`` and ``seeds.zarr``, each whole or not at all; return what failed.

    Args:
        job: of :func:`~monai_boundary.volumes.map_volume`, whose settings they are.
        source: volume of labels.
        grid: of the volume.
        runner: of the blocks.
    """
    chosen, folder = job.manifest["settings"], job.folder / BLOCKS
    values, per_section = tuple(chosen["values"]), chosen["per_section"]
    pieces = make_zarr_output(folder / "pieces.zarr", grid.shape, grid.block, np.int32, whole_blocks=True)
    found, faces = job.records("pieces"), job.records("faces")
    cut = BlockRegions(source, values, pieces, found, grid, per_section)
    failed = run_left(runner, cut, grid, "pieces")
    failed = failed or run_left(runner, FacePairs(found, faces, grid, per_section), grid, "faces")
    if failed:
        return failed
    numbers = number_instances(found, faces, grid)
    dtype = "uint32" if numbers.sizes.size < 2**32 else "uint64"
    saved = save_numbers(folder / "numbers", numbers)
    about = {"spacing": chosen["spacing"], "offset": source.offset}
    regions = make_zarr_output(folder / REGION_STORE, grid.shape, grid.block, dtype, **about)
    failed = run_left(runner, WriteIds(pieces, regions, saved, job.records("regions"), dtype), grid, "regions")
    if failed:
        return failed
    radius, sizes, deep = chosen["radius_nm"], tuple(chosen["spacing"]), job.records("depths")
    around = BlockGrid(grid.shape, grid.block, centre_halo(radius, sizes, per_section))
    failed = run_left(runner, BlockSeeds(regions, deep, grid, radius, sizes, per_section), around, "depths")
    if failed:
        return failed
    depths = [deep.read(index) for index in range(len(grid))]
    seeds = save_seeds(folder / "seeds.npy", depths, grid, numbers.sizes, per_section)
    output = make_zarr_output(folder / SEED_STORE, grid.shape, grid.block, dtype, **about)
    return run_left(runner, WriteSeeds(seeds, deep, output, job.records("seeds"), grid, dtype), grid, "seeds")
