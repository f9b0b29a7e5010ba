# SPDX-License-Identifier: Apache-2.0
"""Time and memory of the work on volumes by blocks, beside the same in memory, in one process.

``python -m tests.benchmarks.measure_volumes ACTION SIZE FOLDER [BLOCK [WORKERS]]`` (segment, watershed, barrier_cut,
evaluate, maps or predict; voxels along an axis; seed 0) prints CPU seconds, their ratio, nanoseconds per voxel, and the
resident memory at most, over that before, of each side; of ``evaluate`` the seconds of reading the two volumes whole,
too, and the ratio with these. Without BLOCK it is the command's own; more than one worker is
for the seconds by the clock.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr
from scipy import ndimage

from monai_boundary._typing import AnyArray

TILE = 128


def measured(work: Callable[[], Any]) -> dict[str, float]:
    """CPU seconds of this process, and GiB at most over what it had before."""
    Path("/proc/self/clear_refs").write_text("5")  # the most so far is forgotten
    before, start, clock = _resident("VmRSS"), time.process_time(), time.monotonic()
    work()
    cpu, wall = time.process_time() - start, time.monotonic() - clock
    return {"cpu_s": cpu, "wall_s": wall, "peak_gib": (_resident("VmHWM") - before) / 2**20, "rss_gib": before / 2**20}


def _resident(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


def membrane(size: int, path: Path) -> Path:
    """Smooth noise, one of eight in each chunk, as uint8."""
    rng = np.random.default_rng(0)
    tiles = [_noise(rng, 127.5, 42.0) for _ in range(8)]
    return _stored(path, size, "uint8", lambda rng: tiles[rng.integers(8)])


def ids(size: int, path: Path, seed: int) -> Path:
    """Nearest of some points in every tile, and new ids in each tile."""
    grid = np.stack(np.meshgrid(*[np.arange(TILE)] * 3, indexing="ij"), -1).astype(np.float32)
    rng = np.random.default_rng(seed)
    from scipy.spatial import cKDTree

    tiles = [cKDTree(rng.random((60, 3)) * TILE).query(grid)[1] for _ in range(3)]
    number = iter(range(10**9))
    return _stored(path, size, "uint32", lambda _: tiles[(k := next(number)) % 3] + 60 * k + 1)


def _noise(rng: np.random.Generator, mean: float, deviation: float) -> AnyArray:
    smooth = ndimage.gaussian_filter(rng.random((TILE,) * 3, dtype=np.float32), 2.0)
    scaled: AnyArray = np.clip((smooth - smooth.mean()) / smooth.std() * deviation + mean, 0, 255)
    return scaled


def _stored(path: Path, size: int, dtype: str, tile: Callable[[np.random.Generator], AnyArray]) -> Path:
    if not path.exists():
        made = zarr.create_array(str(path), shape=(size,) * 3, chunks=(TILE,) * 3, dtype=dtype, overwrite=True)
        rng = np.random.default_rng(0)
        for corner in np.ndindex(*(-(-size // TILE),) * 3):
            box = tuple(slice(k * TILE, min((k + 1) * TILE, size)) for k in corner)
            made[box] = tile(rng)[tuple(slice(0, part.stop - part.start) for part in box)].astype(dtype)
    return path


def _read(path: Path) -> AnyArray:
    array: AnyArray = zarr.open_array(str(path), mode="r")[:]
    return array


def pairs(action: str, size: int, folder: Path, **options: Any) -> tuple[Callable[[], Any] | None, Callable[[], Any]]:
    """What is done in memory (reading is not counted there), and by blocks."""
    from monai_boundary import volumes

    out = folder / f"out_{action}_{size}"
    shutil.rmtree(out, ignore_errors=True)
    small = size <= 512
    if action in ("segment", "watershed", "barrier_cut"):
        path = membrane(size, folder / f"membrane_{size}.zarr")
        values = _read(path) if small else None
        if action == "segment":
            inside = None if values is None else (lambda: ndimage.label(values < 128))
            return inside, lambda: volumes.segment_volume(path, out, **options)
        from monai_boundary.ops import membrane_to_instances

        shares = None if values is None else values / np.float64(255)
        inside = None if shares is None else (lambda: membrane_to_instances(shares, action))
        return inside, lambda: volumes.segment_volume(path, out, method=action, **options)
    if action == "evaluate":
        from monai_boundary.metrics import compute_cremi_score

        truth, pred = ids(size, folder / f"truth_{size}.zarr", 0), ids(size, folder / f"pred_{size}.zarr", 1)
        both = (_read(pred), _read(truth)) if small else None
        inside = None if both is None else (lambda: compute_cremi_score(*both))
        return inside, lambda: volumes.evaluate_volume(pred, truth, out, page=False, **options)
    if action == "maps":
        from monai_boundary.ops import signed_distance_map

        path = ids(size, folder / f"truth_{size}.zarr", 0)
        chosen = list(range(1, 60 * (size // TILE) ** 3, 2))
        labels = np.isin(_read(path), chosen) if small else None
        inside = None if labels is None else (lambda: signed_distance_map(labels, (4.0, 4.0, 4.0)))
        return inside, lambda: volumes.map_volume(path, out, radius_nm=128, spacing=4, values=chosen, **options)
    return _prediction(folder, size, out)


def _prediction(folder: Path, size: int, out: Path) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Two sections of the EM bundle's network."""
    from monai.inferers import SliceInferer

    from monai_boundary.volumes import predict_volume
    from monai_boundary.volumes.bundle_network import bundle_network

    path = folder / f"greys_{size}.zarr"
    if not path.exists():
        values = np.random.default_rng(0).integers(0, 255, (2, size, size)).astype(np.uint8)
        zarr.create_array(str(path), data=values, chunks=(2, TILE, TILE))
    network = bundle_network("em_neuron_boundary").file.load("cpu")
    image = np.asarray(zarr.open_array(str(path), mode="r")[:2]).astype(np.float32)
    image = (image - image.mean((1, 2), keepdims=True)) / image.std((1, 2), keepdims=True)
    inferer = SliceInferer(spatial_dim=0, roi_size=(128, 128), sw_batch_size=4, overlap=0.5, mode="gaussian")

    def inside() -> None:
        with torch.inference_mode():
            inferer(torch.from_numpy(image)[None, None], network)

    return inside, lambda: predict_volume(path, out, bundle="em_neuron_boundary")


