# SPDX-License-Identifier: Apache-2.0
"""A volume larger than memory, of a small real one laid side by side: raw, ids and a mask, as Zarr stores.

``python -m tests.benchmarks.tile_volume FILE FOLDER DEPTH HEIGHT WIDTH SHOWN`` takes an HDF5 file in CREMI's layout,
and how many tiles there are along each axis. The ids of a tile are the file's, so that a body has the same one in all
of them; but for the first ``SHOWN`` of the first row, tiles are 0 in the mask and in the ids. Chunks that are equal are
one file on the disk, by links: the volume takes no more of it than one tile, and what reads it cannot tell.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import h5py
import numpy as np
import zarr

from monai_boundary._typing import AnyArray

CHUNK = (22, 125, 125)


def tiled(
    path: Path, tile: AnyArray, tiles: tuple[int, int, int], shown_tiles: int | None, spacing: list[float]
) -> None:
    """Write a store: one tile chunk by chunk, the others as links to its chunks, or to one of zeros."""
    chunks = tuple(min(c, n) for c, n in zip(CHUNK, tile.shape, strict=True))
    per_tile = [n // c for n, c in zip(tile.shape, chunks, strict=True)]
    cut = tile[tuple(slice(0, k * c) for k, c in zip(per_tile, chunks, strict=True))]
    shape = [n * k for n, k in zip(cut.shape, tiles, strict=True)]
    with zarr.config.set({"array.write_empty_chunks": True}):
        made = zarr.create_array(str(path), shape=shape, chunks=chunks, dtype=tile.dtype, zarr_format=2, overwrite=True)
        made.attrs["resolution"] = spacing
        made[tuple(slice(0, n) for n in cut.shape)] = cut
        if shown_tiles is not None:
            last = [n - c for n, c in zip(shape, chunks, strict=True)]
            made[tuple(slice(k, k + c) for k, c in zip(last, chunks, strict=True))] = np.zeros(chunks, tile.dtype)
    all_chunks = [n // c for n, c in zip(shape, chunks, strict=True)]
    zeros = path / ".".join(str(n - 1) for n in all_chunks)
    for place in np.ndindex(*all_chunks):
        name = path / ".".join(map(str, place))
        row = place[0] < per_tile[0] and place[1] < per_tile[1]
        inside = shown_tiles is None or (row and place[2] < shown_tiles * per_tile[2])
        of_tile = path / ".".join(str(k % n) for k, n in zip(place, per_tile, strict=True))
        if not name.exists():
            os.link(of_tile if inside else zeros, name)


def main(file: Path, folder: Path, tiles: tuple[int, int, int], shown_tiles: int) -> None:
    """Write ``raw.zarr``, ``truth.zarr`` and ``mask.zarr``."""
    if not 1 <= shown_tiles < tiles[2]:
        raise ValueError(f"`shown_tiles` needs 1 to {tiles[2] - 1} tiles, got {shown_tiles}.")
    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(file) as held:
        raw, ids = held["volumes/raw"], held["volumes/labels/neuron_ids"]
        spacing = [float(s) for s in raw.attrs.get("resolution", (10, 10, 10))]
        tiled(folder / "raw.zarr", raw[:], tiles, None, spacing)
        tiled(folder / "truth.zarr", ids[:], tiles, shown_tiles, spacing)
        tiled(folder / "mask.zarr", np.ones(raw.shape, np.uint8), tiles, shown_tiles, spacing)
    voxels, share = np.prod(zarr.open_array(str(folder / "raw.zarr"), mode="r").shape), shown_tiles / np.prod(tiles)
    sys.stdout.write(f"{voxels} voxels, {voxels / 2**30:.2f} GiB of raw, {share:.4f} of it in the mask\n")


if __name__ == "__main__":
    depth, height, width, shown = map(int, sys.argv[3:7])
    main(Path(sys.argv[1]), Path(sys.argv[2]), (depth, height, width), shown)
