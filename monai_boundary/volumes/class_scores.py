# SPDX-License-Identifier: Apache-2.0
"""Scores of the classes of a volume: overlap, and how far the surfaces are from each other, up to a radius."""

from __future__ import annotations

import math

import numpy as np

from monai_boundary.metrics.surface_pair import SurfaceDistances
from monai_boundary.metrics.surface_scores import hd95_of_surfaces, nsd_of_surfaces
from monai_boundary.volumes.block_grid import BlockGrid
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.block_surfaces import whole_surfaces


def class_scores(
    records: BlockRecords, grid: BlockGrid, number: int, tolerance_nm: float, spacing: tuple[float, ...]
) -> dict[str, float]:
    """Return the scores of a class, as `monai_boundary.metrics.compute_surface_scores` of the whole volume.

    ``hd``, ``hd95`` and ``assd`` (nm) are NaN where they need a distance beyond the radius, and ``beyond`` is the
    share of both surfaces that lies there. Where one side is empty the overlaps are 0 and the distances the diagonal of
    the volume; where both are, all is NaN.

    Args:
        records: of :class:`~monai_boundary.volumes.block_surfaces.BlockSurfaces`.
        grid: of the volume.
        number: of the class.
        tolerance_nm: of the surface Dice, at most the radius.
        spacing: nm per axis.
    """
    name = f"voxels{number}"
    pred, true, both = np.sum([records.read(k, name)[name] for k in range(len(grid))], axis=0).tolist()
    counts = {"missed": float(true > 0 == pred), "false_alarm": float(pred > 0 == true)}
    counts |= {"both_empty": float(pred == true == 0), "volume_truth": float(true), "volume_prediction": float(pred)}
    diagonal = math.hypot(*(n * size for n, size in zip(grid.shape, spacing, strict=True)))
    if not pred or not true:
        overlap, far = (0.0, diagonal) if pred or true else (math.nan, math.nan)
        empty = dict.fromkeys(("dice", "iou", "nsd", "boundary_f"), overlap) | dict.fromkeys(
            ("hd95", "hd", "assd"), far
        )
        return {**empty, "beyond": math.nan, **counts}
    overlaps = {"dice": 2 * both / (pred + true), "iou": both / (pred + true - both)}
    return {**overlaps, **_surface_scores(whole_surfaces(records, len(grid), number), tolerance_nm), **counts}


def _surface_scores(surfaces: tuple[SurfaceDistances, SurfaceDistances], tolerance: float) -> dict[str, float]:
    shares = [surface.within(tolerance) / surface.total for surface in surfaces]
    total = sum(surface.total for surface in surfaces)
    beyond = sum(float(surface.area[np.isinf(surface.distance_mm)].sum()) for surface in surfaces) / total
    mean = sum(float(s.distance_mm[s.area > 0] @ s.area[s.area > 0]) for s in surfaces) / total
    return {
        "nsd": nsd_of_surfaces(surfaces, (tolerance,))[0],
        "boundary_f": 2 * shares[0] * shares[1] / sum(shares) if sum(shares) else 0.0,
        "hd95": _known(hd95_of_surfaces(surfaces)),
        "hd": _known(max(surface.percentile(100) for surface in surfaces)),
        "assd": _known(mean),
        "beyond": beyond,
    }


def _known(distance: float) -> float:
    return distance if math.isfinite(distance) else math.nan
