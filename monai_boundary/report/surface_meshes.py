# SPDX-License-Identifier: Apache-2.0
"""The surfaces of truth and prediction as meshes, with how far the prediction is off, and on which side."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree
from skimage.measure import marching_cubes

from monai_boundary._typing import AnyArray, BoolArray, DoubleArray

MOST_FACES = 5000


def surface_meshes(
    predicted: BoolArray, true: BoolArray, spacing: Sequence[float], most_faces: int = MOST_FACES
) -> dict[str, Any]:
    """Return the surfaces of two 3-D masks for Plotly's ``mesh3d``.

    Args:
        predicted: shape (H, W, D).
        true: of the same shape.
        spacing: of the axes.
        most_faces: of a mesh, about; a finer mask is made coarser.

    Returns:
        ``prediction`` and ``truth``, each there if the mask is not empty: ``x``, ``y``, ``z`` in the unit of the
        spacing, ``i``, ``j``, ``k``; with the prediction ``intensity``, its signed distance to the truth's surface
        (positive where the prediction lies outside), and ``limit``, which 98 % of it keeps to, where both are there.
    """
    boxes = ndimage.find_objects((predicted | true).view(np.uint8))
    if not boxes:
        return {}
    box = boxes[0]
    start = np.array([s.start for s in box])
    pair = {"prediction": predicted[box], "truth": true[box]}
    found: dict[str, Any] = {}
    for side, mask in pair.items():
        if mask.any():
            vertices, faces = _mesh(mask, spacing, most_faces)
            found[side] = _packed(vertices + start * np.asarray(spacing), faces)
            if side == "prediction" and pair["truth"].any():
                error = signed_error(vertices, pair["truth"], spacing)
                found[side] |= {"intensity": _bytes(error.astype(np.float32), "f4")}
                found["limit"] = float(np.percentile(np.abs(error), 98))
    return found


def signed_error(points: DoubleArray, true: BoolArray, spacing: Sequence[float]) -> DoubleArray:
    """Return the signed distance of points to the surface of a mask: positive outside, negative inside.

    The surface is that of marching cubes, half a voxel from the voxels' centres; its corners and the middles of its
    triangles are what distances are taken to.

    Args:
        points: (N, 3), in the unit of the spacing, from the centre of the first voxel.
        true: a mask with voxels, shape (H, W, D).
        spacing: of the axes.

    Example:
        >>> true = np.zeros((9, 3, 3), bool); true[:3] = True
        >>> signed_error(np.array([[2.5, 1.0, 1.0], [5.5, 1.0, 1.0], [1.0, 1.0, 1.0]]), true, (1.0, 1.0, 1.0)).tolist()
        [0.0, 3.0, -1.5]
    """
    sizes = np.asarray(spacing)
    values = np.pad(true, 1).astype(np.float32)
    corners, faces, _, _ = marching_cubes(values, 0.5)
    surface = np.concatenate([corners, corners[faces].mean(axis=1)]).astype(np.float64) - 1
    apart, _ = KDTree(surface * sizes).query(points)
    inside = ndimage.map_coordinates(values, (points / sizes + 1).T, order=1, mode="constant") > 0.5
    error: DoubleArray = np.where(inside, -apart, apart)
    return error


def _mesh(mask: BoolArray, spacing: Sequence[float], most: int) -> tuple[DoubleArray, AnyArray]:
    border = int((mask & ~ndimage.binary_erosion(mask)).sum())
    step = max(1, math.ceil(math.sqrt(2.2 * border / most)))
    for coarser in range(step, step + 8):
        values = _coarse(np.pad(mask, coarser), coarser)
        if values.max() <= 0.5:  # too thin for this step: any voxel counts
            values = values > 0
        vertices, faces, _, _ = marching_cubes(values.astype(np.float32), 0.5)
        if len(faces) <= 1.3 * most:
            break
    # the centre of a block of `coarser` voxels, less the padding
    vertices = vertices.astype(np.float64) * coarser + (coarser - 1) / 2 - coarser
    return vertices * np.asarray(spacing), faces


def _coarse(mask: BoolArray, step: int) -> AnyArray:
    if step == 1:
        return mask
    padded = np.pad(mask, [(0, -n % step) for n in mask.shape])
    a, b, c = (n // step for n in padded.shape)
    mean: AnyArray = padded.reshape(a, step, b, step, c, step).mean(axis=(1, 3, 5))
    return mean


def _packed(vertices: DoubleArray, faces: AnyArray) -> dict[str, Any]:
    mesh = {axis: _bytes(vertices[:, n].astype(np.float32), "f4") for n, axis in enumerate("xyz")}
    kind = "u2" if len(vertices) < 65536 else "u4"
    return mesh | {axis: _bytes(faces[:, n].astype(kind), kind) for n, axis in enumerate("ijk")}


def _bytes(values: AnyArray, kind: str) -> dict[str, str]:
    """An array as Plotly reads it: little-endian, base64."""
    return {"dtype": kind, "bdata": base64.b64encode(np.ascontiguousarray(values, dtype=f"<{kind}").tobytes()).decode()}
