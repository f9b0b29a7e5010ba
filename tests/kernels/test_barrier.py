# SPDX-License-Identifier: Apache-2.0
"""Front propagation against recorded values and the plain-queue oracle, compiled and as Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_boundary.kernels import barrier as kernels
from tests.kernels.conftest import volume
from tests.oracles import barrier as oracle

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


@pytest.mark.parametrize("k", [0, 1])
def test_the_distance_is_that_of_the_recorded_fault_free_propagation(run, k):
    golden = np.load(GOLDEN / "mbd_distance.npz")
    distance = run(kernels.barrier_distance, volume(golden["img"][k]), np.flatnonzero(golden["seed"][k]))
    np.testing.assert_array_equal(distance[0], golden["oracle_clean"][k])


@pytest.mark.parametrize("shape", [(7, 9), (1, 1), (1, 6), (4, 5, 6), (2, 3, 1), (3, 1, 4)])
def test_distance_and_partition_equal_the_oracle(run, rng, shape):
    for high in (3, 256):
        image = rng.integers(0, high, shape, dtype=np.uint8)
        seeds = np.zeros(shape, np.int32)
        seeds.flat[rng.choice(image.size, size=min(3, image.size), replace=False)] = [5, 2, 9][: min(3, image.size)]
        flat = np.flatnonzero(seeds)
        distance, label = oracle.front_distance(image, seeds)
        np.testing.assert_array_equal(
            run(kernels.barrier_distance, volume(image), flat).reshape(shape), distance.astype(np.uint8)
        )
        parts = run(kernels.barrier_partition, volume(image), flat, seeds.flat[flat], None)
        np.testing.assert_array_equal(parts.reshape(shape), label)


@pytest.mark.parametrize("shape", [(9, 11), (4, 5, 6)])
def test_fronts_stay_in_their_domain(run, rng, shape):
    image = rng.integers(0, 9, shape, dtype=np.uint8)
    domain = rng.random(shape) < 0.7
    seeds = np.where(domain & (rng.random(shape) < 0.1), np.arange(1, image.size + 1).reshape(shape), 0)
    flat = np.flatnonzero(seeds)
    labels = seeds.flat[flat].astype(np.int32)
    parts = run(kernels.barrier_partition, volume(image), flat, labels, volume(domain))
    np.testing.assert_array_equal(parts.reshape(shape), oracle.front_distance(image, seeds, domain)[1])
    assert len(np.unique(parts)) > 3


def test_the_queue_grows_when_all_voxels_wait_in_it(rng):
    shape = (200, 200)  # 40 000 entries at once; the queue begins with room for about half of them
    image = rng.integers(0, 256, shape, dtype=np.uint8)
    seeds = np.arange(1, image.size + 1, dtype=np.int32).reshape(shape)
    parts = kernels.barrier_partition(volume(image), np.arange(image.size), seeds.ravel(), None)
    np.testing.assert_array_equal(parts[0], seeds)
    assert not kernels.barrier_distance(volume(image), np.arange(image.size)).any()
    few = np.where(rng.random(shape) < 0.3, seeds, 0)
    flat = np.flatnonzero(few)
    distance, label = oracle.front_distance(image, few)
    np.testing.assert_array_equal(kernels.barrier_distance(volume(image), flat)[0], distance)
    np.testing.assert_array_equal(kernels.barrier_partition(volume(image), flat, few.flat[flat], None)[0], label)


def test_a_later_but_cheaper_path_replaces_a_queued_one():
    # The right-hand 5 is queued at cost 5 from the seed above it, then improved to cost 0 by the 5 beside it.
    image = np.array([[[5, 5], [0, 5]]], dtype=np.uint8)
    np.testing.assert_array_equal(
        kernels.barrier_distance(image, np.array([2])), np.array([[[5, 5], [0, 5]]], dtype=np.uint8)
    )
    np.testing.assert_array_equal(
        kernels.barrier_distance(image, np.array([0, 2])), np.array([[[0, 0], [0, 0]]], dtype=np.uint8)
    )


def test_the_whole_range_of_grey_values_is_one_barrier():
    image = np.array([[[0, 255, 0]]], dtype=np.uint8)
    np.testing.assert_array_equal(kernels.barrier_distance(image, np.array([0]))[0, 0], [0, 255, 255])
