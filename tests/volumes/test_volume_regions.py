# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_boundary.data import read_em_source
from monai_boundary.ops import label_regions, region_seeds
from monai_boundary.volumes import map_volume
from tests.volumes.conftest import cells, few_blocks

SPACING = (12.0, 4.0, 5.0)


@pytest.mark.parametrize("seed", range(20))
def test_regions_and_seeds_as_in_memory(seed: int, tmp_path: Path, store: Callable[..., str]) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(3, 20, 3).tolist())
    labels = cells(rng, shape, 6).astype(np.uint64) % 4  # an id in several pieces
    labels[(rng.random(shape) < 0.05) | (labels == 3)] = 0
    labels[labels == 2] = 2**40
    values, per_section = ((), (1, 2**40))[seed % 2], seed % 5 == 4
    kept = np.where(np.isin(labels, values), labels, 0) if values else labels
    axis = 0 if per_section else None
    small = np.unique(kept, return_inverse=True)[1].reshape(shape) if 0 in kept else kept  # ids that fit int32
    regions = label_regions(small, section_axis=axis)
    result = map_volume(
        store("l", labels),
        tmp_path / "out",
        radius_nm=200,
        regions=True,
        values=values,
        per_section=per_section,
        spacing=SPACING,
        block=few_blocks(rng, shape) if seed else None,
        workers=1 + seed % 2,
    )
    found, geometry = read_em_source(result.regions)
    np.testing.assert_array_equal(found, regions)
    assert geometry.spacing == SPACING
    np.testing.assert_array_equal(read_em_source(result.seeds)[0], region_seeds(regions, SPACING, section_axis=axis))


def test_a_region_deeper_than_the_radius_has_its_first_voxel_of_that_depth(
    tmp_path: Path, store: Callable[..., str]
) -> None:
    labels = np.zeros((1, 1, 30), np.uint8)
    labels[0, 0, 2:25], labels[0, 0, 27:] = 1, 2
    result = map_volume(store("l", labels), tmp_path / "out", radius_nm=4, regions=True, spacing=1, block=(1, 1, 7))
    seeds = read_em_source(result.seeds)[0][0, 0]
    # the other is cut by the frame, which bounds nothing: its last voxel is 3 from the boundary
    assert {int(k): int(seeds[k]) for k in np.flatnonzero(seeds)} == {5: 1, 29: 2}


def test_a_region_without_a_boundary_has_its_seed_in_the_middle(tmp_path: Path, store: Callable[..., str]) -> None:
    path = store("l", np.full((3, 6, 8), 7, np.uint8))
    for per_section, places in [(False, [[1, 3, 4]]), (True, [[0, 3, 4], [1, 3, 4], [2, 3, 4]])]:
        options: dict[str, Any] = {"radius_nm": 4, "regions": True, "spacing": 1, "block": 3}
        result = map_volume(path, tmp_path / str(per_section), per_section=per_section, **options)
        assert np.argwhere(read_em_source(result.seeds)[0]).tolist() == places
