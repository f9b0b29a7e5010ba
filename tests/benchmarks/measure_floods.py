# SPDX-License-Identifier: Apache-2.0
"""How far watershed and barrier cut by blocks are from those of the whole volume, where, and what they cost.

``python -m tests.benchmarks.measure_floods watershed|barrier_cut SIZE BLOCK WIDTH|FILE`` (voxels along an axis; of
instances on average, seed 0; or an HDF5 file in CREMI's layout, whose dark voxels are taken for membrane) prints the
share of voxels that have another instance, how far these are from the nearest face between blocks, CPU time per voxel
in memory and by blocks, and how many blocks each round flooded.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
import zarr
from scipy import ndimage
from scipy.spatial import cKDTree

from monai_boundary._typing import AnyArray, DoubleArray
from monai_boundary.data import read_em_source
from monai_boundary.ops import membrane_to_instances
from monai_boundary.volumes import segment_volume

THRESHOLD = 0.45


def walls(size: int, width: float) -> AnyArray:
    """Walls between the cells of random points, with noise that opens some, as uint8."""
    rng = np.random.default_rng(0)
    points = rng.random((int(size**3 / width**3), 3)) * size
    grid = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing="ij"), -1).reshape(-1, 3)
    first, second = cKDTree(points).query(grid, k=2)[0].T
    noise = ndimage.gaussian_filter(rng.standard_normal((size,) * 3), 1)
    wall = 0.9 * np.exp(-(((second - first).reshape(noise.shape) / 2) ** 2)) + 0.1 * noise / noise.std() + 0.05
    return (np.clip(wall, 0, 1) * 255).round().astype(np.uint8)


def dark(file: Path, size: int) -> AnyArray:
    """How dark the voxels of a file are, smoothed, from the 99th to the 1st percentile of the greys, as uint8."""
    with h5py.File(file) as held:
        raw = held["volumes/raw"][:size, :size, :size].astype(np.float32)
    smooth = ndimage.gaussian_filter(raw, 1)
    low, high = np.percentile(smooth, (1, 99))
    return np.asarray((np.clip((high - smooth) / (high - low), 0, 1) * 255).round().astype(np.uint8))


def unlike(expected: AnyArray, found: AnyArray) -> AnyArray:
    """Where an instance is another one than most of it is."""
    pairs, counts = np.unique(np.stack([expected.ravel(), found.ravel()]), axis=1, return_counts=True)
    order = np.argsort(counts)
    partner = np.zeros(int(expected.max()) + 1, dtype=np.int64)
    partner[pairs[0, order]] = pairs[1, order]  # the last that is written has most voxels
    return np.asarray(partner[expected] != found)


def from_faces(shape: tuple[int, ...], block: int) -> DoubleArray:
    """Voxels from each voxel's centre to the nearest face between blocks."""
    z, y, x = (np.abs(np.arange(n)[:, None] + 0.5 - np.arange(block, n, block)).min(axis=1, initial=n) for n in shape)
    nearest: DoubleArray = np.minimum(np.minimum(z[:, None, None], y[None, :, None]), x[None, None, :])
    return nearest


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and CPU seconds."""
    start = time.process_time()
    return work(), time.process_time() - start


def main(method: str, size: int, block: int, width_or_file: str) -> None:
    """Measure, and print a line of JSON."""
    torch.set_num_threads(1)
    file, folder = Path(width_or_file), Path(tempfile.mkdtemp())
    stored = dark(file, size) if file.is_file() else walls(size, float(width_or_file))
    zarr.create_array(str(folder / "m.zarr"), data=stored, chunks=(64, 64, 64))
    options: dict[str, Any] = {"method": method, "threshold": THRESHOLD}
    membrane_to_instances(np.zeros((4, 4, 4)), method)  # what is compiled is not measured
    expected, inside = timed(lambda: membrane_to_instances(stored / np.float64(255), **options))
    result, blocks = timed(lambda: segment_volume(folder / "m.zarr", folder / "out", block=block, **options))
    other = unlike(expected, read_em_source(result.store)[0])
    far = from_faces(stored.shape, block)[other]
    found = {"method": method, "instances": int(expected.max()), "by_blocks": result.instances}
    quantiles = np.quantile(far, (0.5, 0.999, 1)).tolist() if far.size else []
    sys.stdout.write(
        json.dumps(
            {
                **found,
                "blocks_per_round": json.loads((folder / "out" / "segmentation.json").read_text())["blocks_per_round"],
                "share_of_voxels": float(other.mean()),
                "median_999_most_from_faces": quantiles,
                "ns_in_memory": inside / stored.size * 1e9,
                "ns_by_blocks": blocks / stored.size * 1e9,
            }
        )
        + "\n"
    )


if __name__ == "__main__":
    voxels, blocks_of = map(int, sys.argv[2:4])
    main(sys.argv[1], voxels, blocks_of, sys.argv[4])
