# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from monai_boundary.volumes.block_grid import BlockGrid
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.grey_statistics import GreyMoments, merged_moments, save_grey_scale, section_moments
from monai_boundary.volumes.volume_source import open_volume
from monai_boundary.workflows import NormalizeSectionsd


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_sections_are_normalised_as_the_bundle_does(
    dtype: type, tmp_path: Path, store: Callable[..., str], rng: np.random.Generator
) -> None:
    values = rng.normal(100, 20, (5, 17, 12)).astype(dtype)
    values[3] = dtype(0.1) if dtype is np.float32 else 9  # constant, by a number that is rounded
    source, records = open_volume(store("a", values)), BlockRecords(tmp_path / "greys")
    grid = BlockGrid(values.shape, (2, 8, 5), (0, 0, 0))
    work = GreyMoments(source, records)
    for block in grid:
        work(block)
    moments = section_moments(records, grid)
    np.testing.assert_allclose(moments[:, 1], values.astype(np.float64).mean((1, 2)))
    scale = save_grey_scale(tmp_path / "scale.npy", 5, moments, "section", "")
    expected = NormalizeSectionsd("image")({"image": torch.from_numpy(values.astype(np.float32))[None]})["image"][0]
    np.testing.assert_allclose(scale.of(values[1:4], slice(1, 4)), expected[1:4], atol=1e-5)
    volume = save_grey_scale(tmp_path / "volume.npy", 5, moments, "volume", "").of(values, slice(0, 5))
    whole = values.astype(np.float64)
    np.testing.assert_allclose(volume, (whole - whole.mean()) / whole.std(), atol=1e-5)


def test_shares_and_values_as_they_are(tmp_path: Path) -> None:
    values = np.array([[[0, 51, 255]]], np.uint8)
    share = save_grey_scale(tmp_path / "a.npy", 1, None, "share", "uint8").of(values, slice(0, 1))
    np.testing.assert_allclose(share, [[[0, 0.2, 1]]])
    same = save_grey_scale(tmp_path / "b.npy", 1, None, "none", "uint8").of(values, slice(0, 1))
    assert same.tolist() == [[[0, 51, 255]]]


def test_parts_put_together(rng: np.random.Generator) -> None:
    parts = [rng.normal(5, 2, n) for n in (3, 1, 7)]
    moments = np.array([[p.size, p.mean(), p.var() * p.size] for p in parts])
    together = np.concatenate(parts)
    np.testing.assert_allclose(merged_moments(moments), [11, together.mean(), together.var() * 11])


def test_what_is_not_finite_is_named(tmp_path: Path, store: Callable[..., str]) -> None:
    values = np.zeros((3, 2, 2))
    values[1, 0, 0] = np.inf
    work = GreyMoments(open_volume(store("a", values)), BlockRecords(tmp_path / "greys"))
    with pytest.raises(ValueError, match="`image` needs finite values, got NaN or infinity in section 1"):
        work(BlockGrid((3, 2, 2), (3, 2, 2), (0, 0, 0))[0])
