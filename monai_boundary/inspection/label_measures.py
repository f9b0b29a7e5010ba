# SPDX-License-Identifier: Apache-2.0
"""What a label says of its structures: their number, size, thickness, and which of them touch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from monai_boundary._typing import AnyArray, BoolArray, DoubleArray, IntArray

MOST_COMPONENTS = 5000  # whose sizes are kept, the largest ones
THIN = 3  # voxels
_EXACT_VOXELS = (
    250_000  # of a component's box; in larger ones the radius is that of a voxel's centre, half a voxel less
)
_EXACT_COMPONENTS = 5  # the deepest ones


def class_measures(mask: BoolArray, spacing: Sequence[float]) -> dict[str, Any]:
    """Return number and sizes of a class's components, its largest inscribed radius, and how much of it is thin.

    Components are connected through faces. One is thin if no cube of 3 voxels a side fits into it (along axes on which
    the image has fewer than 3 voxels, any thickness counts). The radius is that of the largest ball within the class
    and the image, whose border is the voxels' outer faces; in components of more than 250,000 voxels it may be up to
    half a voxel too small.

    Args:
        mask: voxels of the class, 2-D or 3-D.
        spacing: mm per axis.

    Returns:
        ``voxels``, ``ml``, ``components``, ``component_voxels`` (descending, the largest 5000),
        ``inscribed_radius_mm`` (NaN without a voxel), ``thin_components`` and ``thin_voxels``.

    Example:
        >>> mask = np.zeros((9, 9, 9), dtype=bool)
        >>> mask[1:4, 1:4, 1:4], mask[6:8, 1:8, 1:8] = True, True
        >>> found = class_measures(mask, (1.0, 1.0, 2.0))
        >>> found["component_voxels"], found["thin_components"], found["inscribed_radius_mm"], found["ml"]
        ([98, 27], 1, 1.5, 0.25)
    """
    voxel_ml = float(np.prod(spacing)) / 1000
    found = ndimage.find_objects(mask.view(np.uint8))
    if not found:
        nothing = {"voxels": 0, "ml": 0.0, "components": 0, "component_voxels": []}
        return {**nothing, "inscribed_radius_mm": float("nan"), "thin_components": 0, "thin_voxels": 0}
    cut = mask[found[0]]
    components, number = ndimage.label(cut)
    sizes = np.bincount(components.ravel())[1:]
    thick = np.unique(components[_holds_a_cube(cut, mask.shape)])
    thin = np.setdiff1d(np.arange(1, number + 1), thick)
    return {
        "voxels": int(sizes.sum()),
        "ml": float(sizes.sum()) * voxel_ml,
        "components": int(number),
        "component_voxels": np.sort(sizes)[::-1][:MOST_COMPONENTS].tolist(),
        "inscribed_radius_mm": _inscribed_radius(components, mask.shape, spacing),
        "thin_components": int(thin.size),
        "thin_voxels": int(sizes[thin - 1].sum()),
    }


def touching_classes(label: IntArray, names: Mapping[int, str], spacing: Sequence[float]) -> list[dict[str, Any]]:
    """Return each pair of ids of which voxels share faces, with the number of faces and their area.

    Args:
        label: ids, 2-D or 3-D; pairs are looked for among those of ``names``.
        names: id -> what it is called.
        spacing: mm per axis.

    Returns:
        A dictionary for each pair: ``classes`` (two names), ``faces``, ``mm2`` (in 2-D, mm of a 1 mm thick slice).

    Example:
        >>> label = np.array([[1, 2, 0], [1, 2, 3]])
        >>> [(t["classes"], t["faces"]) for t in touching_classes(label, {1: "a", 2: "b", 3: "c"}, (1.0, 1.0))]
        [(['a', 'b'], 2), (['b', 'c'], 1)]
    """
    ids = sorted(names)
    place = np.searchsorted(ids, label)
    place[place == len(ids)] = 0
    index = np.where(np.asarray(ids)[place] == label, place + 1, 0) if ids else np.zeros(label.shape, np.int64)
    faces: dict[tuple[int, int], tuple[int, float]] = {}
    for axis in range(label.ndim):
        area = float(np.prod([s for k, s in enumerate(spacing) if k != axis]))
        low, high = (np.moveaxis(index, axis, 0)[cut] for cut in (slice(None, -1), slice(1, None)))
        differ = (low != high) & (low > 0) & (high > 0)
        pairs = np.sort(np.stack([low[differ], high[differ]]), axis=0)
        for code, count in zip(*np.unique(pairs[0] * (len(ids) + 1) + pairs[1], return_counts=True), strict=True):
            key = (int(code) // (len(ids) + 1), int(code) % (len(ids) + 1))
            number, size = faces.get(key, (0, 0.0))
            faces[key] = (number + int(count), size + int(count) * area)
    return [
        {"classes": [names[ids[a - 1]], names[ids[b - 1]]], "faces": number, "mm2": size}
        for (a, b), (number, size) in sorted(faces.items())
    ]


def _holds_a_cube(mask: BoolArray, image_shape: Sequence[int]) -> BoolArray:
    cube = np.ones([THIN if n >= THIN else 1 for n in image_shape], dtype=np.bool_)
    return np.asarray(ndimage.binary_erosion(mask, cube), dtype=np.bool_)


def _inscribed_radius(components: AnyArray, image_shape: Sequence[int], spacing: Sequence[float]) -> float:
    """The radius of the largest ball in a component; axes on which the image has one voxel do not bound it."""
    axes = [k for k, n in enumerate(image_shape) if n > 1] or [0]
    names = components.reshape([components.shape[k] for k in axes])
    sizes = np.array([spacing[k] for k in axes], dtype=np.float64)
    distance = ndimage.distance_transform_edt(np.pad(names > 0, 1), sampling=sizes.tolist())
    boxes = ndimage.find_objects(names)
    tops = np.asarray(ndimage.maximum(distance[(slice(1, -1),) * names.ndim], names, np.arange(1, len(boxes) + 1)))
    radius = 0.0
    for k in np.argsort(-tops, kind="stable")[:_EXACT_COMPONENTS]:
        if tops[k] < tops.max() - sizes.max():
            break
        inside = names[boxes[k]] == k + 1
        small = inside.size <= _EXACT_VOXELS
        radius = max(radius, _exact_radius(inside, sizes) if small else float(tops[k] - sizes.min() / 2))
    return radius


def _exact_radius(inside: BoolArray, sizes: DoubleArray) -> float:
    """The largest distance from a corner, middle or centre of voxels to the nearest voxel outside, faces included."""
    outside = np.zeros([2 * n + 5 for n in inside.shape], dtype=np.bool_)  # a point each half voxel, a voxel around
    outside[(slice(1, None, 2),) * inside.ndim] = ~np.pad(inside, 1)
    touched = ndimage.maximum_filter(outside, size=3)  # all points of a voxel outside, and of its faces
    distance: AnyArray = ndimage.distance_transform_edt(~touched, sampling=(sizes / 2).tolist())
    return float(distance.max())
