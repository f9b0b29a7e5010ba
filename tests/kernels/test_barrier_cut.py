# SPDX-License-Identifier: Apache-2.0
"""The cut of every region against its definition, compiled and as Python."""

from __future__ import annotations

import numpy as np
import pytest

from monai_boundary.kernels import barrier_cut as kernels
from tests.kernels.conftest import volume
from tests.oracles import barrier as oracle


def scene(rng, shape, number, levels=12):
    """Return image, cells, seeds by region, and the neighbour lists of a random partition of the image into boxes."""
    image = rng.integers(0, levels, shape, dtype=np.uint8)
    seeds = np.sort(rng.choice(image.size, size=number, replace=False)).astype(np.int64)
    points = np.stack(np.unravel_index(seeds, shape), axis=1)
    grid = np.stack(np.indices(shape), axis=-1)[..., None, :]
    cells = (np.abs(grid - points).sum(-1).argmin(-1) + 1).astype(np.int32)
    touching = np.zeros((number, number), bool)
    for axis in range(len(shape)):
        along = np.moveaxis(cells, axis, 0)
        touching[along[1:].ravel() - 1, along[:-1].ravel() - 1] = True
    touching = (touching | touching.T) & ~np.eye(number, dtype=bool)
    pairs = np.nonzero(touching)[1].astype(np.int64)
    begins = np.concatenate([[0], touching.sum(1).cumsum()]).astype(np.int64)
    return image, cells, seeds, pairs, begins


@pytest.mark.parametrize("shape", [(9, 11), (4, 5, 6)])
@pytest.mark.parametrize("whole", [False, True])
def test_the_cut_of_every_region_equals_the_definition(run, rng, shape, whole):
    image, cells, seeds, pairs, begins = scene(rng, shape, number=6)
    domain = np.ones_like(cells) if whole else cells
    voxels, ends, _ = run(kernels.barrier_cut, volume(image), volume(domain), seeds, pairs, begins)
    seed_map = np.zeros(shape, np.int32)
    seed_map.flat[seeds] = np.arange(1, seeds.size + 1)
    for c in range(seeds.size):
        neighbours = pairs[begins[c] : begins[c + 1]] + 1
        _, contour = oracle.cut(image, seed_map, cells, neighbours, c + 1, whole)
        np.testing.assert_array_equal(voxels[ends[c] : ends[c + 1]], np.flatnonzero(contour))


def test_where_the_cut_is_certain_the_whole_image_gives_the_same(rng):
    certain_ones, differing = 0, 0
    for _ in range(40):
        image, cells, seeds, pairs, begins = scene(rng, (24, 24), number=12, levels=40)
        # Tall walls around the cells of a third of the regions close those; open ones must be seen to differ.
        walls = (np.diff(cells, axis=0, prepend=cells[:1]) != 0) | (np.diff(cells, axis=1, prepend=cells[:, :1]) != 0)
        image[walls & (rng.random(image.shape) < 0.98)] += 150
        part = kernels.barrier_cut(volume(image), volume(cells), seeds, pairs, begins)
        full = kernels.barrier_cut(volume(image), volume(np.ones_like(cells)), seeds, pairs, begins)
        for c in range(seeds.size):
            same = np.array_equal(part[0][part[1][c] : part[1][c + 1]], full[0][full[1][c] : full[1][c + 1]])
            assert same or not part[2][c]
            certain_ones += bool(part[2][c])
            differing += not same
        assert full[2].all()
    assert certain_ones > 0
    assert differing > 0


def test_a_region_without_neighbours_has_no_contour():
    image = np.zeros((1, 3, 3), np.uint8)
    voxels, ends, certain = kernels.barrier_cut(
        image, np.ones((1, 3, 3), np.int32), np.array([4]), np.zeros(0, np.int64), np.zeros(2, np.int64)
    )
    assert voxels.size == 0
    np.testing.assert_array_equal(ends, [0, 0])
    assert certain.all()
