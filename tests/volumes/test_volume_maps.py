# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_boundary.data import read_em_source
from monai_boundary.ops import signed_distance_map
from monai_boundary.volumes import map_volume
from tests.volumes.conftest import cells, few_blocks
from tests.volumes.test_volume_segmentation import bytes_of
from tests.zarr_stores import chunk_file

SPACING = (12.0, 4.0, 5.0)


@pytest.mark.parametrize("seed", range(20))
def test_as_in_memory_up_to_the_radius(seed: int, tmp_path: Path, store: Callable[..., str], client: Any) -> None:
    rng = np.random.default_rng(seed)
    labels = cells(rng, tuple(rng.integers(4, 24, 3).tolist())).astype(np.uint16)
    values, per_section = ((), (1, 2, 7))[seed % 2], seed % 5 == 4
    inside = np.isin(labels, values) if values else labels > 0
    radius = float(rng.uniform(3, 40))
    block = few_blocks(rng, labels.shape) if seed else None
    path = store("l", labels)
    options: dict[str, Any] = {"radius_nm": radius, "values": values, "per_section": per_section}
    options |= {"spacing": SPACING, "block": block}
    result = map_volume(path, tmp_path / "out", **options, workers=1 + seed % 2)
    map_volume(path, tmp_path / "cluster", **options, cluster=client)
    assert bytes_of(tmp_path / "cluster") == bytes_of(tmp_path / "out")
    found, geometry = read_em_source(result.store)
    assert geometry.spacing == SPACING
    whole = signed_distance_map(inside, SPACING, section_axis=0 if per_section else None)
    expected = np.where(whole == 0, np.where(inside, -radius, radius), np.clip(whole, -radius, radius))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.dtype == np.float32


def test_in_processes_and_float16(tmp_path: Path, store: Callable[..., str], client: Any) -> None:
    labels = np.zeros((9, 9, 9), np.uint8)
    labels[4, 4, 4:] = 1
    options: dict[str, Any] = {"radius_nm": 9, "block": 5, "dtype": "float16", "regions": True}
    path = store("l", labels, attributes={"resolution": [8, 4, 4]})
    result = map_volume(path, tmp_path / "out", cluster=client, **options)
    map_volume(path, tmp_path / "threads", workers=2, **options)
    stores = [f"{name}.zarr" for name in ("distance", "regions", "seeds")]
    assert all(bytes_of(tmp_path / "out" / name) == bytes_of(tmp_path / "threads" / name) for name in stores)
    found, _ = read_em_source(result.store)
    assert found.dtype == np.float16
    # a row of voxels from x = 4 on: half a voxel inside, 2 nm off its end, 4 nm above it, clipped to 9
    assert found[4, 4].tolist() == [9, 9, 6, 2, -2, -2, -2, -2, -2]
    assert found[3:6, 4, 6].tolist() == [4, -2, 4]
    assert found[4, :3, 8].tolist() == [9, 9, 6]


@pytest.mark.parametrize("value", [0, 3])
def test_without_any_border(value: int, tmp_path: Path, store: Callable[..., str]) -> None:
    path = store("l", np.full((5, 6, 7), value, np.uint8))
    found, _ = read_em_source(map_volume(path, tmp_path / "out", radius_nm=7, spacing=4, block=3).store)
    assert (found == (-7 if value else 7)).all()


def test_bad_input(tmp_path: Path, store: Callable[..., str]) -> None:
    path = store("l", np.zeros((4, 4, 4), np.uint8))
    for options, words in [
        ({"radius_nm": 0.0, "spacing": 1}, "`radius_nm` needs a finite number > 0"),
        ({"radius_nm": 4.0}, r"`spacing` needs 3 entries .* for a radius in nm"),
        ({"radius_nm": 4.0, "spacing": 1, "dtype": "uint8"}, "`dtype` needs one of 'float32', 'float16'"),
    ]:
        with pytest.raises(ValueError, match=words):
            map_volume(path, tmp_path / "out", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_what_failed_is_named(tmp_path: Path, store: Callable[..., str]) -> None:
    path = Path(store("l", np.zeros((16, 4, 4), np.uint8)))
    chunk_file(path, 1, 0, 0).unlink()
    result = map_volume(path, tmp_path / "out", radius_nm=1, spacing=4, block=4)
    assert result.store is None
    assert [failure.block.index for failure in result.failed] == [2, 3], "those of the lost chunk"
    assert not (tmp_path / "out" / "distance.zarr").exists()