def main(action: str, size: int, folder: Path, block: int | None = None, workers: int = 1) -> None:
    """Measure, and print a line of JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    pairs(action, 128, folder)[1]()  # what is imported and compiled is not measured
    inside, blocks = pairs(
        action, size, folder, **({} if action == "predict" else {"block": block, "workers": workers})
    )
    voxels = size**3 if action != "predict" else 2 * size**2
    found: dict[str, Any] = {"action": action, "voxels": voxels, "in_memory": inside and measured(inside)}
    found["blocks"] = measured(blocks)
    found["ns_per_voxel"] = found["blocks"]["cpu_s"] / voxels * 1e9
    found["ratio"] = inside and found["blocks"]["cpu_s"] / found["in_memory"]["cpu_s"]
    if action == "evaluate" and inside:
        from monai_boundary.volumes.volume_source import open_volume

        stores, box = [open_volume(folder / f"{name}_{size}.zarr") for name in ("truth", "pred")], (slice(0, size),) * 3
        for _ in range(2):  # the first waits for memory that the machine has not given out yet
            found["reading"] = measured(lambda: [store.read(box) for store in stores])
        whole = found["in_memory"]["cpu_s"] + found["reading"]["cpu_s"]
        found["ratio_with_reading"] = found["blocks"]["cpu_s"] / whole
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:]))
