# SPDX-License-Identifier: Apache-2.0
"""Minimum barrier distance, barrier partition and barrier cut of one image.

One image at a time: numpy arrays, spatial axes only (2-D or 3-D). Voxels touch through faces (4 in 2-D, 6 in 3-D).
The image is the membrane's probability in 256 steps, see `quantise_probability`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from monai_boundary._typing import AnyArray, BoolArray, IntArray, LongArray, UInt8Array
from monai_boundary._validation import check_choice, check_same_shape, check_spatial_dims
from monai_boundary.kernels import barrier as kernels
from monai_boundary.kernels import barrier_cut as cut_kernels
from monai_boundary.kernels import contours as contour_kernels
from monai_boundary.ops.contour import region_boundaries
from monai_boundary.ops.label_values import check_label
from monai_boundary.ops.regions import region_neighbours

DOMAINS = ("cells", "image")


class Contours(NamedTuple):
    """One contour per region, as lists of voxels.

    Attributes:
        ids: the regions' ids, ascending, ``(K,)``.
        voxels: C-order indices of the voxels of all contours, one contour after the other, ascending in each.
        begins: the contour of ``ids[k]`` is ``voxels[begins[k]:begins[k + 1]]``; ``(K + 1,)``.
    """

    ids: LongArray
    voxels: LongArray
    begins: LongArray

    def mask(self, shape: tuple[int, ...]) -> BoolArray:
        """Return the union of the contours as a mask of ``shape``."""
        out = np.zeros(shape, dtype=np.bool_)
        out.flat[self.voxels] = True
        return out


def quantise_probability(probability: npt.ArrayLike) -> UInt8Array:
    """Probabilities in 256 steps, ``floor(255 u)``, as the paper's front propagation needs them.

    Raises:
        ValueError: if a value is NaN or outside [0, 1].

    Example:
        >>> quantise_probability([0.0, 0.5, 0.999, 1.0])
        array([  0, 127, 254, 255], dtype=uint8)
    """
    values = np.asarray(probability)
    if values.size and not (values.min() >= 0 and values.max() <= 1):  # also false for NaN
        raise ValueError(
            f"`probability` needs values in [0, 1], got {values.min()} to {values.max()}. Logits need a sigmoid first."
        )
    steps: UInt8Array = np.floor(values * 255).astype(np.uint8)
    return steps


def barrier_distance(image: npt.ArrayLike, seeds: npt.ArrayLike) -> UInt8Array:
    """Minimum barrier distance of every voxel to a set of seeds, by front propagation (BALoss paper, Eq. 1-3).

    The barrier of a path is the largest minus the smallest grey value on it. The front keeps one (max, min) pair per
    voxel, so the result is an upper bound of the exact minimum; seeds enter in raster order, voxels of equal cost
    first in first out, neighbours along the axes in order, lower side first.

    Args:
        image: grey values 0..255, uint8, 2-D or 3-D.
        seeds: mask or seed map of the same shape; every non-zero voxel is a seed.

    Returns:
        uint8 distances of the same shape, 0 at the seeds.

    Raises:
        TypeError: if ``image`` is not uint8.
        ValueError: if the shapes differ, the image is not 2-D or 3-D, or there is no seed.

    Example:
        >>> import numpy as np
        >>> barrier_distance(np.array([[9, 5, 7, 0], [9, 9, 9, 1]], dtype=np.uint8), np.array([[0, 1, 0, 0], [0] * 4]))
        array([[4, 0, 2, 7],
               [4, 4, 4, 7]], dtype=uint8)
    """
    values, marks = _check(image, "seeds", seeds)
    flat = np.flatnonzero(marks)
    if flat.size == 0:
        raise ValueError("`seeds` needs at least one seed, got none.")
    distance: UInt8Array = kernels.barrier_distance(_volume(values), flat).reshape(values.shape)
    return distance


def barrier_partition(image: npt.ArrayLike, seed_map: npt.ArrayLike, domain: npt.ArrayLike | None = None) -> IntArray:
    """Give every voxel to the seed whose front reaches it first, all fronts moving at once.

    One multi-label propagation. Where two fronts reach a voxel at the same cost, the one that queued it first has it.

    Args:
        image: grey values 0..255 (`quantise_probability`), uint8, 2-D or 3-D.
        seed_map: seed ids > 0 at the seeds, 0 elsewhere, same shape. Several seeds may share an id.
        domain: mask of the same shape, in which the fronts stay; everywhere by default. A seed outside has no front.

    Returns:
        int32 ids of the same shape; all 0 when there is no seed, 0 outside of the domain and in pieces of it that have
        none.

    Raises:
        TypeError: if ``image`` is not uint8, or ``domain`` not boolean.
        ValueError: if the shapes differ, the image is not 2-D or 3-D, or an id is negative, not whole or beyond int32.

    Example:
        >>> import numpy as np
        >>> image = np.array([[0, 0, 9, 0, 0], [0, 0, 9, 0, 0]], dtype=np.uint8)
        >>> barrier_partition(image, np.array([[1, 0, 0, 0, 2], [0, 0, 0, 0, 0]]))
        array([[1, 1, 1, 2, 2],
               [1, 1, 1, 2, 2]], dtype=int32)
    """
    values, marks = _check(image, "seed_map", seed_map)
    within = None if domain is None else np.ascontiguousarray(domain)
    if within is not None:
        check_same_shape("domain", within.shape, "image", values.shape)
        if within.dtype != np.bool_:
            raise TypeError(f"`domain` needs a boolean mask, got dtype {within.dtype}.")
    flat = np.flatnonzero(marks if within is None else (marks != 0) & within)
    if flat.size == 0:
        return np.zeros(values.shape, dtype=np.int32)
    labels = seed_ids("seed_map", marks.flat[flat])
    volumes = (_volume(values), None if within is None else _volume(within))
    parts: IntArray = kernels.barrier_partition(volumes[0], flat, labels, volumes[1]).reshape(values.shape)
    return parts


def partition_contours(parts: npt.ArrayLike) -> Contours:
    """Where the parts of a partition meet: for each part, the voxels outside of it that touch it by a face.

    Together the contours are a band of two voxels along every meeting line, one on each side.

    Args:
        parts: int32 ids >= 0, 2-D or 3-D (`barrier_partition`).

    Example:
        >>> import numpy as np
        >>> partition_contours(np.array([[1, 1, 2], [1, 1, 2]]))
        Contours(ids=array([1, 2]), voxels=array([2, 5, 1, 4]), begins=array([0, 2, 4]))
    """
    values = np.asarray(parts)
    check_spatial_dims("parts", values.ndim)
    ids, compact = _compact(values)
    meeting = np.flatnonzero(region_boundaries(compact))
    voxels, begins = contour_kernels.label_contours(_volume(compact), ids.size, meeting)
    return Contours(ids, voxels, begins)


def barrier_cut(
    image: npt.ArrayLike, seed_map: npt.ArrayLike, cells: npt.ArrayLike, *, domain: str = "cells"
) -> tuple[Contours, BoolArray]:
    """The contour of every region cut out against its neighbours' seeds (BALoss paper, section 4.2).

    For region i, one front starts from its seed and one from the seeds of its neighbours together. A voxel is
    foreground where its distance to the seed of i is strictly the smaller one (ties go to the background). The
    region's cut is the face-connected foreground that holds the seed, and its contour C_i the voxels outside that
    touch it by a face.

    With ``domain="cells"`` both fronts stay in the cells of the region and of its neighbours. The result is the
    paper's, where both fronts run over the whole image, wherever the neighbours close the region. It can differ in
    two cases: a front leaves the cells and comes back by a path that is cheaper than all paths within; or the cut
    itself reaches the border of these cells, where the whole image would let it run on, mostly along the walls
    between regions further away (a front whose seed is a little brighter has the smaller barrier on every wall higher
    than all before). The second value returned says for which regions neither can have happened; it is a strict test,
    and most other regions agree too.

    Args:
        image: grey values 0..255 (`quantise_probability`), uint8, 2-D or 3-D.
        seed_map: one seed per region: the region's id at the seed, 0 elsewhere.
        cells: nearest-region ids (`region_cells`). Two regions are neighbours where their cells share a face. Cells of
            regions without seed belong to no domain.
        domain: ``cells`` or ``image`` (the paper's, slower by the number of regions over that of a region's
            neighbours).

    Returns:
        The contours, one per seed, empty for a region without neighbours; and for each whether it is certain that
        ``domain="image"`` gives the same.

    Raises:
        TypeError: if ``image`` is not uint8.
        ValueError: if shapes differ, an id has two seeds, or a seed lies outside the cell of its id.

    Example:
        >>> import numpy as np
        >>> image = np.array([[0, 0, 9, 0, 0]], dtype=np.uint8)
        >>> seeds, cells = np.array([[1, 0, 0, 0, 2]]), np.array([[1, 1, 1, 2, 2]])
        >>> contours, certain = barrier_cut(image, seeds, cells)
        >>> contours.voxels[: contours.begins[1]], certain
        (array([2]), array([ True,  True]))
    """
    check_choice("domain", domain, DOMAINS)
    values, marks = _check(image, "seed_map", seed_map)
    nearest = np.asarray(cells)
    check_same_shape("cells", nearest.shape, "image", values.shape)
    flat = np.flatnonzero(marks)
    ids = seed_ids("seed_map", marks.flat[flat]).astype(np.int64)
    order = np.argsort(ids, kind="stable")
    ids, flat = ids[order], flat[order]
    if np.any(ids[1:] == ids[:-1]):
        raise ValueError(f"`seed_map` needs one seed per id, got several for id {ids[1:][ids[1:] == ids[:-1]][0]}.")
    astray = np.flatnonzero(nearest.flat[flat] != ids)
    if astray.size:
        k = astray[0]
        raise ValueError(f"`cells` needs id {ids[k]} at that seed's voxel, got {nearest.flat[flat[k]]}.")
    if ids.size == 0:
        return Contours(ids, np.zeros(0, np.int64), np.zeros(1, np.int64)), np.zeros(0, np.bool_)
    compact = _positions(ids, nearest)
    pairs, begins = _neighbour_lists(region_neighbours(compact), flat)
    if domain == "image":
        compact = np.ones_like(compact)
    voxels, ends, certain = cut_kernels.barrier_cut(_volume(values), _volume(compact), flat, pairs, begins)
    return Contours(ids, voxels, ends), certain


def seed_ids(name: str, ids: npt.ArrayLike) -> IntArray:
    """Return the ids of seeds as int32.

    Raises:
        ValueError: if one is negative, not whole or beyond int32, naming the argument ``name``.
    """
    values = check_label(name, ids)
    if values.size and values.max() > np.iinfo(np.int32).max:
        raise ValueError(f"`{name}` needs ids that fit int32, got {values.max()}: number them with `relabel_regions`.")
    return values.astype(np.int32)


def _neighbour_lists(edges: LongArray, seeds: LongArray) -> tuple[LongArray, LongArray]:
    """Return the neighbours of each region (from 0) by ascending seed, and where each list begins."""
    both = np.concatenate([edges, edges[:, ::-1]]) - 1
    both = both[np.lexsort((seeds[both[:, 1]], both[:, 0]))]
    begins = np.searchsorted(both[:, 0], np.arange(seeds.size + 1)).astype(np.int64)
    return np.ascontiguousarray(both[:, 1]), begins


def _compact(values: AnyArray) -> tuple[LongArray, IntArray]:
    """Return the ids > 0 and the array with each replaced by its position in them, from 1."""
    largest = int(values.max(initial=0))
    if largest <= 4 * values.size:  # a table is much faster than a sort
        present = np.zeros(largest + 1, dtype=np.bool_)
        present[values.ravel()] = True
        ids = np.flatnonzero(present[1:]) + 1
    else:
        ids = np.unique(values[values > 0]).astype(np.int64)
    return ids, _positions(ids, values)


def _positions(ids: LongArray, values: AnyArray) -> IntArray:
    """Return the position of each value in the ascending ``ids``, from 1; 0 for what is not among them."""
    largest = int(values.max(initial=0))
    if largest <= 4 * values.size:
        table = np.zeros(largest + 1, dtype=np.int32)
        known = ids <= largest
        table[ids[known]] = np.arange(1, ids.size + 1, dtype=np.int32)[known]
        return np.asarray(table[values], dtype=np.int32)
    where = np.minimum(np.searchsorted(ids, values), max(ids.size - 1, 0))
    return np.where(ids[where] == values, where + 1, 0).astype(np.int32)


def _check(image: npt.ArrayLike, name: str, seeds: npt.ArrayLike) -> tuple[UInt8Array, AnyArray]:
    """The image and the seeds (the argument ``name``) as arrays."""
    values, marks = np.asarray(image), np.asarray(seeds)
    if values.dtype != np.uint8:
        raise TypeError(f"`image` needs dtype uint8 (see quantise_probability), got {values.dtype}.")
    check_spatial_dims("image", values.ndim)
    check_same_shape(name, marks.shape, "image", values.shape)
    if np.issubdtype(marks.dtype, np.signedinteger) and marks.size and marks.min() < 0:
        raise ValueError(f"`{name}` needs ids >= 0, got {marks.min()}.")
    if np.prod([n + 2 for n in values.shape]) >= 2**30:
        raise ValueError(f"`image` needs fewer than {2**30} voxels, got shape {values.shape}: cut it into blocks.")
    return values, marks


def _volume(values: AnyArray) -> AnyArray:
    """Return the array with a leading axis where it is 2-D, in C order."""
    return np.ascontiguousarray(values if values.ndim == 3 else values[None])
