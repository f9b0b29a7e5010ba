# SPDX-License-Identifier: Apache-2.0
"""Minimum barrier distance by front propagation: one seed set, all seeds at once, and region by region.

The barrier of a path is the difference between the largest and the smallest grey value on it, and the minimum barrier
distance (MBD) of a voxel is the least barrier of all paths from a seed (BALoss paper, Eq. 1-3). Front propagation keeps
one (max, min) pair per voxel, that of the path by which the front reached it. Because a path with a smaller barrier so
far is not always the better beginning of a longer path, the result is an upper bound of the exact distance.

The image has 256 grey levels, hence 256 first-in-first-out buckets make the propagation linear in the number of voxels.
A voxel's (max, min) pair is only overwritten when the new cost is strictly smaller. A bucket is a doubly linked list
through the voxels themselves, so a voxel stands in one bucket at most and no entry is ever stale. What the inner loop
needs of a voxel is one record of four uint32 (16 bytes): status, grey value, max and min in one byte each; the label of
the seed; the next and the previous voxel in the bucket. Records are addressed by the position of their first entry;
record 0 is padding and stands for "no voxel". Unsigned positions spare numba's check for negative indices, which
was seen to cost more than half of the time.

Every function takes a volume (D, H, W); an image is a volume with D = 1. All of them live in this file because numba's
on-disk cache does not notice a change of a callee in another file.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from monai_boundary._typing import AnyArray, BoolArray, IntArray, LongArray, UInt8Array

LEVELS = 256
RECORD = 4  # entries per voxel
LABEL, NEXT, PREVIOUS = np.uint32(1), np.uint32(2), np.uint32(3)  # the first entry is the state
BYTE = np.uint32(255)

# The status of a voxel, the highest byte of its state.
DONE = np.uint32(0)  # taken from its bucket for good, or padding
UNSEEN = np.uint32(1)  # no front was here yet
QUEUED = np.uint32(2)  # in a bucket
OUTSIDE = np.uint32(3)  # in the image, but not in the domain of this propagation


@njit(cache=True, nogil=True)
def padded_strides(depth: int, height: int, width: int) -> tuple[int, int, int, int]:
    """Return (first voxel, z stride, y stride, size) of the padded volume; a single slice gets no padding along z."""
    y_stride = width + 2
    z_stride = y_stride * (height + 2)
    pad_z = 1 if depth > 1 else 0
    return pad_z * z_stride + y_stride + 1, z_stride, y_stride, z_stride * (depth + 2 * pad_z)


@njit(cache=True, nogil=True)
def face_offsets(depth: int, z_stride: int, y_stride: int) -> LongArray:
    """Return the steps between records of face neighbours, 6 in a volume and 4 in a slice, in raster order per axis."""
    if depth > 1:
        return RECORD * np.array([-z_stride, z_stride, -y_stride, y_stride, -1, 1], dtype=np.int64)
    return RECORD * np.array([-y_stride, y_stride, -1, 1], dtype=np.int64)


@njit(cache=True, nogil=True)
def new_records(image: UInt8Array, status: np.uint32) -> AnyArray:
    """Return the records of the padded ``image`` with every voxel at ``status``; padding is DONE."""
    depth, height, width = image.shape
    first, z_stride, y_stride, size = padded_strides(depth, height, width)
    records = np.zeros(RECORD * size, np.uint32)
    for z in range(depth):
        for y in range(height):
            row = RECORD * (first + z * z_stride + y * y_stride)
            for x in range(width):
                records[row + RECORD * x] = (status << np.uint32(24)) | (np.uint32(image[z, y, x]) << np.uint32(16))
    return records


@njit(cache=True, nogil=True)
def record_of(flat: int, depth: int, height: int, width: int) -> int:
    """Return the position of the record of the voxel with C-order index ``flat``."""
    first, z_stride, y_stride, _ = padded_strides(depth, height, width)
    z, rest = flat // (height * width), flat % (height * width)
    return RECORD * (first + z * z_stride + (rest // width) * y_stride + rest % width)


@njit(cache=True, nogil=True)
def add_seed(records: AnyArray, head: AnyArray, tail: AnyArray, position: int, label: int) -> None:
    """Append a seed to bucket 0 with its own grey value as max and min."""
    p = np.uint32(position)
    grey = (records[p] >> np.uint32(16)) & BYTE
    records[p] = (QUEUED << np.uint32(24)) | (grey << np.uint32(16)) | (grey << np.uint32(8)) | grey
    records[p + LABEL] = np.uint32(label)
    last = tail[0]
    records[p + NEXT] = np.uint32(0)
    records[p + PREVIOUS] = last
    if last != 0:
        records[last + NEXT] = p
    else:
        head[0] = p
    tail[0] = p


@njit(cache=True, nogil=True)
def drain_level(records: AnyArray, head: AnyArray, tail: AnyArray, level: int, offsets: LongArray) -> bool:
    """Take every voxel from bucket ``level`` in order and relax its face neighbours.

    Afterwards the taken voxels can still be visited in order: from ``head[level]`` along NEXT.

    Returns:
        Whether one of the taken voxels has a neighbour in the image but outside the domain.
    """
    escaped = False
    p = head[level]
    while p != 0:
        state = records[p]
        p_max, p_min = (state >> np.uint32(8)) & BYTE, state & BYTE
        label = records[p + LABEL]
        records[p] = state & np.uint32(0xFFFFFF)
        for k in range(offsets.size):
            q = np.uint32(np.int64(p) + offsets[k])
            state = records[q]
            status = state >> np.uint32(24)
            if status == DONE:
                continue
            if status == OUTSIDE:
                escaped = True
                continue
            grey = (state >> np.uint32(16)) & BYTE
            q_max, q_min = max(p_max, grey), min(p_min, grey)
            cost = q_max - q_min
            if status == QUEUED:
                old = ((state >> np.uint32(8)) & BYTE) - (state & BYTE)
                if cost >= old:
                    continue
                after, before = records[q + NEXT], records[q + PREVIOUS]
                if before != 0:
                    records[before + NEXT] = after
                else:
                    head[old] = after
                if after != 0:
                    records[after + PREVIOUS] = before
                else:
                    tail[old] = before
            records[q] = (QUEUED << np.uint32(24)) | (grey << np.uint32(16)) | (q_max << np.uint32(8)) | q_min
            records[q + LABEL] = label
            last = tail[cost]
            records[q + NEXT] = np.uint32(0)
            records[q + PREVIOUS] = last
            if last != 0:
                records[last + NEXT] = q
            else:
                head[cost] = q
            tail[cost] = q
        p = records[p + NEXT]
    return escaped


@njit(cache=True, nogil=True)
def propagate(image: UInt8Array, seeds: LongArray, labels: IntArray) -> AnyArray:
    """Return the records after one propagation from all ``seeds`` (C-order indices) over the whole image."""
    depth, height, width = image.shape
    _, z_stride, y_stride, _ = padded_strides(depth, height, width)
    offsets = face_offsets(depth, z_stride, y_stride)
    records = new_records(image, UNSEEN)
    head, tail = np.zeros(LEVELS, np.uint32), np.zeros(LEVELS, np.uint32)
    for s in range(seeds.size):
        add_seed(records, head, tail, record_of(seeds[s], depth, height, width), labels[s])
    for level in range(LEVELS):
        drain_level(records, head, tail, level, offsets)
    return records


@njit(cache=True, nogil=True)
def barrier_distance(image: UInt8Array, seeds: LongArray) -> UInt8Array:
    """Return the front-propagation MBD of every voxel to the set of ``seeds``.

    Args:
        image: grey values, (D, H, W).
        seeds: C-order indices of the seed voxels, at least one, ascending, none twice.
    """
    depth, height, width = image.shape
    first, z_stride, y_stride, _ = padded_strides(depth, height, width)
    records = propagate(image, seeds, np.zeros(seeds.size, np.int32))
    out = np.empty(image.shape, np.uint8)
    for z in range(depth):
        for y in range(height):
            row = RECORD * (first + z * z_stride + y * y_stride)
            for x in range(width):
                state = records[row + RECORD * x]
                out[z, y, x] = ((state >> np.uint32(8)) & BYTE) - (state & BYTE)
    return out


@njit(cache=True, nogil=True)
def barrier_partition(image: UInt8Array, seeds: LongArray, labels: IntArray) -> IntArray:
    """Return for every voxel the label of the seed whose front reached it first, all fronts moving at once.

    Args:
        image: grey values, (D, H, W).
        seeds: C-order indices of the seed voxels, at least one, ascending, none twice.
        labels: the label of each seed, not negative.
    """
    depth, height, width = image.shape
    first, z_stride, y_stride, _ = padded_strides(depth, height, width)
    records = propagate(image, seeds, labels)
    out = np.empty(image.shape, np.int32)
    for z in range(depth):
        for y in range(height):
            row = RECORD * (first + z * z_stride + y * y_stride) + 1
            for x in range(width):
                out[z, y, x] = records[row + RECORD * x]
    return out


@njit(cache=True, nogil=True)
def sort_by_cell(cells: IntArray, number: int) -> tuple[AnyArray, LongArray]:
    """Return the records' positions sorted by cell, and where cell c (1..number) begins, at ``[c - 1]``."""
    depth, height, width = cells.shape
    first, z_stride, y_stride, _ = padded_strides(depth, height, width)
    starts = np.zeros(number + 1, np.int64)
    for cell in cells.flat:
        if cell > 0:
            starts[cell] += 1
    for c in range(number):
        starts[c + 1] += starts[c]
    positions = np.empty(starts[number], np.uint32)
    fill = starts[:-1].copy()
    for z in range(depth):
        for y in range(height):
            row = RECORD * (first + z * z_stride + y * y_stride)
            for x in range(width):
                c = cells[z, y, x] - 1
                if c >= 0:
                    positions[fill[c]] = row + RECORD * x
                    fill[c] += 1
    return positions, starts


