# SPDX-License-Identifier: Apache-2.0
"""The barrier cut, region by region: a front from the region's seed against one from the seeds of its neighbours.

Both fronts are those of ``barrier``, level by level, in the region's domain.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from monai_boundary._typing import AnyArray, BoolArray, IntArray, LongArray, UInt8Array
from monai_boundary.kernels.barrier import CLOSED, DONE, EVERYTHING, GREY, UNSEEN, add_seed, drain_level, new_states
from monai_boundary.kernels.bucket_queue import LEVELS, Queue, empty_queue, reset
from monai_boundary.kernels.padding import face_offsets, padded_index, padded_strides


@njit(cache=True, nogil=True)
def sort_by_cell(cells: IntArray, number: int) -> tuple[AnyArray, LongArray]:
    """Return the padded indices sorted by cell, and where cell c (1..number) begins, at ``[c - 1]``."""
    depth, height, width = cells.shape
    first, z_stride, y_stride, _ = padded_strides(depth, height, width)
    starts = np.zeros(number + 1, np.int64)
    for cell in cells.flat:
        if cell > 0:
            starts[cell] += 1
    for c in range(number):
        starts[c + 1] += starts[c]
    indices = np.empty(starts[number], np.uint32)
    fill = starts[:-1].copy()
    for z in range(depth):
        for y in range(height):
            row = first + z * z_stride + y * y_stride
            for x in range(width):
                c = cells[z, y, x] - 1
                if c >= 0:
                    indices[fill[c]] = row + x
                    fill[c] += 1
    return indices, starts


@njit(cache=True, nogil=True)
def race(
    fore: AnyArray, back: AnyArray, queues: tuple[Queue, Queue], owner: AnyArray, size: int, offsets: LongArray
) -> tuple[int, tuple[Queue, Queue]]:
    """Let both fronts run level by level, background first (so it wins ties), until ``size`` voxels are owned.

    ``owner`` gets 4 * level + label with label 1 = foreground and 2 = background; 0 is nobody.

    Returns:
        The first level at which a front stood at the border of the domain, LEVELS if none did; and the queues.
    """
    fore_queue, back_queue = queues
    owned = 0
    escape = LEVELS
    for level in range(LEVELS):
        back_queue, more, back_out = drain_level(back, back_queue, level, offsets, EVERYTHING, owner, 4 * level + 2)
        owned += more
        fore_queue, more, fore_out = drain_level(fore, fore_queue, level, offsets, EVERYTHING, owner, 4 * level + 1)
        owned += more
        if escape == LEVELS and (fore_out or back_out):
            escape = level
        if owned == size:
            break
    return escape, (fore_queue, back_queue)


@njit(cache=True, nogil=True)
def region_and_contour(
    seed: int, owner: AnyArray, stamp: IntArray, mark: int, offsets: LongArray, region: AnyArray, contour: AnyArray
) -> tuple[int, int]:
    """Flood the foreground from ``seed`` and write the voxels that touch it from outside to ``contour``.

    ``region`` is working space. Indices are those of the padded volume.

    Returns:
        (size of the contour, highest level at which a voxel of the region or of the contour was decided); a contour
        voxel without an owner counts as level LEVELS.
    """
    n_region, n_contour, top, done = 1, 0, 0, 0
    region[0] = seed
    stamp[seed] = mark
    while done < n_region:
        p = region[done]
        done += 1
        top = max(top, owner[p] >> 2)
        for k in range(offsets.size):
            q = np.int64(p) + offsets[k]
            if stamp[q] == mark or stamp[q] < 0:
                continue
            stamp[q] = mark
            if owner[q] & 3 == 1:
                region[n_region] = q
                n_region += 1
            else:
                contour[n_contour] = q
                n_contour += 1
                top = max(top, owner[q] >> 2 if owner[q] else LEVELS)
    return n_contour, top


@njit(cache=True, nogil=True)
def fill_domain(
    region: int, indices: AnyArray, starts: LongArray, pairs: LongArray, begins: LongArray, domain: AnyArray
) -> int:
    """Write the voxels of the cells of ``region`` and of its neighbours to ``domain``; return how many."""
    n: int = starts[region + 1] - starts[region]
    for i in range(n):
        domain[i] = indices[starts[region] + i]
    for j in range(begins[region], begins[region + 1]):
        for i in range(starts[pairs[j]], starts[pairs[j] + 1]):
            domain[n] = indices[i]
            n += 1
    return n


@njit(cache=True, nogil=True)
def mark_domain(domain: AnyArray, count: int, bits: np.uint32, fore: AnyArray, back: AnyArray, owner: AnyArray) -> None:
    """Give the first ``count`` voxels of ``domain`` these bits in both sets of states, and no owner."""
    for i in range(count):
        p = domain[i]
        fore[p] = back[p] = bits | (fore[p] & GREY)
        owner[p] = 0


@njit(cache=True, nogil=True)
def grown(out: LongArray, used: int, more: int) -> LongArray:
    """Return ``out`` with room for ``more`` entries after the first ``used``."""
    if used + more <= out.size:
        return out
    larger = np.empty(2 * (used + more), np.int64)
    for i in range(used):
        larger[i] = out[i]
    return larger


@njit(cache=True, nogil=True)
def barrier_cut(
    image: UInt8Array, cells: IntArray, seeds: LongArray, pairs: LongArray, begins: LongArray
) -> tuple[LongArray, LongArray, BoolArray]:
    """Return the contour of the barrier cut of every region, each against the seeds of its neighbours.

    A voxel is foreground when its distance to the region's seed is strictly below that to the neighbours' seeds; the
    region is the face-connected foreground that holds the seed; its contour is the set of voxels outside that touch
    it by a face. Both fronts stay in the region's domain: its own cell and its neighbours'.

    Args:
        image: grey values, (D, H, W).
        cells: (D, H, W), c + 1 in the cell of region c; where it is 1 everywhere, every domain is the whole image.
        seeds: C-order index of the seed of region c.
        pairs: the neighbours of region c, ``pairs[begins[c]:begins[c + 1]]``, in ascending order of their seeds.
        begins: where the neighbours of region c begin in ``pairs``; one more entry than regions.

    Returns:
        The contours as ascending C-order indices, one after the other; where each begins; and per region whether it is
        certain that the propagation over the whole image gives the same: no front stood at the border of the domain
        before the last voxel of the region and of its contour was decided.
    """
    depth, height, width = image.shape
    first, z_stride, y_stride, size = padded_strides(depth, height, width)
    offsets = face_offsets(depth, z_stride, y_stride)
    fore, back = new_states(image, CLOSED), new_states(image, CLOSED)
    fore_queue, back_queue = empty_queue(2 * LEVELS), empty_queue(2 * LEVELS)
    stamp = np.zeros(size, np.int32)
    for at in range(size):
        if fore[at] == DONE:
            stamp[at] = -1
    owner = np.zeros(size, np.int16)
    whole = True
    for cell in cells.flat:
        whole = whole and cell == 1
    indices, starts = sort_by_cell(cells, 1 if whole else seeds.size)
    domain, region = np.empty(image.size, np.uint32), np.empty(image.size, np.uint32)
    contour = np.empty(image.size, np.uint32)
    out = np.empty(1024, np.int64)
    used: Any = np.int64(0)
    label: Any = np.int64(0)
    ends = np.zeros(seeds.size + 1, np.int64)
    certain = np.ones(seeds.size, np.bool_)
    for c in range(seeds.size):
        if begins[c] < begins[c + 1]:
            if whole:
                n_domain = indices.size
                for i in range(n_domain):
                    domain[i] = indices[i]
            else:
                n_domain = fill_domain(c, indices, starts, pairs, begins, domain)
            mark_domain(domain, n_domain, UNSEEN, fore, back, owner)
            reset(fore_queue[2], fore_queue[1].size)
            reset(back_queue[2], back_queue[1].size)
            seed = padded_index(seeds[c], depth, height, width)
            fore_queue = add_seed(fore, fore_queue, seed, label)
            for j in range(begins[c], begins[c + 1]):
                back_queue = add_seed(back, back_queue, padded_index(seeds[pairs[j]], depth, height, width), label)
            escape, (fore_queue, back_queue) = race(fore, back, (fore_queue, back_queue), owner, n_domain, offsets)
            n_contour, top = region_and_contour(seed, owner, stamp, c + 1, offsets, region, contour)
            certain[c] = escape == LEVELS or top < escape
            mark_domain(domain, n_domain, CLOSED, fore, back, owner)
            out = grown(out, used, n_contour)
            for i in range(n_contour):
                p = np.int64(contour[i]) - first
                z, rest = p // z_stride, p % z_stride
                out[used + i] = (z * height + rest // y_stride) * width + rest % y_stride
            out[used : used + n_contour].sort()
            used += n_contour
        ends[c + 1] = used
    return out[:used], ends, certain
