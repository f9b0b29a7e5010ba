# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from monai.data import CacheDataset
from monai.transforms import Compose, RandomizableTransform, Transform

from monai_boundary.workflows import LoadedDataset


class Read(Transform):
    """Reads items; the first cannot be read, and those after it take their time."""

    def __init__(self, broken: int = 0) -> None:
        self.broken = broken
        self.read: list[int] = []

    def __call__(self, item: int) -> int:
        if item == self.broken:
            raise ValueError("`image` needs finite values.")
        time.sleep(0.05)
        self.read.append(item)
        return item * 10


class Noisy(RandomizableTransform):
    def __call__(self, value: int) -> int:
        return value + 1


@pytest.mark.parametrize("workers", [1, 3, None])
def test_no_thread_works_on_after_an_error(workers: int | None) -> None:
    before, read = threading.active_count(), Read()
    with pytest.raises(RuntimeError, match="applying transform"):
        LoadedDataset(list(range(20)), Compose([read]), progress=False, num_workers=workers)
    assert threading.active_count() == before
    done = len(read.read)
    time.sleep(0.2)
    assert len(read.read) == done < 19


@pytest.mark.parametrize("workers", [1, 3])
def test_the_same_items_as_monai(workers: int) -> None:
    def items(kind: type[CacheDataset], **options: Any) -> list[int]:
        made = kind(list(range(5)), Compose([Read(broken=-1), Noisy()]), progress=False, **options)
        return [made[k] for k in range(len(made))]

    expected = [1, 11, 21, 31, 41]
    assert items(LoadedDataset, num_workers=workers) == items(CacheDataset) == expected
    assert items(LoadedDataset, num_workers=workers, cache_num=2) == expected
    assert items(LoadedDataset, cache_rate=0.0) == expected
