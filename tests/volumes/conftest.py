# SPDX-License-Identifier: Apache-2.0
"""Stores to work on, and one cluster of two processes for all that need one."""

from __future__ import annotations

import multiprocessing.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_boundary._typing import AnyArray
from monai_boundary.volumes.block_runs import local_client
from tests.zarr_stores import make_array


@pytest.fixture
def store(tmp_path: Path) -> Callable[..., str]:
    """Return what writes an array as a Zarr store with every chunk, and returns its path."""

    def write(name: str, array: AnyArray, chunks: tuple[int, ...] = (8, 8, 8), **options: Any) -> str:
        path = tmp_path / f"{name}.zarr"
        make_array(path, data=array, chunks=np.minimum(chunks, array.shape), **options)
        return str(path)

    return write


@pytest.fixture(scope="session")
def client() -> Iterator[Any]:
    """Return the client of a LocalCluster of two processes."""
    with (
        pytest.MonkeyPatch.context() as patch
    ):  # multiprocessing removes its folder itself, after pytest has removed ours
        patch.delenv("TMPDIR", raising=False)
        patch.setattr("tempfile.tempdir", None)
        multiprocessing.util.get_temp_dir()
    with local_client(2) as client:
        yield client


def few_blocks(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape of blocks of which a volume has at most eight: two along each axis, or three, two and one."""
    parts = [2, 2, 2] if rng.random() < 0.5 else rng.permutation([3, 2, 1])
    return tuple(int(rng.integers(-(-n // k), n + 1)) for n, k in zip(shape, parts, strict=True))


def cells(rng: np.random.Generator, shape: tuple[int, ...], number: int = 12) -> AnyArray:
    """Return ids of the nearest of some points: pieces that cross blocks."""
    points = rng.random((number, len(shape))) * shape
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    nearest: AnyArray = ((grid[..., None, :] - points) ** 2).sum(-1).argmin(-1)
    return nearest
