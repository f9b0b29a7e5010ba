# SPDX-License-Identifier: Apache-2.0
"""How far watershed and barrier cut by blocks are from those of the whole volume, where, and what they cost.

``python -m tests.benchmarks.measure_floods watershed|barrier_cut SIZE BLOCK OVERLAP WIDTH`` (voxels along an axis; of
instances on average; seed 0) prints the share of voxels that have another instance, how far these are from the nearest
face between blocks, and CPU time per voxel in memory and by blocks.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def unlike(expected: AnyArray, found: AnyArray) -> AnyArray:
    """Where an instance is another one than most of it is."""
    pairs, counts = np.unique(np.stack([expected.ravel(), found.ravel()]), axis=1, return_counts=True)
    order = np.argsort(counts)
    partner = np.zeros(int(expected.max()) + 1, dtype=np.int64)
    partner[pairs[0, order]] = pairs[1, order]  # the last that is written has most voxels
    return np.asarray(partner[expected] != found)


def from_faces(size: int, block: int) -> DoubleArray:
    """Voxels from each voxel's centre to the nearest face between blocks."""
    along = np.abs(np.arange(size)[:, None] + 0.5 - np.arange(block, size, block)).min(axis=1)
    nearest: DoubleArray = np.minimum(np.minimum(along[:, None, None], along[None, :, None]), along[None, None, :])
    return nearest


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and CPU seconds."""
    start = time.process_time()
    return work(), time.process_time() - start


def main(method: str, size: int, block: int, overlap: int, width: float) -> None:
    """Measure, and print a line of JSON."""
    torch.set_num_threads(1)
    stored, folder = walls(size, width), Path(tempfile.mkdtemp())
    zarr.create_array(str(folder / "m.zarr"), data=stored, chunks=(64, 64, 64))
    options: dict[str, Any] = {"method": method, "threshold": THRESHOLD}
    expected, inside = timed(lambda: membrane_to_instances(stored / np.float64(255), **options))
    result, blocks = timed(
        lambda: segment_volume(folder / "m.zarr", folder / "out", block=block, overlap=overlap, **options)
    )
    other = unlike(expected, read_em_source(result.store)[0])
    far = from_faces(size, block)[other]
    found = {"method": method, "instances": int(expected.max()), "by_blocks": result.instances}
    quantiles = np.quantile(far, (0.5, 0.99, 1)).tolist() if far.size else []
    sys.stdout.write(
        json.dumps(
            {
                **found,
                "share_of_voxels": float(other.mean()),
                "median_99_most_from_faces": quantiles,
                "ns_in_memory": inside / size**3 * 1e9,
                "ns_by_blocks": blocks / size**3 * 1e9,
            }
        )
        + "\n"
    )


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]), float(sys.argv[5]))
