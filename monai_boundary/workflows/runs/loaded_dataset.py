# SPDX-License-Identifier: Apache-2.0
"""A data set in memory that leaves no thread behind when an item cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from monai.data import CacheDataset

from monai_boundary.workflows.runs.processes import is_distributed, made_together


class LoadedDataset(CacheDataset):
    """MONAI's ``CacheDataset``, filled by threads that have ended before it returns or raises.

    ``CacheDataset`` fills itself in a ``ThreadPool``. If an item raises, the thread goes on with the others while the
    process ends; Python then stops it in the middle of PyTorch's or numba's code, which ends the process with
    ``terminate called without an active exception`` and exit code 134 in place of the error's. With one worker, the
    default, no thread is needed.

    Of a training by several processes, each loads its share of the items and sends them to the others, so that maps
    are computed once.

    Args:
        data: items.
        transform: what is before its first random transform is kept.
        cache_num: the most items that are kept; the others are loaded when they are asked for.
        cache_rate: the largest share of the items that is kept, 0..1.
        num_workers: threads that load, where there is one process; None takes one for each core.
        progress: not shown.
        copy_cache: give a copy of what is kept to the random transforms, which may write to it.
        as_contiguous: keep arrays contiguous.
        hash_as_key: keep equal items once, found by a hash of the item.
        hash_func: the hash.
        runtime_cache: keep an item when it is first asked for: ``"threads"``, ``"processes"`` or a list to keep it in;
            False loads all at once.

    Example:
        >>> from monai.transforms import Compose
        >>> len(LoadedDataset([{"a": 1}, {"a": 2}], Compose([]), progress=False))
        2
    """

    def _fill_cache(self, indices: Sequence[int] | None = None) -> list[Any]:
        wanted = range(self.cache_num) if indices is None else indices
        if self.num_workers == 1 or is_distributed():
            return made_together(self._load_cache_item, wanted)
        pool = ThreadPoolExecutor(self.num_workers)
        try:
            return list(pool.map(self._load_cache_item, wanted))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
