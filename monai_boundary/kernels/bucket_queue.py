# SPDX-License-Identifier: Apache-2.0
"""A queue of 256 first-in-first-out buckets, drained from the lowest on, of entries that are one integer each.

A bucket is a chain of chunks in one pool, so that it is written and read in sequence; a chunk that was read to its end
is used again. Whoever pushes asks for room first (:func:`with_room`), so that the inner loop never allocates.

Indices are unsigned, which spares numba's check for negative ones.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numba import njit

from monai_boundary._typing import AnyArray, LongArray

LEVELS = 256
U = np.uint32

# A queue: entries; the chunk that follows each chunk; and the books: for each bucket where the next entry is written
# (its position is the bucket's number) and where the next one is read, the first chunk given back (0: none), the first
# chunk never used, and how many chunks are left.
Queue: TypeAlias = tuple[LongArray, AnyArray, AnyArray]
READ, FREED, UNUSED, LEFT = U(LEVELS), U(2 * LEVELS), U(2 * LEVELS + 1), U(2 * LEVELS + 2)
SHIFT = U(6)
CHUNK = 1 << 6  # entries
WITHIN = U(CHUNK - 1)
ROOM = 6  # entries that one step may push, at most one new chunk each


@njit(cache=True, nogil=True)
def empty_queue(chunks: int) -> Queue:
    """Return an empty queue of ``chunks`` chunks; each bucket begins with one of them, and chunk 0 is "none"."""
    books = np.empty(2 * LEVELS + 3, np.uint32)
    reset(books, chunks)
    return np.empty(chunks * CHUNK, np.int64), np.zeros(chunks, np.uint32), books


@njit(cache=True, nogil=True)
def reset(books: AnyArray, chunks: int) -> None:
    """Empty all buckets."""
    for level in range(LEVELS):
        books[level] = books[LEVELS + level] = (level + 1) * CHUNK
    books[FREED], books[UNUSED], books[LEFT] = 0, LEVELS + 1, chunks - LEVELS - 1


@njit(cache=True, nogil=True)
def with_room(queue: Queue) -> Queue:
    """Return the queue itself if ``ROOM`` more entries find room in it, else one of twice the size.

    Raises:
        OverflowError: if a position in it would need more than 32 bits.
    """
    entries, chain, books = queue
    if books[LEFT] > ROOM:
        return queue
    chunks = chain.size
    if chunks * CHUNK >= 2**31:  # positions have 32 bits
        raise OverflowError("The barrier's queue would need more than 2**32 entries: cut the image into blocks.")
    larger, longer = np.empty(2 * chunks * CHUNK, np.int64), np.zeros(2 * chunks, np.uint32)
    for at in range(entries.size):  # an assignment of arrays takes numba seconds, with the checks of their shapes
        larger[at] = entries[at]
    for chunk in range(chunks):
        longer[chunk] = chain[chunk]
    books[LEFT] += chunks
    return larger, longer, books


@njit(cache=True, nogil=True)
def add_chunk(chain: AnyArray, books: AnyArray, full: np.uint32) -> np.uint32:
    """Return where the chunk begins that now follows the chunk ``full``. The caller sees to it that one is left."""
    chunk = books[FREED]
    if chunk != 0:
        books[FREED] = chain[chunk]
    else:
        chunk = books[UNUSED]
        books[UNUSED] = chunk + U(1)
    books[LEFT] -= U(1)
    chain[full] = chunk
    return U(chunk << SHIFT)


@njit(cache=True, nogil=True)
def push(entries: LongArray, chain: AnyArray, books: AnyArray, level: np.uint32, entry: int | np.int64) -> None:
    """Append ``entry`` to the bucket ``level``.

    The rare step is a function of its own, so that this one is small enough to become part of the inner loop.
    """
    at = books[level]
    entries[at] = entry
    at += U(1)
    books[level] = at if at & WITHIN else add_chunk(chain, books, (at - U(1)) >> SHIFT)


@njit(cache=True, nogil=True)
def give_back(chain: AnyArray, books: AnyArray, chunk: np.uint32) -> None:
    """Make a chunk that was read to its end free again."""
    chain[chunk] = books[FREED]
    books[FREED] = chunk
    books[LEFT] += U(1)
