# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from monai_boundary.volumes.block_distance import near_map

SPACING = (12.0, 4.0, 5.0)


@pytest.mark.parametrize("per_section", [False, True])
def test_the_core_has_what_the_whole_has(per_section: bool, rng: np.random.Generator) -> None:
    """By brute force: the nearest box of the other side, or the radius."""
    inside = rng.random((5, 7, 8)) < 0.5
    inside[:, :3] = True
    radius, core = 14.0, (slice(1, 4), slice(2, 6), slice(0, 5))
    places = np.stack(np.meshgrid(*map(np.arange, inside.shape), indexing="ij"), -1).reshape(-1, 3)
    way = np.maximum(np.abs(places[:, None] - places) - 0.5, 0) * SPACING
    other = inside.reshape(-1)[:, None] != inside.reshape(-1)
    if per_section:
        other &= places[:, None, 0] == places[:, 0]
    way[..., 0] *= not per_section
    far = np.where(other, np.sqrt((way**2).sum(-1)), np.inf).min(1).clip(max=radius).reshape(inside.shape)
    sizes = (None if per_section else SPACING[0], *SPACING[1:])
    found = near_map(inside, core, sizes, radius)
    np.testing.assert_allclose(found, np.where(inside, -far, far)[core], rtol=1e-6)
    assert found.dtype == np.float32


def test_without_a_border_it_is_the_radius() -> None:
    whole = (slice(0, 2),) * 3
    for value in (False, True):
        found = near_map(np.full((2, 2, 2), value), whole, SPACING, 7.0)
        assert (found == (-7 if value else 7)).all()


def test_a_ball_is_measured_to_its_faces() -> None:
    """SciPy measures to the centre of the nearest voxel of the other side: half a voxel more, or half its diagonal."""
    grid = np.stack(np.meshgrid(*[np.arange(-8, 9)] * 3, indexing="ij"))
    ball = (grid**2).sum(0) <= 30
    found = near_map(ball, (slice(0, 17),) * 3, (1.0, 1.0, 1.0), 6.0)
    centres = ndimage.distance_transform_edt(ball) + ndimage.distance_transform_edt(~ball)
    near = centres < 6
    assert (np.abs(found)[near] <= centres[near] - 0.5 + 1e-6).all()
    assert (np.abs(found)[near] >= centres[near] - 0.5 * np.sqrt(3) - 1e-6).all()
    assert ((found < 0) == ball).all()
