# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from monai_boundary._typing import AnyArray, BoolArray, DoubleArray
from monai_boundary.data import read_em_source
from monai_boundary.ops import membrane_to_instances
from monai_boundary.volumes import segment_volume
from monai_boundary.volumes.flood_stages import chosen_overlap
from tests.volumes.test_volume_segmentation import bytes_of

# what differs beyond this distance of a face (voxels), at most, and the share of all voxels that does, in each volume:
# measured on these volumes, whose instances are some 10 voxels wide and mostly cut by the frame or by a block
NEAR = {4: 6, 12: 1}
SHARE = {4: 0.003, 12: 0.001}


def walls(rng: np.random.Generator, shape: tuple[int, ...]) -> AnyArray:
    """Walls between the cells of random points, with noise that opens some."""
    points = rng.random((max(2, int(np.prod(shape) / 900)), 3)) * shape
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    first, second = np.moveaxis(cKDTree(points).query(grid, k=2)[0], -1, 0)
    noise = ndimage.gaussian_filter(rng.standard_normal(shape), 1)
    wall: AnyArray = 0.9 * np.exp(-(((second - first) / 2) ** 2)) + 0.1 * noise / noise.std() + 0.05
    return np.clip(wall, 0, 1).astype(np.float32)


def from_faces(shape: tuple[int, ...], block: tuple[int, ...], per_section: bool) -> DoubleArray:
    """Voxels between each voxel and the nearest face of blocks; infinite where there is none."""
    nearest = np.full(shape, np.inf)
    for axis in range(1 if per_section else 0, 3):
        at = np.arange(shape[axis])
        for face in range(block[axis], shape[axis], block[axis]):
            steps = np.where(at < face, face - 1 - at, at - face)
            nearest = np.minimum(nearest, steps.reshape([-1 if a == axis else 1 for a in range(3)]))
    return nearest


def unlike(found: AnyArray, expected: AnyArray) -> BoolArray:
    """Where an instance is another than the one that has most of it."""
    pairs, counts = np.unique(np.stack([expected.ravel(), found.ravel()]), axis=1, return_counts=True)
    order = np.argsort(counts)
    partner = np.zeros(int(expected.max()) + 1, dtype=np.int64)
    partner[pairs[0, order]] = pairs[1, order]  # the last that is written has most voxels
    return np.asarray(partner[expected] != found)


@pytest.mark.parametrize("method", ["watershed", "barrier_cut"])
@pytest.mark.parametrize("seed", range(20))
def test_only_near_faces_as_not_in_memory(
    seed: int, method: str, tmp_path: Path, store: Callable[..., str], client: Any
) -> None:
    rng = np.random.default_rng(seed)
    values = walls(rng, tuple(rng.integers(14, 32, 3).tolist()))
    stored = (values * 255).round().astype(np.uint8) if seed % 4 else values
    shares = stored / np.float64(255) if seed % 4 else stored
    per_section, sizes = seed % 5 == 4, (10.0, 4.0, 5.0)
    block = rng.integers(10, 20, 3).tolist()
    if seed % 7:
        block[seed % 3] = 32  # not cut along one axis, most of them: half as many blocks
    kind: dict[str, Any] = {"threshold": 0.45, "seed_distance": 8.0, "spacing": sizes, "min_size": seed % 3 * 10}
    options: dict[str, Any] = {**kind, "method": method, "per_section": per_section, "block": block}
    path = store("m", stored, (16, 16, 16))
    expected = membrane_to_instances(shares, method, section_axis=0 if per_section else None, **kind)
    # an overlap that sees everything: number by number
    if seed < 3:
        whole = segment_volume(path, tmp_path / "whole", overlap=40, **options)
        np.testing.assert_array_equal(read_em_source(whole.store)[0], expected)
        assert whole.instances == expected.max()
    # one as wide as an instance, or less
    overlap = 12 if seed % 2 else 4
    result = segment_volume(path, tmp_path / "threads", overlap=overlap, workers=1 + seed % 2, **options)
    segment_volume(path, tmp_path / "cluster", overlap=overlap, cluster=client, **options)
    assert bytes_of(tmp_path / "cluster") == bytes_of(tmp_path / "threads")
    found, _ = read_em_source(result.store)
    if not kind["min_size"]:
        np.testing.assert_array_equal(found > 0, expected > 0)
    other = unlike(found, expected)
    assert other.mean() <= SHARE[overlap]
    assert from_faces(values.shape, tuple(block), per_section)[other].max(initial=0) <= NEAR[overlap]


def test_a_piece_without_a_marker_goes_where_it_touches_most(tmp_path: Path, store: Callable[..., str]) -> None:
    """A tube from block to block, whose only deep voxel is far away from its end."""
    values = np.ones((5, 5, 40), np.float32)
    values[2, 2, 3:] = 0
    values[1:4, 1:4, 1:4] = 0
    options: dict[str, Any] = {"method": "watershed", "block": (5, 5, 8), "overlap": 2, "seed_distance": 2}
    found, _ = read_em_source(segment_volume(store("m", values), tmp_path / "out", **options).store)
    np.testing.assert_array_equal(found, values == 0)


@pytest.mark.parametrize(("value", "instances"), [(0, 1), (255, 0)])
@pytest.mark.parametrize("method", ["watershed", "barrier_cut"])
def test_all_of_one_phase(method: str, value: int, instances: int, tmp_path: Path, store: Callable[..., str]) -> None:
    path = store("m", np.full((9, 9, 9), value, np.uint8))
    result = segment_volume(path, tmp_path / "out", method=method, block=(5, 9, 4), overlap=3)
    assert result.instances == instances
    assert (read_em_source(result.store)[0] == instances).all()


def test_settings(tmp_path: Path, store: Callable[..., str]) -> None:
    assert chosen_overlap((1, 2, 3), (4, 4, 4), False) == (1, 2, 3)
    path = store("m", np.zeros((4, 4, 4), np.uint8))
    for options, words in [
        ({"method": "flood"}, "`method` needs one of 'components', 'watershed', 'barrier_cut'"),
        ({"overlap": 4}, "`overlap` needs the method 'watershed' or 'barrier_cut'"),
        ({"seed_distance": 4.0}, "`seed_distance` needs the method"),
        ({"method": "watershed", "overlap": (4, 4)}, "`overlap` needs 3 entries >= 0"),
        ({"method": "watershed", "overlap": -1}, "`overlap` needs 3 entries >= 0"),
        ({"method": "barrier_cut", "seed_distance": -1.0}, "`seed_distance` needs a finite number >= 0"),
    ]:
        with pytest.raises(ValueError, match=words):
            segment_volume(path, tmp_path / "out", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
