# SPDX-License-Identifier: Apache-2.0
"""Minimum barrier distance by front propagation: one seed set, and all seeds at once.

The barrier of a path is the difference between the largest and the smallest grey value on it, and the minimum barrier
distance (MBD) of a voxel is the least barrier of all paths from a seed (BALoss paper, Eq. 1-3). Front propagation keeps
one (max, min) pair per voxel, that of the path by which the front reached it. Because a path with a smaller barrier so
far is not always the better beginning of a longer path, the result is an upper bound of the exact distance.

The image has 256 grey levels, hence 256 first-in-first-out buckets make the propagation linear in the number of voxels.
A voxel's (max, min) pair is only overwritten when the new cost is strictly smaller; the voxel is then queued again, in
a lower bucket, and its old entry is recognised by the voxel being done.

What costs time is waiting for memory and mispredicted branches, so:

* all that a look at a neighbour needs is one state of four bytes, and one comparison decides what becomes of it;
* a bucket is a chain of chunks of entries that are read and written in sequence (a list linked through the voxels would
  make every step wait for the one before), and the states around entries that come soon are asked for ahead;
* indices are unsigned, which spares numba's check for negative ones.

Every function takes a volume (D, H, W); an image is a volume with D = 1. Numba's on-disk cache does not notice a change
of a callee in another file: after a change of the queue or the padding, remove this folder's ``__pycache__``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from monai_boundary._typing import AnyArray, BoolArray, IntArray, LongArray, UInt8Array
from monai_boundary.kernels.bucket_queue import (
    CHUNK,
    LEFT,
    LEVELS,
    READ,
    ROOM,
    SHIFT,
    WITHIN,
    Queue,
    U,
    empty_queue,
    give_back,
    push,
    with_room,
)
from monai_boundary.kernels.padding import face_offsets, padded_index, padded_strides
from monai_boundary.kernels.prefetch import prefetch

# A voxel's state: done (1 bit), outside of the domain (1), unused (5), max (9), grey value (8), min (8). A voxel that
# no front has seen has max 256 and min 0, so that every cost is smaller than its own. A voxel that is done may hold
# something else, a label.
DONE = U(1 << 31)  # taken from its bucket for good, or padding, or outside
OUTSIDE = U(1 << 30)  # in the image, but not in the domain of this propagation
UNSEEN = U(256 << 16)
CLOSED = U((1 << 31) | (1 << 30))  # done and outside
MAX_BITS, BYTE, GREY = U(511), U(255), U(255 << 8)
EVERYTHING, NOTHING = U((1 << 31) - 1), U(0)

AHEAD = U(4)  # entries between asking for a state and reading it
VOXEL = 0xFFFFFFFF  # the part of an entry that is the voxel; the label is above it


@njit(cache=True, nogil=True)
def new_states(image: UInt8Array, bits: np.uint32) -> AnyArray:
    """Return the states of the padded ``image`` with ``bits`` at every voxel; padding is DONE."""
    depth, height, width = image.shape
    first, z_stride, y_stride, size = padded_strides(depth, height, width)
    states = np.full(size, DONE, np.uint32)
    for z in range(depth):
        for y in range(height):
            row = first + z * z_stride + y * y_stride
            for x in range(width):
                states[row + x] = bits | (U(image[z, y, x]) << U(8))
    return states


@njit(cache=True, nogil=True)
def add_seed(states: AnyArray, queue: Queue, index: int, label: int) -> Queue:
    """Append a seed to bucket 0 with its own grey value as max and min; return the queue, perhaps a larger one."""
    entries, chain, books = with_room(queue)
    p = U(index)
    grey = (states[p] >> U(8)) & BYTE
    states[p] = (grey << U(16)) | (grey << U(8)) | grey
    push(entries, chain, books, U(0), index | (np.int64(label) << 32))
    return entries, chain, books


@njit(cache=True, nogil=True)
def drain(
    states: AnyArray, queue: Queue, level: np.uint32, offsets: LongArray, keep: np.uint32, owner: AnyArray, mark: int
) -> tuple[int, np.uint32]:
    """Do the work of :func:`drain_level` until the bucket is empty or the queue full.

    Returns:
        How many voxels were marked; and all bits that any neighbour had.
    """
    entries, chain, books = queue
    count, seen = 0, U(0)
    at = books[READ + level]
    while at != books[level] and books[LEFT] > ROOM:
        entry = entries[at]
        soon = entries[(at & ~WITHIN) | ((at + AHEAD) & WITHIN)] & VOXEL  # may be old or never written: only a hint
        prefetch(states, soon)
        for k in range(offsets.size - 2):
            prefetch(states, soon + offsets[k])
        at += U(1)
        if at & WITHIN == 0:
            chunk = (at - U(1)) >> SHIFT
            at = chain[chunk] << SHIFT
            give_back(chain, books, chunk)
        p = U(entry & VOXEL)
        state = states[p]
        if state & DONE:
            continue  # it was queued again at a smaller cost, and taken then
        states[p] = DONE | (state & keep) | U(entry >> 32)
        if mark != 0 and owner[p] == 0:
            owner[p] = mark
            count += 1
        p_max, p_min = (state >> U(16)) & MAX_BITS, state & BYTE
        for k in range(offsets.size):
            q = U(np.int64(p) + offsets[k])
            state = states[q]
            seen |= state
            grey = (state >> U(8)) & BYTE
            q_max, q_min = max(p_max, grey), min(p_min, grey)
            cost = q_max - q_min
            old = np.int64((state >> U(16)) & MAX_BITS) - np.int64(state & BYTE)
            if np.int64(cost) < old * np.int64(U(1) - (state >> U(31))):
                states[q] = (q_max << U(16)) | (grey << U(8)) | q_min
                push(entries, chain, books, cost, np.int64(q) | (entry & ~VOXEL))
    books[READ + level] = at
    return count, seen


@njit(cache=True, nogil=True)
def drain_level(
    states: AnyArray, queue: Queue, level: int, offsets: LongArray, keep: np.uint32, owner: AnyArray, mark: int
) -> tuple[Queue, int, bool]:
    """Take every voxel from bucket ``level`` in order and relax its face neighbours.

    A voxel taken keeps the bits ``keep`` of its state and gets its label. If ``mark`` is not 0, it is also written to
    ``owner`` where that is still 0.

    Returns:
        The queue, perhaps a larger one; how many voxels were marked; and whether one of the voxels taken has a
        neighbour in the image but outside the domain.
    """
    bucket, books, count, seen = U(level), queue[2], 0, U(0)
    while books[READ + bucket] != books[bucket]:
        queue = with_room(queue)
        more, bits = drain(states, queue, bucket, offsets, keep, owner, mark)
        count, seen = count + more, seen | bits
    give_back(queue[1], books, books[bucket] >> SHIFT)  # nothing is ever added to this bucket again
    return queue, count, seen & OUTSIDE != 0


@njit(cache=True, nogil=True)
def queue_for(size: int) -> Queue:
    """Return an empty queue with room for the fronts seen in ``size`` voxels of a prediction; in noise it grows."""
    return empty_queue(LEVELS + 16 + size // CHUNK // 2)


@njit(cache=True, nogil=True)
def close(states: AnyArray, domain: BoolArray) -> None:
    """Make the voxels outside of a domain as padding is: no front goes there."""
    depth, height, width = domain.shape
    first, z_stride, y_stride, _ = padded_strides(depth, height, width)
    for z in range(depth):
        for y in range(height):
            row = first + z * z_stride + y * y_stride
            for x in range(width):
                if not domain[z, y, x]:
                    states[row + x] = DONE


@njit(cache=True, nogil=True)
def propagate(states: AnyArray, shape: Any, seeds: LongArray, labels: IntArray, keep: np.uint32) -> None:
    """Propagate once from all ``seeds`` (C-order indices) over an image of this shape, whose new states these are."""
    depth, height, width = shape
    _, z_stride, y_stride, size = padded_strides(depth, height, width)
    offsets = face_offsets(depth, z_stride, y_stride)
    queue = queue_for(size)
    for s in range(seeds.size):
        label: Any = np.int64(labels[s])
        queue = add_seed(states, queue, padded_index(seeds[s], depth, height, width), label)
    nobody = np.zeros(1, np.int16)
    mark: Any = np.int64(0)  # as in a race: numba compiles a function once more for a literal number
    for level in range(LEVELS):
        queue, _, _ = drain_level(states, queue, level, offsets, keep, nobody, mark)


@njit(cache=True, nogil=True)
def barrier_distance(image: UInt8Array, seeds: LongArray) -> UInt8Array:
    """Return the front-propagation MBD of every voxel to the set of ``seeds``.

    Args:
        image: grey values, (D, H, W).
        seeds: C-order indices of the seed voxels, at least one, ascending, none twice.
    """
    depth, height, width = image.shape
    first, z_stride, y_stride, _ = padded_strides(depth, height, width)
    states = new_states(image, UNSEEN)
    propagate(states, image.shape, seeds, np.zeros(seeds.size, np.int32), EVERYTHING)
    out = np.empty(image.shape, np.uint8)
    for z in range(depth):
        for y in range(height):
            row = first + z * z_stride + y * y_stride
            for x in range(width):
                state = states[row + x]
                out[z, y, x] = ((state >> U(16)) & MAX_BITS) - (state & BYTE)
    return out


@njit(cache=True, nogil=True)
def barrier_partition(image: UInt8Array, seeds: LongArray, labels: IntArray, domain: BoolArray | None) -> IntArray:
    """Return for every voxel the label of the seed whose front reached it first, all fronts moving at once.

    Args:
        image: grey values, (D, H, W).
        seeds: C-order indices of the seed voxels, at least one, ascending, none twice.
        labels: the label of each seed, not negative.
        domain: where fronts go, (D, H, W), with all seeds in it; the rest is 0. Everywhere if there is none.
    """
    depth, height, width = image.shape
    first, z_stride, y_stride, _ = padded_strides(depth, height, width)
    states = new_states(image, UNSEEN)
    if domain is not None:
        close(states, domain)
    propagate(states, image.shape, seeds, labels, NOTHING)
    out = np.empty(image.shape, np.int32)
    for z in range(depth):
        for y in range(height):
            row = first + z * z_stride + y * y_stride
            for x in range(width):
                state = states[row + x]
                out[z, y, x] = (state & EVERYTHING) if state & DONE else 0  # where no front came, it is not done
    return out
