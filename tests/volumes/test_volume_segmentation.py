# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from monai_boundary._typing import AnyArray
from monai_boundary.data import open_em_stack, read_em_source
from monai_boundary.ops import membrane_to_instances, remove_small_regions
from monai_boundary.volumes import segment_volume
from monai_boundary.volumes.block_components import BlockComponents
from monai_boundary.volumes.global_ids import WriteIds
from tests.volumes.conftest import few_blocks


def membrane(rng: np.random.Generator, shape: tuple[int, ...] | None = None) -> AnyArray:
    """Smooth noise: components of all sizes, that wind through many blocks."""
    shape = tuple(rng.integers(3, 24, 3).tolist()) if shape is None else shape
    smooth = ndimage.gaussian_filter(rng.random(shape), 0.7)
    return ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("seed", range(20))
def test_as_in_memory(seed: int, tmp_path: Path, store: Callable[..., str], client: Any) -> None:
    rng = np.random.default_rng(seed)
    values = membrane(rng)
    block = few_blocks(rng, values.shape) if seed else None  # the first is of one block
    min_size, per_section, threshold = int(seed % 3) * 4, seed % 5 == 4, (0.35, 0.5, 0.6)[seed % 3]
    stored = (values * 255).round().astype(np.uint8) if seed % 2 else values
    path = store("m", stored, (5, 7, 16))
    kind: dict[str, Any] = {"threshold": threshold, "min_size": min_size, "per_section": per_section}
    options: dict[str, Any] = {**kind, "block": block, "spacing": (40, 4, 4)}
    result = segment_volume(path, tmp_path / "out", **options, workers=1 + seed % 2)
    segment_volume(path, tmp_path / "cluster", **options, cluster=client)
    assert bytes_of(tmp_path / "cluster") == bytes_of(tmp_path / "out")
    found, geometry = read_em_source(result.store)
    assert geometry.spacing == (40, 4, 4)
    # SciPy's components of the whole volume, in another order perhaps; then our own function, number by number
    cell = stored / 255.0 < threshold if seed % 2 else stored < np.float32(threshold)
    structure = ndimage.generate_binary_structure(3, 1)
    structure[[0, 2]] &= not per_section
    expected = remove_small_regions(ndimage.label(cell, structure)[0], min_size)
    pairs = np.unique(np.stack([found.ravel(), expected.ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(found)) == len(np.unique(expected))
    assert ((pairs == 0).sum(0) != 1).all()
    shares = (stored / np.float64(255)) if seed % 2 else stored
    own = membrane_to_instances(shares, threshold=threshold, min_size=min_size, section_axis=0 if per_section else None)
    np.testing.assert_array_equal(found, own)
    assert (result.instances, found.dtype) == (own.max(), np.uint32)


def test_in_processes(tmp_path: Path, store: Callable[..., str], client: Any, rng: np.random.Generator) -> None:
    path = store("m", membrane(rng, (20, 20, 20)))
    segment_volume(path, tmp_path / "a", block=7, workers=2)
    result = segment_volume(path, tmp_path / "b", block=7, cluster=client)
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
    assert sorted(p.name for p in (tmp_path / "b").iterdir()) == [
        "manifest.json",
        "segmentation.json",
        "segmentation.zarr",
    ]
    about = json.loads((tmp_path / "b" / "segmentation.json").read_text())
    assert (about["instances"], about["removed"]) == (result.instances, 0)
    assert segment_volume(path, tmp_path / "b", block=7) == result, "a finished job is not done again"


@pytest.mark.parametrize(("value", "instances"), [(0, 1), (255, 0)])
def test_all_of_one_phase(value: int, instances: int, tmp_path: Path, store: Callable[..., str]) -> None:
    path = store("m", np.full((9, 9, 9), value, np.uint8))
    result = segment_volume(path, tmp_path / "out", block=(2, 9, 4))
    assert result.instances == instances
    found, _ = read_em_source(result.store)
    assert (found == instances).all()
    with open_em_stack(result.store) as stack:
        box = tuple(slice(0, n) for n in stack.shape)
        assert stack.absent_chunks is not None
        assert stack.absent_chunks(box) == [], "chunks of zeros are written, too"


def test_what_failed_is_named(tmp_path: Path, store: Callable[..., str]) -> None:
    values = np.full((16, 8, 8), 0.2, np.float32)
    values[9, 1, 1] = 7
    result = segment_volume(store("m", values), tmp_path / "out", block=8)
    assert result.store is None
    assert [failure.block.index for failure in result.failed] == [1]
    assert "needs values in [0, 1], got 0.2 to 7" in result.failed[0].error
    assert not (tmp_path / "out" / "segmentation.zarr").exists()


@pytest.mark.parametrize("stage", [BlockComponents, WriteIds])
def test_a_disk_that_was_full_for_a_while(
    stage: type, tmp_path: Path, store: Callable[..., str], monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    path = store("m", membrane(rng, (16, 16, 16)))
    segment_volume(path, tmp_path / "a", block=8)
    work = stage.__call__

    def full(self: Any, block: Any) -> None:
        if block.index > 4:
            raise OSError(28, "No space left on device")
        work(self, block)

    with monkeypatch.context() as patch:
        patch.setattr(stage, "__call__", full)
        result = segment_volume(path, tmp_path / "b", block=8)
    assert [failure.block.index for failure in result.failed] == [5, 6, 7]
    assert "No space left" in result.failed[0].error
    assert segment_volume(path, tmp_path / "b", block=8).failed == ()
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")


def test_bad_input(tmp_path: Path, store: Callable[..., str]) -> None:
    path = store("m", np.zeros((4, 4, 4), np.uint8))
    for options, words in [
        ({"threshold": 0.0}, r"`threshold` needs a probability in \(0, 1\]"),
        ({"min_size": -1}, "`min_size` needs a whole number of voxels >= 0"),
        ({"block": 0}, "`block` needs 3 entries >= 1"),
    ]:
        with pytest.raises(ValueError, match=words):
            segment_volume(path, tmp_path / "out", **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"`membrane` needs floats in .* got int16"):
        segment_volume(store("i", np.zeros((4, 4, 4), np.int16)), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    segment_volume(path, tmp_path / "out")
    with pytest.raises(ValueError, match=r"other settings.threshold"):
        segment_volume(path, tmp_path / "out", threshold=0.4)