@njit(cache=True, nogil=True)
def take_over(records: AnyArray, first_taken: int, level: int, label: int, owner: AnyArray) -> int:
    """Give the voxels just taken at ``level`` that nobody owns to ``label``; return how many.

    ``owner`` holds 4 * level + label with label 1 = foreground and 2 = background; 0 is nobody.
    """
    count = 0
    p = np.uint32(first_taken)
    while p != 0:
        if owner[p >> np.uint32(2)] == 0:
            owner[p >> np.uint32(2)] = 4 * level + label
            count += 1
        p = records[p + NEXT]
    return count


@njit(cache=True, nogil=True)
def race(fore: AnyArray, back: AnyArray, queues: AnyArray, owner: AnyArray, size: int, offsets: LongArray) -> int:
    """Let both fronts run level by level, background first (so it wins ties), until ``size`` voxels are owned.

    Returns:
        The first level at which a front stood at the border of the domain; LEVELS if none did.
    """
    owned = 0
    escape = LEVELS
    for level in range(LEVELS):
        back_out = drain_level(back, queues[2], queues[3], level, offsets)
        owned += take_over(back, queues[2, level], level, 2, owner)
        fore_out = drain_level(fore, queues[0], queues[1], level, offsets)
        owned += take_over(fore, queues[0, level], level, 1, owner)
        if escape == LEVELS and (fore_out or back_out):
            escape = level
        if owned == size:
            break
    return escape


