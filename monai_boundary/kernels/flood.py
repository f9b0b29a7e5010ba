# SPDX-License-Identifier: Apache-2.0
"""Watershed and barrier partition as one front propagation, whose result no order of visits decides.

Every front carries the largest and the smallest grey value of its path, as those of ``barrier``; the cost of a voxel is
their difference. A watershed is the same with 0 for the smallest: its cost is the highest grey on the way.

The state of a voxel is (cost, steps, largest, label), where the steps are counted from where the front last had to pay.
A voxel takes, of all that its neighbours offer, the smallest cost; of equal ones that of the neighbour with fewer cost,
then steps; and of those the smaller largest grey, then label. So what a voxel is follows from the states of its
neighbours alone, every state is greater than the one it comes from, and there is but one solution: by induction from
the smallest state on. It is found in one pass from the seeds; or part by part, where each part takes the states at the
faces of its neighbours for further sources, until none of them changes.

Voxels of one cost and one number of steps, a generation, are taken together. Which of two fronts of the same generation
comes first must not matter, hence every voxel keeps the generation that reached it (its stamp).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from monai_boundary._typing import AnyArray, BoolArray, IntArray, LongArray, UInt8Array
from monai_boundary.kernels.barrier import AHEAD, BYTE, DONE, MAX_BITS, UNSEEN, close, new_states, queue_for
from monai_boundary.kernels.bucket_queue import (
    LEFT,
    LEVELS,
    READ,
    ROOM,
    SHIFT,
    WITHIN,
    Queue,
    U,
    give_back,
    push,
    with_room,
)
from monai_boundary.kernels.padding import face_offsets, padded_index, padded_strides
from monai_boundary.kernels.prefetch import prefetch

LABEL, STAMP = 0, 1
COST, STEPS = 0, 1


class Fronts(NamedTuple):
    """States of voxels: largest and smallest grey value of the path, steps since it last cost more, and label, 0: none.

    Arrays of one shape: uint8, uint8, int32, int32.
    """

    largest: AnyArray
    smallest: AnyArray
    steps: AnyArray
    labels: AnyArray


@njit(cache=True, nogil=True)
def flood(
    image: UInt8Array,
    domain: BoolArray,
    seeds: LongArray,
    labels: IntArray,
    places: LongArray,
    sources: Fronts,
    climb: bool,
    per_section: bool,
) -> tuple[AnyArray, IntArray, IntArray]:
    """Flood the domain from its seeds and from sources outside.

    Args:
        image: grey values, (D, H, W).
        domain: where fronts go, (D, H, W), with all seeds in it.
        seeds: C-order indices of the seed voxels, none twice.
        labels: the label of each seed, above 0.
        places: C-order indices of voxels that a source outside touches, in the order of the sources' cost, then steps.
        sources: the state of each.
        climb: the cost is the largest grey of the path (watershed), not what it is above the smallest.
        per_section: fronts stay in their section.

    Returns:
        What :func:`flood_labels` and :func:`fronts_at` read: states and marks of the padded voxels, and the
        generations.
    """
    depth, height, width = image.shape
    _, z_stride, y_stride, size = padded_strides(depth, height, width)
    offsets = face_offsets(1 if per_section else depth, z_stride, y_stride)
    states = new_states(image, UNSEEN)
    close(states, domain)
    marks = np.zeros((size, 2), np.int32)
    queue = queue_for(size)
    for s in range(seeds.size):
        p = U(padded_index(seeds[s], depth, height, width))
        grey = (states[p] >> U(8)) & BYTE
        states[p] = (grey << U(16)) | (grey << U(8)) | (U(0) if climb else grey)
        marks[p, LABEL] = labels[s]
        queue = with_room(queue)
        push(queue[0], queue[1], queue[2], grey if climb else U(0), np.int64(p))
    generations = np.zeros((LEVELS, 2), np.int32)
    stamp, at = 1, 0
    for level in range(LEVELS):
        bucket, books, steps = U(level), queue[2], np.int64(0)
        while True:
            more = at < places.size and np.int64(sources.largest[at]) - np.int64(sources.smallest[at]) == level
            end = books[bucket]
            if books[READ + bucket] == end:
                if not more:
                    break
                steps = np.int64(sources.steps[at])
            if stamp == len(generations):
                longer = np.zeros((2 * stamp, 2), np.int32)
                longer[:stamp] = generations
                generations = longer
            generations[stamp, COST], generations[stamp, STEPS] = level, steps
            while at < places.size and _at(sources, at, level, steps):
                queue = with_room(queue)
                q = U(padded_index(places[at], depth, height, width))
                offer(
                    states, marks, queue, q, U(sources.largest[at]), U(sources.smallest[at]), sources.labels[at], stamp
                )
                at += 1
            while books[READ + bucket] != end:
                queue = with_room(queue)
                drain_generation(states, marks, queue, bucket, end, offsets, stamp)
            stamp, steps = stamp + 1, steps + np.int64(1)
        give_back(queue[1], books, books[bucket] >> SHIFT)  # nothing is ever added to this bucket again
    return states, marks, generations


@njit(cache=True, nogil=True)
def _at(sources: Fronts, k: int, level: int, steps: int | np.int64) -> bool:
    cost = np.int64(sources.largest[k]) - np.int64(sources.smallest[k])
    return bool(cost == level and sources.steps[k] == steps)


@njit(cache=True, nogil=True)
def offer(
    states: AnyArray,
    marks: IntArray,
    queue: Queue,
    q: np.uint32,
    largest: np.uint32,
    smallest: np.uint32,
    label: int,
    stamp: int,
) -> None:
    """Offer a voxel the state that a front of this generation would give it; there must be room in the queue."""
    state = states[q]
    if state & DONE:
        return
    grey = (state >> U(8)) & BYTE
    high, low = max(largest, grey), min(smallest, grey)
    before = (state >> U(16)) & MAX_BITS
    cost, old = high - low, before - (state & BYTE)
    if cost < old:
        push(queue[0], queue[1], queue[2], cost, np.int64(q))
    elif cost != old or marks[q, STAMP] != stamp or high > before or (high == before and marks[q, LABEL] <= label):
        return  # else it is in that bucket already
    states[q] = (high << U(16)) | (grey << U(8)) | low
    marks[q, LABEL], marks[q, STAMP] = label, stamp


@njit(cache=True, nogil=True)
def drain_generation(
    states: AnyArray, marks: IntArray, queue: Queue, bucket: np.uint32, end: np.uint32, offsets: LongArray, stamp: int
) -> None:
    """Take the voxels of a generation from its bucket, up to the position ``end`` or until the queue is full."""
    entries, chain, books = queue
    at = books[READ + bucket]
    # as in `barrier.drain`, which would take half as long again with a function for what both do first
    while at != end and books[LEFT] > ROOM:
        entry = entries[at]
        soon = entries[(at & ~WITHIN) | ((at + AHEAD) & WITHIN)] & 0xFFFFFFFF  # perhaps never written: only a hint
        prefetch(states, soon)
        for k in range(offsets.size - 2):
            prefetch(states, soon + offsets[k])
        at += U(1)
        if at & WITHIN == 0:
            chunk = (at - U(1)) >> SHIFT
            at = chain[chunk] << SHIFT
            give_back(chain, books, chunk)
        p = U(entry)
        state = states[p]
        if state & DONE:
            continue  # it was queued again at a smaller cost, and taken then
        states[p] = DONE | state
        largest, smallest, label = (state >> U(16)) & MAX_BITS, state & BYTE, marks[p, LABEL]
        for k in range(offsets.size):
            offer(states, marks, queue, U(np.int64(p) + offsets[k]), largest, smallest, label, stamp)
    books[READ + bucket] = at


@njit(cache=True, nogil=True)
def flood_labels(marks: IntArray, labels: IntArray) -> None:
    """Write the label of every voxel, 0 where no front came.

    Args:
        marks: of :func:`flood`.
        labels: int32, (D, H, W), is overwritten.
    """
    depth, height, width = labels.shape
    first, z_stride, y_stride, _ = padded_strides(depth, height, width)
    for z in range(depth):
        for y in range(height):
            row = first + z * z_stride + y * y_stride
            for x in range(width):
                labels[z, y, x] = marks[row + x, LABEL]


@njit(cache=True, nogil=True)
def fronts_at(
    states: AnyArray, marks: IntArray, generations: IntArray, places: LongArray, shape: tuple[int, ...]
) -> tuple[UInt8Array, UInt8Array, IntArray, IntArray]:
    """Return the states of some voxels, as :class:`Fronts` has them.

    Args:
        states: of :func:`flood`.
        marks: of :func:`flood`.
        generations: of :func:`flood`.
        places: C-order indices.
        shape: of the image.
    """
    depth, height, width = shape
    largest, smallest = np.zeros(places.size, np.uint8), np.zeros(places.size, np.uint8)
    steps, labels = np.zeros(places.size, np.int32), np.zeros(places.size, np.int32)
    for k in range(places.size):
        p = padded_index(places[k], depth, height, width)
        if marks[p, LABEL] == 0:
            continue
        largest[k], smallest[k] = (states[p] >> U(16)) & MAX_BITS, states[p] & BYTE
        labels[k], stamp = marks[p, LABEL], marks[p, STAMP]
        if stamp and generations[stamp, COST] == np.int64(largest[k]) - np.int64(smallest[k]):
            steps[k] = generations[stamp, STEPS] + 1
    return largest, smallest, steps, labels
