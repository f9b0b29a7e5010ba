# SPDX-License-Identifier: Apache-2.0
"""The flood against the slow oracle, whole and in two parts that tell each other of their fronts."""

from __future__ import annotations

import numpy as np
import pytest

from monai_boundary.kernels import flood as kernels
from tests.oracles.floods import front_states

NOWHERE = np.zeros(0, np.int64)


def fronts(states=()):
    """Fronts of (cost, steps, largest, label)."""
    cost, steps, largest, labels = np.array(states, np.int64).reshape(-1, 4).T
    return kernels.Fronts(
        largest.astype(np.uint8), (largest - cost).astype(np.uint8), steps.astype(np.int32), labels.astype(np.int32)
    )


def flooded(run, image, domain, seeds, climb, per_section=False, places=NOWHERE, sources=()):
    """The state of each voxel that has one, and the labels."""
    flat = np.flatnonzero(seeds)
    found = run(
        kernels.flood,
        *(image, domain, flat, seeds.flat[flat], places, fronts(sources), climb, per_section),
    )
    labels = np.full(image.shape, -1, np.int32)
    run(kernels.flood_labels, found[1], labels)
    parts = run(kernels.fronts_at, *found, np.arange(image.size), image.shape)
    states = {
        voxel: (int(high) - int(low), int(steps), int(high), int(label))
        for voxel, high, low, steps, label in zip(np.ndindex(image.shape), *parts, strict=True)
        if label
    }
    np.testing.assert_array_equal(labels.ravel(), parts[3])
    return states


def drawn(rng, shape, high):
    """An image, a domain and three seeds in it."""
    image, domain = rng.integers(0, high, shape).astype(np.uint8), rng.random(shape) < 0.85
    seeds = np.zeros(shape, np.int32)
    seeds.flat[rng.choice(np.flatnonzero(domain), 3, replace=False)] = [2, 3, 1]
    return image, domain, seeds


@pytest.mark.parametrize("climb", [True, False])
@pytest.mark.parametrize("high", [3, 12, 256])
def test_the_states_are_those_of_the_oracle(run, rng, high, climb):
    for shape in [(1, 6, 7), (3, 4, 5), (2, 2, 5)]:
        image, domain, seeds = drawn(rng, shape, high)
        assert flooded(run, image, domain, seeds, climb) == front_states(image, seeds, domain, climb)


@pytest.mark.parametrize("climb", [True, False])
def test_sections_alone(run, rng, climb):
    image, domain, seeds = drawn(rng, (3, 4, 5), 5)
    found = flooded(run, image, domain, seeds, climb, per_section=True)
    expected = {}
    for k in range(3):
        states = front_states(image[k], seeds[k], domain[k], climb)
        expected |= {(k, *voxel): state for voxel, state in states.items()}
    assert found == expected


@pytest.mark.parametrize("climb", [True, False])
def test_a_part_with_the_fronts_at_its_face_is_as_in_the_whole(run, rng, climb):
    for high in (3, 20):
        image, domain, seeds = drawn(rng, (2, 4, 8), high)
        whole = front_states(image, seeds, domain, climb)
        behind = {(z, y): whole[z, y, 3] for z, y in np.ndindex(2, 4) if (z, y, 3) in whole and domain[z, y, 4]}
        order = sorted(behind, key=lambda place: behind[place][:2])
        part = flooded(
            run,
            *(np.ascontiguousarray(values[:, :, 4:]) for values in (image, domain, seeds)),
            climb,
            places=np.array([z * 16 + y * 4 for z, y in order], np.int64),
            sources=[behind[place] for place in order],
        )
        assert part == {(z, y, x - 4): state for (z, y, x), state in whole.items() if x >= 4}


def test_many_generations_and_voxels(rng):
    """The queue and the list of generations grow."""
    image = np.zeros((1, 150, 300), np.uint8)
    image[0, ::2] = 9
    image[0, 0::4, -1] = image[0, 2::4, 0] = 0  # one way through all rows
    domain = image < 9
    seeds = np.zeros(image.shape, np.int32)
    seeds[0, 1, 0] = 5
    found = kernels.flood(image, domain, np.flatnonzero(seeds), np.array([5], np.int32), NOWHERE, fronts(), True, False)
    last = np.flatnonzero(domain)[-1:]
    _, _, steps, label = kernels.fronts_at(*found, last, image.shape)
    assert label[0] == 5
    assert steps[0] > 20_000
    every = np.arange(image.size)
    noise = rng.integers(0, 256, image.shape).astype(np.uint8)
    all_in = np.ones(image.shape, bool)
    found = kernels.flood(noise, all_in, every, (every + 1).astype(np.int32), NOWHERE, fronts(), False, False)
    labels = np.empty(image.shape, np.int32)
    kernels.flood_labels(found[1], labels)
    np.testing.assert_array_equal(labels.ravel(), every + 1)
