# SPDX-License-Identifier: Apache-2.0
"""Surface scores with every distance taken between all pairs, and areas of DeepMind's tables as MONAI has them.

surface-distance itself may be absent; these tables are its own, and nothing here is of the code under test.
"""

from __future__ import annotations

import math

import numpy as np
from monai.metrics.utils import ENCODING_KERNEL, _get_neighbour_code_to_normals_table, get_code_to_measure_table

Spacing = tuple[float, ...]


def surface_elements(mask: np.ndarray, spacing: Spacing) -> tuple[np.ndarray, np.ndarray]:
    """Places (N, ndim) in mm and areas of the cells of 2 x 2 (x 2) voxel centres that hold both inside and outside."""
    if mask.ndim == 2:
        table = get_code_to_measure_table(spacing)[0].double().numpy()
    else:
        normals = _get_neighbour_code_to_normals_table().double().numpy()  # in a voxel of 1 mm
        a, b, c = spacing
        table = np.linalg.norm(normals * (b * c, a * c, a * b), axis=2).sum(axis=1)
    wide = np.pad(mask, 1)
    code = np.zeros([n - 1 for n in wide.shape], dtype=int)
    for corner, weight in np.ndenumerate(np.array(ENCODING_KERNEL[mask.ndim])):
        code += weight * wide[tuple(slice(c, c + n) for c, n in zip(corner, code.shape, strict=True))]
    crossed = (code > 0) & (code < 2**2**mask.ndim - 1)
    return np.argwhere(crossed) * np.array(spacing), table[code[crossed]]


def surface_distances(pred: np.ndarray, true: np.ndarray, spacing: Spacing) -> list[tuple[np.ndarray, np.ndarray]]:
    """Distances of the elements of each mask to the nearest of the other, and their areas, by ascending distance."""
    (mine, my_areas), (theirs, their_areas) = (surface_elements(mask, spacing) for mask in (pred, true))
    apart = np.linalg.norm(mine[:, None] - theirs[None], axis=2)
    sides = [(apart.min(axis=1), my_areas), (apart.min(axis=0), their_areas)]
    return [(d[np.argsort(d, kind="stable")], a[np.argsort(d, kind="stable")]) for d, a in sides]


def voxel_hausdorff(pred: np.ndarray, true: np.ndarray, spacing: Spacing, percentile: float = 95.0) -> float:
    """Between voxels with a face on what is outside, or on the frame: all pairs; the diagonal where one is empty."""
    if not pred.any() or not true.any():
        diagonal = math.hypot(*(s * n for s, n in zip(spacing, true.shape, strict=True)))
        return diagonal if pred.any() or true.any() else math.nan
    sides = []
    for mask in (pred, true):
        inside = {tuple(place) for place in np.argwhere(mask).tolist()}
        steps = [
            tuple(int(a == axis) * side for a in range(mask.ndim)) for axis in range(mask.ndim) for side in (-1, 1)
        ]
        near = [
            place
            for place in inside
            if any(tuple(p + s for p, s in zip(place, step, strict=True)) not in inside for step in steps)
        ]
        sides.append(np.array(near) * spacing)
    apart = np.linalg.norm(sides[0][:, None] - sides[1][None], axis=2)
    return float(max(np.percentile(apart.min(axis=0), percentile), np.percentile(apart.min(axis=1), percentile)))


def surface_scores(pred: np.ndarray, true: np.ndarray, spacing: Spacing, tolerances: Spacing) -> dict[str, float]:
    """HD, HD95, ASSD, surface Dice and boundary F; one empty mask costs the diagonal of the image, two are NaN."""
    names = ["hd_mm", "hd95_mm", "assd_mm", *(f"{s}_{t:g}mm" for s in ("nsd", "boundary_f") for t in tolerances)]
    if not pred.any() and not true.any():
        return dict.fromkeys(names, math.nan)
    if not pred.any() or not true.any():
        diagonal = math.hypot(*(s * n for s, n in zip(spacing, true.shape, strict=True)))
        return dict.fromkeys(names[:3], diagonal) | dict.fromkeys(names[3:], 0.0)
    sides = surface_distances(pred, true, spacing)
    whole = sum(areas.sum() for _, areas in sides)
    found = {
        "hd_mm": max(distances.max() for distances, _ in sides),
        "hd95_mm": max(_reached(distances, areas, 0.95) for distances, areas in sides),
        "assd_mm": sum((distances * areas).sum() for distances, areas in sides) / whole,
    }
    for t in tolerances:
        near = [areas[distances <= t].sum() for distances, areas in sides]
        precision, recall = (n / areas.sum() for n, (_, areas) in zip(near, sides, strict=True))
        found[f"nsd_{t:g}mm"] = sum(near) / whole
        found[f"boundary_f_{t:g}mm"] = 2 * precision * recall / max(precision + recall, 1e-12)
    return found


def _reached(distances: np.ndarray, areas: np.ndarray, share: float) -> float:
    """The first distance at which so large a share of the area is passed."""
    passed = 0.0
    for distance, area in zip(distances, areas, strict=True):
        passed += area
        if passed / areas.sum() >= share - 1e-9:
            return float(distance)
    return float(distances[-1])
