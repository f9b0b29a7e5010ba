# SPDX-License-Identifier: Apache-2.0
"""Watershed and barrier partition, voxel by voxel: the smallest state first, as the definition has it."""

from __future__ import annotations

import itertools

import numpy as np


def front_states(image, seeds, domain, climb):
    """Return (cost, steps, largest, label) of each voxel that a front reaches; ``seeds`` has their labels."""

    def neighbours(voxel):
        for axis, step in itertools.product(range(image.ndim), (-1, 1)):
            other = list(voxel)
            other[axis] += step
            if 0 <= other[axis] < image.shape[axis] and domain[tuple(other)]:
                yield tuple(other)

    def offers(voxel):
        """By what the voxel chooses, and what it gets."""
        grey = int(image[voxel])
        for other in neighbours(voxel):
            if other in settled:
                cost, steps, largest, label = settled[other]
                high, low = max(largest, grey), min(largest - cost, grey)
                there = high - low
                state = (there, steps + 1 if there == cost else 0, high, label)
                yield (there, cost, steps, high, label), state

    start = {
        tuple(map(int, s)): (int(image[tuple(s)]) if climb else 0, 0, int(image[tuple(s)]), int(seeds[tuple(s)]))
        for s in np.argwhere(seeds)
    }
    settled = {}
    while True:
        reached = {}
        for voxel in np.ndindex(image.shape):
            if domain[voxel] and voxel not in settled:
                best = (None, start[voxel]) if voxel in start else min(offers(voxel), default=None)
                if best is not None:
                    reached[voxel] = best[1]
        if not reached:
            return settled
        least = min(state[:2] for state in reached.values())
        settled.update({voxel: state for voxel, state in reached.items() if state[:2] == least})
