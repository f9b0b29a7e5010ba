# SPDX-License-Identifier: Apache-2.0
"""Regions of a label image, their seeds, their nearest-region cells and their neighbours.

One image at a time: numpy arrays, spatial axes only (2-D or 3-D, in array order, as ``spacing``). Voxels touch through
faces (4 in 2-D, 6 in 3-D). The image frame is not a membrane: it bounds nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from monai_boundary._typing import AnyArray, IntArray, LongArray
from monai_boundary._validation import (
    check_same_shape,
    check_section_axis,
    check_spacing,
    check_spatial_dims,
)
from monai_boundary.kernels.component_labels import component_labels
from monai_boundary.kernels.region_depth import deepest_voxels, squared_region_depth
from monai_boundary.ops.label_values import check_label, check_region_ids

_MAX_ID = np.iinfo(np.int32).max


def label_regions(label: npt.ArrayLike, *, section_axis: int | None = None) -> IntArray:
    """Face-connected components of equal, non-zero label.

    Two touching instances with different ids stay two regions; one id in two pieces becomes two regions.

    Args:
        label: instance ids or a mask of them (0 is membrane; every other value is an instance), 2-D or 3-D. Note that a
            *membrane* target has membrane = 1: pass ``target == 0``.
        section_axis: label every section across this axis on its own (ids stay unique over the stack), for stacks too
            anisotropic, or too badly aligned, to join sections. ``None`` joins through all faces.

    Returns:
        int32 regions of the same shape: 0 is membrane, regions are 1..K in raster order of their first voxel (with
        ``section_axis``: section after section, in raster order within each). An all-membrane label gives zeros; a
        label without membrane and of one id gives one region.

    Raises:
        ValueError: if the label holds NaN, fractions or negative values, or is not 2-D or 3-D.
        TypeError: if the label is not numeric.

    Example:
        >>> import numpy as np
        >>> label_regions(np.array([[7, 7, 0, 7], [0, 0, 0, 7], [2, 2, 3, 0]]))
        array([[1, 1, 0, 2],
               [0, 0, 0, 2],
               [3, 3, 4, 0]], dtype=int32)
    """
    values = check_label("label", label)
    check_spatial_dims("label", values.ndim)
    axis = check_section_axis(section_axis, values.ndim)
    ids = _small_ids(values)
    sections = ids[None] if ids.ndim == 2 else np.moveaxis(ids, axis or 0, 0)
    out = np.empty(sections.shape, dtype=np.int32)
    component_labels(np.ascontiguousarray(sections), axis is not None, out)
    return out[0] if ids.ndim == 2 else np.ascontiguousarray(np.moveaxis(out, 0, axis or 0))


def _small_ids(label: AnyArray) -> IntArray:
    """The label as int32: ids beyond it get other ones."""
    if int(label.max(initial=0)) <= _MAX_ID:
        return label.astype(np.int32, copy=False)
    ids, places = np.unique(label, return_inverse=True)
    return (places.reshape(label.shape) + int(ids[0] != 0)).astype(np.int32)


def region_seeds(
    regions: npt.ArrayLike,
    spacing: Sequence[float] | float | None = None,
    *,
    section_axis: int | None = None,
    limit: float | None = None,
) -> IntArray:
    """One seed per region: the voxel farthest from the region's boundary.

    The distance is Euclidean, from a voxel's centre to the nearest voxel centre outside the region (membrane or another
    region: touching regions bound each other). The image frame bounds nothing, so a region cut by the frame may have
    its seed on the frame. Ties go to the first voxel in raster order; a region that fills the image, and so has no
    boundary, has its seed at ``shape // 2`` (methods: BALoss, "Seed").

    Args:
        regions: integer ids, 0 is membrane, 2-D or 3-D; ids need not be contiguous. An id in several pieces still gets
            one seed.
        spacing: voxel size along each axis, any unit; 1 by default.
        section_axis: the regions were labelled section by section across this axis: other sections bound nothing.
        limit: depths beyond it are not told apart, so that a deeper region has its first voxel of that depth, in the
            unit of ``spacing``; by default all are.

    Returns:
        int32 seed map of the same shape: the region's id at its seed, 0 elsewhere; all 0 when there is no region.

    Raises:
        ValueError: if the regions hold NaN, fractions, negative values or ids beyond int32, ``spacing`` does not fit,
            or a region spans several sections though ``section_axis`` is given.

    Example:
        >>> import numpy as np
        >>> region_seeds(np.array([[1, 1, 1, 0, 0], [1, 1, 1, 0, 2], [1, 1, 1, 0, 2], [0, 0, 0, 0, 0]]))
        array([[1, 0, 0, 0, 0],
               [0, 0, 0, 0, 2],
               [0, 0, 0, 0, 0],
               [0, 0, 0, 0, 0]], dtype=int32)
    """
    values = check_region_ids("regions", regions)
    sizes = check_spacing(spacing, values.ndim, unit="voxel size")
    most = np.inf if limit is None else float(limit)
    return _seeds(values, sizes, check_section_axis(section_axis, values.ndim), most)


def seed_points(seed_map: npt.ArrayLike) -> tuple[LongArray, LongArray]:
    """The seeds of a seed map as a list: ids ``(K,)`` and voxel indices ``(K, ndim)``, by id, then raster order.

    Example:
        >>> import numpy as np
        >>> seed_points(np.array([[0, 2], [1, 0]]))
        (array([1, 2]), array([[1, 0],
               [0, 1]]))
    """
    values = check_region_ids("seed_map", seed_map)
    points = np.argwhere(values).astype(np.int64)
    ids = values[tuple(points.T)].astype(np.int64)
    order = np.argsort(ids, kind="stable")
    return ids[order], points[order]


def seed_map(points: npt.ArrayLike, shape: Sequence[int], ids: npt.ArrayLike | None = None) -> IntArray:
    """The seed map of a list of seeds: the inverse of `seed_points`.

    Args:
        points: voxel indices ``(K, ndim)``, integral.
        shape: shape of the image, 2-D or 3-D.
        ids: positive ids ``(K,)``; 1..K in the order of the points by default. An id may come with several points.

    Returns:
        int32 map of ``shape`` with the ids at the points; all 0 for no points.

    Raises:
        ValueError: if a point lies outside the image, two points overlap, or the points do not have one index per axis.

    Example:
        >>> seed_map([[1, 0], [0, 1]], (2, 2))
        array([[0, 2],
               [1, 0]], dtype=int32)
    """
    check_spatial_dims("shape", len(shape))
    indices = np.asarray(points)
    if indices.size == 0:
        indices = np.zeros((0, len(shape)), dtype=np.int64)
    if indices.ndim != 2 or indices.shape[1] != len(shape):
        raise ValueError(
            f"`points` needs shape (K, {len(shape)}) for an image of shape {tuple(shape)}, got {indices.shape}."
        )
    if not np.issubdtype(indices.dtype, np.integer):
        if not np.all(np.isfinite(indices)) or np.any(indices != np.rint(indices)):
            raise ValueError("`points` needs integral voxel indices, got fractions or NaN.")
        indices = indices.astype(np.int64)
    outside = np.flatnonzero(((indices < 0) | (indices >= np.asarray(shape))).any(axis=1))
    if outside.size:
        raise ValueError(
            f"`points` needs seeds inside the image of shape {tuple(shape)}, got {indices[outside[0]].tolist()}."
        )
    names = np.arange(1, len(indices) + 1) if ids is None else check_label("ids", ids)
    if names.shape != (len(indices),) or np.any(names == 0) or np.any(names > _MAX_ID):
        raise ValueError(f"`ids` needs {len(indices)} ids in 1..{_MAX_ID}, one per point, got {names.tolist()}.")
    flat = np.ravel_multi_index(tuple(indices.T), tuple(shape))
    unique, counts = np.unique(flat, return_counts=True)
    if np.any(counts > 1):
        where = [int(i) for i in np.unravel_index(int(unique[counts > 1][0]), tuple(shape))]
        raise ValueError(f"`points` needs seeds that do not overlap, got more than one at {where}.")
    out = np.zeros(tuple(shape), dtype=np.int32)
    out.flat[flat] = names
    return out


def region_cells(
    regions: npt.ArrayLike, spacing: Sequence[float] | float | None = None, *, section_axis: int | None = None
) -> IntArray:
    """The id of the nearest region at every voxel: the regions' Voronoi cells.

    The distance is Euclidean between voxel centres. Inside a region its own id stays. A voxel equally far from two
    regions gets one of them, always the same for the same array (SciPy's feature transform decides), but not
    necessarily the mirrored one for the mirrored array.

    Args:
        regions: integer ids, 0 is membrane, 2-D or 3-D.
        spacing: voxel size along each axis, any unit; 1 by default.
        section_axis: search each section across this axis on its own; a section without region stays 0.

    Returns:
        int32 ids of the same shape, without 0; all 0 when there is no region at all.

    Raises:
        ValueError: as `region_seeds`.

    Example:
        >>> import numpy as np
        >>> region_cells(np.array([[1, 0, 0, 0, 2], [0, 0, 0, 2, 2]]))
        array([[1, 1, 2, 2, 2],
               [1, 1, 2, 2, 2]], dtype=int32)
    """
    values = check_region_ids("regions", regions)
    sizes = check_spacing(spacing, values.ndim, unit="voxel size")
    axis = check_section_axis(section_axis, values.ndim)
    if axis is not None:
        sizes = sizes[:axis] + sizes[axis + 1 :]
        return np.stack([_cells(section, sizes) for section in np.moveaxis(values, axis, 0)], axis=axis)
    return _cells(values, sizes)


def _cells(regions: IntArray, spacing: tuple[float, ...]) -> IntArray:
    inside = regions > 0
    if not inside.any() or inside.all():  # SciPy's transform of an image without background is not defined
        return regions.copy()
    nearest = ndimage.distance_transform_edt(~inside, sampling=spacing, return_distances=False, return_indices=True)
    cells: IntArray = regions[tuple(nearest)]
    return cells


def region_neighbours(cells: npt.ArrayLike) -> LongArray:
    """Pairs of regions whose cells share a face.

    Args:
        cells: ids at every voxel (see `region_cells`), 2-D or 3-D; 0 is nobody's and makes no pair.

    Returns:
        int64 ``(E, 2)``: each pair once, smaller id first, rows sorted; ``(0, 2)`` without pairs.

    Example:
        >>> import numpy as np
        >>> region_neighbours(np.array([[1, 1, 2], [3, 3, 2]]))
        array([[1, 2],
               [1, 3],
               [2, 3]])
    """
    values = check_region_ids("cells", cells)
    pairs = []
    for axis in range(values.ndim):
        first = values[_cut(values.ndim, axis, slice(None, -1))]
        second = values[_cut(values.ndim, axis, slice(1, None))]
        touching = (first != second) & (first > 0) & (second > 0)
        pairs.append(np.stack([first[touching], second[touching]], axis=1))
    rows = np.sort(np.concatenate(pairs).astype(np.int64), axis=1)
    keys = np.unique(
        rows[:, 0] * (_MAX_ID + 1) + rows[:, 1]
    )  # one key per pair: unique over rows would sort them as structs
    return np.stack([keys // (_MAX_ID + 1), keys % (_MAX_ID + 1)], axis=1)


def reseed_regions(
    regions: npt.ArrayLike,
    seeds: npt.ArrayLike | None = None,
    spacing: Sequence[float] | float | None = None,
    *,
    section_axis: int | None = None,
) -> tuple[IntArray, IntArray]:
    """Make regions and seeds of a crop consistent again.

    A crop can leave a region in several pieces, or without its seed. Every face-connected piece becomes a region of its
    own (ids 1..K in raster order). A piece keeps its seed where the seed still lies inside it; a piece without seed
    gets the one `region_seeds` would give it in the crop. Regions that the crop did not touch thus keep their voxels
    and seed.

    Args:
        regions: the cropped regions, 0 is membrane.
        seeds: the cropped seed map, or ``None`` to seed every piece anew (as if the crop were the whole image).
        spacing: voxel size along each axis, any unit; 1 by default.
        section_axis: label every section across this axis on its own (ids stay unique over the stack), for stacks too
            anisotropic, or too badly aligned, to join sections. ``None`` joins through all faces.

    Returns:
        the new regions and the new seed map, int32, one seed per region.

    Raises:
        ValueError: if the shapes differ, values are not integral ids, or a seed's id is not the id of the region under
            it (the two were not moved together).

    Example:
        >>> import numpy as np
        >>> regions, seeds = reseed_regions(np.array([[4, 0, 4], [4, 0, 4]]), np.array([[0, 0, 0], [4, 0, 0]]))
        >>> regions
        array([[1, 0, 2],
               [1, 0, 2]], dtype=int32)
        >>> seeds
        array([[0, 0, 2],
               [1, 0, 0]], dtype=int32)
    """
    values = check_region_ids("regions", regions)
    sizes = check_spacing(spacing, values.ndim, unit="voxel size")
    axis = check_section_axis(section_axis, values.ndim)
    pieces = label_regions(values, section_axis=section_axis)
    if seeds is None:
        return pieces, _seeds(pieces, sizes, axis)
    old = check_region_ids("seeds", seeds)
    check_same_shape("seeds", old.shape, "regions", values.shape)
    where = np.flatnonzero(old)
    if np.any(old.flat[where] != values.flat[where]):
        raise ValueError("`seeds` needs the id of the region under each seed, got another: were both maps moved alike?")
    ids, first = np.unique(pieces.flat[where], return_index=True)
    seeded = np.zeros(int(pieces.max(initial=0)) + 1, dtype=np.bool_)
    seeded[ids] = True
    out = _seeds(np.where(seeded[pieces], 0, pieces), sizes, axis)
    out.flat[where[first]] = ids
    return pieces, out


def _seeds(regions: IntArray, spacing: tuple[float, ...], axis: int | None, limit: float = np.inf) -> IntArray:
    """The seed map of the image, or of each section across ``axis`` on its own."""
    if axis is None:
        return _seeds_of_image(regions, spacing, limit)
    sections = np.moveaxis(regions, axis, 0)
    counts = np.unique(np.concatenate([np.unique(section[section > 0]) for section in sections]), return_counts=True)
    if np.any(counts[1] > 1):
        identifier = int(counts[0][counts[1] > 1][0])
        raise ValueError(f"`section_axis` needs regions within one section, got region {identifier} in several.")
    flat = spacing[:axis] + spacing[axis + 1 :]
    return np.stack([_seeds_of_image(section, flat, limit) for section in sections], axis=axis)


def _seeds_of_image(regions: IntArray, spacing: tuple[float, ...], limit: float) -> IntArray:
    """One transform serves all regions, whether they touch or not."""
    out = np.zeros(regions.shape, dtype=np.int32)
    if not regions.any():
        return out
    if regions.min() == regions.max():  # nothing bounds it
        out[tuple(size // 2 for size in regions.shape)] = regions.flat[0]
        return out
    marks: IntArray = np.ascontiguousarray(regions)
    if marks.max() > marks.size:  # sparse ids: a table of the greatest would be larger than the image
        ids, places = np.unique(marks, return_inverse=True)
        marks = (places.reshape(regions.shape) + int(ids[0] != 0)).astype(np.int32)
    lifted = marks.reshape((1,) * (3 - marks.ndim) + marks.shape)
    depth = squared_region_depth(lifted, np.array((math.inf,) * (3 - len(spacing)) + spacing))
    np.minimum(depth, limit**2, out=depth)
    deepest = deepest_voxels(marks.reshape(-1), depth.reshape(-1), int(marks.max()))
    deepest = deepest[deepest >= 0]
    out.flat[deepest] = regions.flat[deepest]
    return out


def _cut(ndim: int, axis: int, part: slice) -> tuple[slice, ...]:
    return tuple(part if a == axis else slice(None) for a in range(ndim))