@njit(cache=True, nogil=True)
def region_and_contour(
    seed: int, owner: AnyArray, stamp: IntArray, mark: int, offsets: LongArray, region: AnyArray, contour: AnyArray
) -> tuple[int, int]:
    """Flood the foreground from ``seed`` and write the voxels that touch it from outside to ``contour``.

    ``region`` is working space. Positions are those of records.

    Returns:
        (size of the contour, highest level at which a voxel of the region or of the contour was decided); a contour
        voxel without an owner counts as level LEVELS.
    """
    n_region, n_contour, top, done = 1, 0, 0, 0
    region[0] = seed
    stamp[seed // RECORD] = mark
    while done < n_region:
        p = region[done]
        done += 1
        top = max(top, owner[p // RECORD] >> 2)
        for k in range(offsets.size):
            q = np.int64(p) + offsets[k]
            i = q // RECORD
            if stamp[i] == mark or stamp[i] < 0:
                continue
            stamp[i] = mark
            if owner[i] & 3 == 1:
                region[n_region] = q
                n_region += 1
            else:
                contour[n_contour] = q
                n_contour += 1
                top = max(top, owner[i] >> 2 if owner[i] else LEVELS)
    return n_contour, top


@njit(cache=True, nogil=True)
def fill_domain(
    region: int, positions: AnyArray, starts: LongArray, pairs: LongArray, begins: LongArray, domain: AnyArray
) -> int:
    """Write the voxels of the cells of ``region`` and of its neighbours to ``domain``; return how many."""
    n: int = starts[region + 1] - starts[region]
    domain[:n] = positions[starts[region] : starts[region + 1]]
    for j in range(begins[region], begins[region + 1]):
        size = starts[pairs[j] + 1] - starts[pairs[j]]
        domain[n : n + size] = positions[starts[pairs[j]] : starts[pairs[j] + 1]]
        n += size
    return n


@njit(cache=True, nogil=True)
def mark_domain(
    domain: AnyArray, count: int, status: np.uint32, fore: AnyArray, back: AnyArray, owner: AnyArray
) -> None:
    """Give the first ``count`` voxels of ``domain`` a status in both sets of records, and no owner."""
    for i in range(count):
        p = domain[i]
        fore[p] = (fore[p] & np.uint32(0xFFFFFF)) | (status << np.uint32(24))
        back[p] = (back[p] & np.uint32(0xFFFFFF)) | (status << np.uint32(24))
        owner[p >> np.uint32(2)] = 0


@njit(cache=True, nogil=True)
def grown(out: LongArray, used: int, more: int) -> LongArray:
    """Return ``out`` with room for ``more`` entries after the first ``used``."""
    if used + more <= out.size:
        return out
    larger = np.empty(2 * (used + more), np.int64)
    larger[:used] = out[:used]
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
        begins: see ``pairs``.

    Returns:
        The contours as ascending C-order indices, one after the other; where each begins; and per region whether it is
        certain that the propagation over the whole image gives the same: no front stood at the border of the domain
        before the last voxel of the region and of its contour was decided.
    """
    depth, height, width = image.shape
    first, z_stride, y_stride, size = padded_strides(depth, height, width)
    offsets = face_offsets(depth, z_stride, y_stride)
    fore, back = new_records(image, OUTSIDE), new_records(image, OUTSIDE)
    stamp = np.where(fore[::RECORD] == 0, np.int32(-1), np.int32(0))
    owner = np.zeros(size, np.int16)
    whole = cells.min() == 1 and cells.max() == 1
    positions, starts = sort_by_cell(cells, 1 if whole else seeds.size)
    domain, region, contour = np.empty((3, image.size), np.uint32)
    out, used = np.empty(1024, np.int64), 0
    ends = np.zeros(seeds.size + 1, np.int64)
    certain = np.ones(seeds.size, np.bool_)
    for c in range(seeds.size):
        if begins[c] < begins[c + 1]:
            if whole:
                domain[:] = positions
                n_domain = positions.size
            else:
                n_domain = fill_domain(c, positions, starts, pairs, begins, domain)
            mark_domain(domain, n_domain, UNSEEN, fore, back, owner)
            queues = np.zeros((4, LEVELS), np.uint32)
            seed = record_of(seeds[c], depth, height, width)
            add_seed(fore, queues[0], queues[1], seed, 0)
            for j in range(begins[c], begins[c + 1]):
                add_seed(back, queues[2], queues[3], record_of(seeds[pairs[j]], depth, height, width), 0)
            escape = race(fore, back, queues, owner, n_domain, offsets)
            n_contour, top = region_and_contour(seed, owner, stamp, c + 1, offsets, region, contour)
            certain[c] = escape == LEVELS or top < escape
            mark_domain(domain, n_domain, OUTSIDE, fore, back, owner)
            out = grown(out, used, n_contour)
            for i in range(n_contour):
                p = np.int64(contour[i]) // RECORD - first
                z, rest = p // z_stride, p % z_stride
                out[used + i] = (z * height + rest // y_stride) * width + rest % y_stride
            out[used : used + n_contour].sort()
            used += n_contour
        ends[c + 1] = used
    return out[:used], ends, certain
