# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from monai_boundary._typing import AnyArray
from monai_boundary.data import read_em_source
from monai_boundary.ops import membrane_to_instances
from monai_boundary.volumes import segment_volume
from monai_boundary.volumes.block_records import BlockRecords
from tests.volumes.conftest import few_blocks
from tests.volumes.test_volume_segmentation import bytes_of


def walls(rng: np.random.Generator, shape: tuple[int, ...]) -> AnyArray:
    """Walls between the cells of random points, with noise that opens some."""
    points = rng.random((max(2, int(np.prod(shape) / 900)), 3)) * shape
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    first, second = np.moveaxis(cKDTree(points).query(grid, k=2)[0], -1, 0)
    noise = ndimage.gaussian_filter(rng.standard_normal(shape), 1)
    wall: AnyArray = 0.9 * np.exp(-(((second - first) / 2) ** 2)) + 0.1 * noise / noise.std() + 0.05
    return np.clip(wall, 0, 1).astype(np.float32)


@pytest.mark.parametrize("method", ["watershed", "barrier_cut"])
@pytest.mark.parametrize("seed", range(20))
def test_as_in_memory(seed: int, method: str, tmp_path: Path, store: Callable[..., str], client: Any) -> None:
    """Number by number, also where cells are open to each other through many blocks."""
    rng = np.random.default_rng(seed)
    values = walls(rng, tuple(rng.integers(6, 15, 3).tolist()))
    if seed % 3 == 0:  # few walls
        values = values**2
    stored = (values * 255).round().astype(np.uint8) if seed % 4 else values
    shares = stored / np.float64(255) if seed % 4 else stored
    per_section, sizes = seed % 5 == 4, (10.0, 4.0, 5.0)
    kind: dict[str, Any] = {"threshold": 0.45, "seed_distance": 8.0, "spacing": sizes, "min_size": seed % 3 * 10}
    block = few_blocks(rng, values.shape)
    options: dict[str, Any] = {**kind, "method": method, "per_section": per_section, "block": block}
    path = store("m", stored, (16, 16, 16))
    expected = membrane_to_instances(shares, method, section_axis=0 if per_section else None, **kind)
    result = segment_volume(path, tmp_path / "threads", workers=1 + seed % 2, **options)
    np.testing.assert_array_equal(read_em_source(result.store)[0], expected)
    assert result.instances == expected.max()
    segment_volume(path, tmp_path / "cluster", cluster=client, **options)
    assert bytes_of(tmp_path / "cluster") == bytes_of(tmp_path / "threads")


@pytest.mark.parametrize("stops_at", [5, 14, 23])
def test_a_job_that_was_stopped_in_a_round_goes_on(
    stops_at: int, tmp_path: Path, store: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the labels of a block and its record, too: its labels are then of a round that has not been told."""
    path = store("m", walls(np.random.default_rng(13), (12, 13, 11)) ** 2)
    options: dict[str, Any] = {"method": "barrier_cut", "threshold": 0.45, "seed_distance": 2.0, "block": (6, 7, 6)}
    segment_volume(path, tmp_path / "a", **options)
    write, told = BlockRecords.write, [0]

    def stopped(self: BlockRecords, index: int, **arrays: Any) -> None:
        told[0] += "changed" in arrays
        if told[0] > stops_at:
            raise KeyboardInterrupt
        write(self, index, **arrays)

    with monkeypatch.context() as patch:
        patch.setattr(BlockRecords, "write", stopped)
        with pytest.raises(KeyboardInterrupt):
            segment_volume(path, tmp_path / "b", **options)
    assert not (tmp_path / "b" / "segmentation.zarr").exists()
    segment_volume(path, tmp_path / "b", **options)
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")


def test_a_front_through_many_blocks(tmp_path: Path, store: Callable[..., str]) -> None:
    """A tube from block to block, whose only deep voxel is far away from its end."""
    values = np.ones((5, 5, 40), np.float32)
    values[2, 2, 3:] = 0
    values[1:4, 1:4, 1:4] = 0
    options: dict[str, Any] = {"method": "watershed", "block": (5, 5, 8), "seed_distance": 2}
    found, _ = read_em_source(segment_volume(store("m", values), tmp_path / "out", **options).store)
    np.testing.assert_array_equal(found, values == 0)


@pytest.mark.parametrize(("value", "instances"), [(0, 1), (255, 0)])
@pytest.mark.parametrize("method", ["watershed", "barrier_cut"])
def test_all_of_one_phase(method: str, value: int, instances: int, tmp_path: Path, store: Callable[..., str]) -> None:
    path = store("m", np.full((9, 9, 9), value, np.uint8))
    result = segment_volume(path, tmp_path / "out", method=method, block=(5, 9, 4))
    assert result.instances == instances
    assert (read_em_source(result.store)[0] == instances).all()


def test_settings(tmp_path: Path, store: Callable[..., str]) -> None:
    path = store("m", np.zeros((4, 4, 4), np.uint8))
    for options, words in [
        ({"method": "flood"}, "`method` needs one of 'components', 'watershed', 'barrier_cut'"),
        ({"seed_distance": 4.0}, "`seed_distance` needs the method"),
        ({"method": "barrier_cut", "seed_distance": -1.0}, "`seed_distance` needs a finite number >= 0"),
    ]:
        with pytest.raises(ValueError, match=words):
            segment_volume(path, tmp_path / "out", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
