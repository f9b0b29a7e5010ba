# SPDX-License-Identifier: Apache-2.0
"""Where a prediction's walls are judged: the contours of the barrier cut and the leaks, as voxel weights.

One image at a time: numpy arrays, spatial axes only (2-D or 3-D).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from monai_boundary._typing import BoolArray, FloatArray, IntArray, UInt8Array
from monai_boundary._validation import check_choice, check_same_shape
from monai_boundary.kernels import contours as kernels
from monai_boundary.ops.barrier import Contours, barrier_cut, barrier_partition, partition_contours, seed_ids
from monai_boundary.ops.regions import label_regions, region_cells

CONTOURS = ("partition", "per_region", "leak")
REGION_REDUCTIONS = ("mean", "sum")
DEFAULT_WIDTH = {"partition": 1, "per_region": 1, "leak": 3}


def check_width(width: int | Sequence[int] | None, ndim: int, contour: str) -> tuple[int, ...]:
    """Return the contour's width along each axis; ``None`` is 1 for the cuts and 3 for the leak contour.

    Raises:
        ValueError: if there is not one entry per axis, an entry is below 1, or even where ``contour`` is not ``leak``.
    """
    if width is None:
        return (DEFAULT_WIDTH[contour],) * ndim
    widths = (int(width),) * ndim if isinstance(width, int) else tuple(int(w) for w in width)
    if len(widths) != ndim:
        raise ValueError(f"`contour_width` needs {ndim} entries (voxels per axis), got {len(widths)}: {widths}.")
    if min(widths) < 1 or (contour != "leak" and any(w % 2 == 0 for w in widths)):
        need = "integers >= 1" if contour == "leak" else "odd integers >= 1"
        raise ValueError(f"`contour_width` needs {need} for contour {contour!r}, got {width}.")
    return widths


def leaked_regions(parts: npt.ArrayLike, seed_map: npt.ArrayLike, regions: npt.ArrayLike) -> BoolArray:
    """The voxels of the true regions that another region's front took.

    Args:
        parts: partition from all seeds (`barrier_partition`), ids of the seeds.
        seed_map: seed ids at the seeds, 0 elsewhere. A seed stands for the region it lies in, whatever its id.
        regions: true regions, 0 is membrane.

    Returns:
        Mask of the same shape. A region that holds no seed cannot be judged and is never leaked.

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> import numpy as np
        >>> parts, seeds = np.array([[1, 1, 1, 1, 2]]), np.array([[1, 0, 0, 0, 2]])
        >>> leaked_regions(parts, seeds, regions=np.array([[1, 1, 0, 2, 2]]))
        array([[False, False, False,  True, False]])
    """
    labels, marks, truth = np.asarray(parts), np.asarray(seed_map), np.asarray(regions)
    check_same_shape("seed_map", marks.shape, "parts", labels.shape)
    check_same_shape("regions", truth.shape, "parts", labels.shape)
    flat = np.flatnonzero(marks)
    home = np.zeros(int(max(labels.max(initial=0), marks.max(initial=0))) + 1, dtype=truth.dtype)
    home[marks.flat[flat]] = truth.flat[flat]
    judged = np.zeros(int(truth.max(initial=0)) + 1, dtype=np.bool_)
    judged[truth.flat[flat]] = True
    judged[0] = False
    leaked: BoolArray = judged[truth] & (home[labels] != truth)
    return leaked


def leak_contour(leaked: npt.ArrayLike, membrane: npt.ArrayLike, width: int | Sequence[int] = 3) -> BoolArray:
    """The true membrane near leaked area: where the wall failed, however wide the hole.

    Args:
        leaked: mask of the leaked voxels (`leaked_regions`).
        membrane: mask of the true membrane, same shape.
        width: how many voxels away, per axis (a box), the membrane still counts.

    Returns:
        Mask of the same shape; empty where nothing leaks.

    Example:
        >>> import numpy as np
        >>> leak_contour(np.array([[0, 0, 0, 0, 1, 1]]), np.array([[1, 0, 1, 1, 0, 0]]), width=1)
        array([[False, False, False,  True, False, False]])
    """
    mask, wall = np.asarray(leaked, dtype=np.bool_), np.asarray(membrane, dtype=np.bool_)
    check_same_shape("membrane", wall.shape, "leaked", mask.shape)
    if not mask.any():
        return np.zeros(mask.shape, dtype=np.bool_)
    near = mask.view(np.uint8)
    for axis, reach in enumerate(check_width(width, mask.ndim, "leak")):
        near = ndimage.maximum_filter1d(near, 2 * reach + 1, axis=axis, mode="nearest")
    return (near > 0) & wall


def boundary_weights(
    image: UInt8Array,
    membrane: BoolArray,
    seed_map: IntArray,
    *,
    regions: IntArray | None = None,
    cells: IntArray | None = None,
    contour: str = "leak",
    contour_width: int | Sequence[int] | None = None,
    region_reduction: str = "mean",
    balance: bool = False,
) -> FloatArray:
    """The weight of every voxel in BALoss's boundary term (BALoss paper, Eq. 4).

    The term is the sum (or mean) over regions of the cross-entropy averaged over the region's contour C_i. As the
    contours do not depend on the prediction's gradient, that is the scalar product of the voxel-wise cross-entropy
    with one weight map: the sum over i of ``[voxel in C_i] / |C_i|``.

    Args:
        image: the prediction in 256 steps (`quantise_probability`).
        membrane: the true membrane.
        seed_map: region ids at the seeds, 0 elsewhere.
        regions: true regions, for ``leak``; the components of the non-membrane if not given.
        cells: nearest-region ids, for ``per_region``; from the regions if not given.
        contour: ``partition``: where the fronts of all seeds meet. ``per_region``: the paper's cut of each region
            against its neighbours. ``leak``: the membrane near voxels that a foreign front took.
        contour_width: ``partition``, ``per_region``: width of the contours in voxels (odd; a box dilates the contour).
            ``leak``: how near to leaked voxels the membrane counts. One number or one per axis; 1, or 3 for ``leak``.
        region_reduction: ``mean`` or ``sum`` over the regions that have a contour. All leaks of an image are one
            contour.
        balance: give membrane and other voxels of a contour half of its weight each.

    Returns:
        float32 weights, the image's shape; 0 everywhere without seeds, with one region only, or where nothing leaks.

    Raises:
        ValueError: if an option is not among those named, shapes differ, or a seed lies on the membrane.

    Example:
        >>> import numpy as np
        >>> image = np.array([[0, 0, 9, 0, 0]], dtype=np.uint8)
        >>> boundary_weights(image, image > 0, np.array([[1, 0, 0, 0, 2]]), contour="per_region")
        array([[0., 0., 1., 0., 0.]], dtype=float32)
    """
    check_choice("contour", contour, CONTOURS)
    check_choice("region_reduction", region_reduction, REGION_REDUCTIONS)
    check_same_shape("membrane", membrane.shape, "image", image.shape)
    widths = check_width(contour_width, image.ndim, contour)
    check_seeds("seed_map", seed_map, membrane)
    if contour == "leak":
        found = _leaks(image, membrane, seed_map, regions, widths)
    elif contour == "per_region":
        if cells is None:
            cells = region_cells(label_regions(~membrane) if regions is None else regions)
            if regions is None:  # the components have ids of their own
                seed_map = np.where(seed_map > 0, cells, 0).astype(np.int32)
        found = barrier_cut(image, seed_map, cells)[0]
    else:
        found = partition_contours(barrier_partition(image, seed_map))
    if contour != "leak":
        found = _widened(found, image.shape, widths)
    weights, number = kernels.contour_weights(found.voxels, found.begins, membrane.ravel(), balance)
    if region_reduction == "mean" and number > 1:
        weights /= number
    out: FloatArray = weights.reshape(image.shape)
    return out


def check_seeds(name: str, seed_map: npt.ArrayLike, membrane: BoolArray) -> None:
    """Raise ``ValueError``, naming the argument ``name``, unless seeds have int32 ids and lie off the membrane."""
    marks = np.asarray(seed_map)
    seeds = np.flatnonzero(marks)
    seed_ids(name, marks.flat[seeds])
    on_wall = int(np.count_nonzero(membrane.flat[seeds]))
    if on_wall:
        raise ValueError(f"`{name}` needs seeds inside the regions, got {on_wall} of {seeds.size} on the membrane.")


def _leaks(
    image: UInt8Array, membrane: BoolArray, seed_map: IntArray, regions: IntArray | None, widths: tuple[int, ...]
) -> Contours:
    truth = label_regions(~membrane) if regions is None else regions
    leaked = leaked_regions(barrier_partition(image, seed_map), seed_map, truth)
    voxels = np.flatnonzero(leak_contour(leaked, membrane, widths)).astype(np.int64)
    return Contours(np.ones(1, np.int64), voxels, np.array([0, voxels.size], np.int64))


def _widened(found: Contours, shape: tuple[int, ...], widths: tuple[int, ...]) -> Contours:
    if max(widths) == 1:
        return found
    lead = (1,) * (3 - len(shape))
    radius = tuple((w - 1) // 2 for w in lead + widths)
    voxels, begins = kernels.widen_contours(found.voxels, found.begins, lead + shape, radius)
    return Contours(found.ids, voxels, begins)
