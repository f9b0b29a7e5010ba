# SPDX-License-Identifier: Apache-2.0
"""The bucket queue against plain Python queues: order, reuse of chunks, growth."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from monai_boundary.kernels import bucket_queue as kernels

U = np.uint32


def drained(queue, level, number, give_back):
    """Take ``number`` entries from a bucket, as the propagation does."""
    entries, chain, books = queue
    at, out = U(books[kernels.READ + U(level)]), []
    while len(out) < number and at != books[level]:
        out.append(int(entries[at]))
        at += U(1)
        if at & kernels.WITHIN == 0:
            chunk = (at - U(1)) >> kernels.SHIFT
            at = U(chain[chunk] << kernels.SHIFT)
            give_back(chain, books, chunk)
    books[kernels.READ + U(level)] = at
    return out


@pytest.mark.parametrize("compiled", [True, False])
def test_entries_come_out_in_order_while_chunks_are_reused_and_the_pool_grows(rng, compiled):
    empty_queue, with_room, push, give_back = (
        f if compiled else f.py_func for f in (kernels.empty_queue, kernels.with_room, kernels.push, kernels.give_back)
    )
    chunks = kernels.LEVELS + 10
    queue = empty_queue(chunks)
    expected = {level: deque() for level in (0, 3, 255)}
    sizes = []
    for turn in range(60):
        for value in range(200):
            level = int(rng.choice([0, 3, 255]))
            queue = with_room(queue)
            push(*queue, U(level), turn << 40 | value)
            expected[level].append(turn << 40 | value)
        level = (0, 3, 255)[turn % 3]
        number = 550 if turn > 10 else 30
        got = drained(queue, level, number, give_back)
        assert got == [expected[level].popleft() for _ in range(len(got))]
        assert len(got) == number or not expected[level]
        sizes.append(queue[1].size)
    assert sizes[0] == chunks
    assert sizes[-1] in (2 * chunks, 4 * chunks), "it grew"
    assert len(set(sizes[20:])) == 1, "and then used its chunks again"
    for level, rest in expected.items():
        assert drained(queue, level, 10**6, give_back) == list(rest)


def test_a_reset_queue_is_empty_and_has_all_its_chunks():
    queue = kernels.empty_queue(kernels.LEVELS + 20)
    left = int(queue[2][kernels.LEFT])
    for entry in range(500):
        kernels.push(*queue, U(7), entry)
    assert queue[2][kernels.LEFT] < left
    kernels.reset(queue[2], queue[1].size)
    assert queue[2][kernels.LEFT] == left
    assert drained(queue, 7, 1, kernels.give_back) == []
