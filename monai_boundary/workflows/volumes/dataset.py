# SPDX-License-Identifier: Apache-2.0
"""A data set of volumes, or of their slices: what is the same in every epoch is computed once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.data import Dataset, PersistentDataset
from monai.data.utils import pickle_hashing
from monai.transforms import Compose, Randomizable, apply_transform

from monai_boundary._validation import check_choice, check_positive
from monai_boundary.data.output_files import check_output_folder
from monai_boundary.workflows.runs.loaded_dataset import LoadedDataset
from monai_boundary.workflows.runs.processes import is_distributed, made_on_node

CACHES = ("memory", "disk", "none")


class SliceDataset(Dataset):
    """A map-style data set over the items of lists: item ``i`` is the ``i % count``-th of the ``i // count``-th list.

    A transform that gives several samples of a case (``SlicesAroundd``) makes a list of each; MONAI's loader puts all
    of a list into one batch. This takes them apart, so that they are shuffled over the cases.

    Args:
        data: gives a list of ``count`` items for each case; a ``CacheDataset``, so that it does so once.
        count: length of each list.
        transform: random transforms of an item.

    Raises:
        ValueError: when read, if a list has another length.

    Example:
        >>> SliceDataset([["a0", "a1"], ["b0", "b1"]], count=2)[2]
        'b0'
    """

    def __init__(
        self, data: Sequence[Sequence[Any]] | Dataset, count: int, transform: Callable[[Any], Any] | None = None
    ) -> None:
        check_positive("count", count)
        super().__init__(data, transform or Compose([]))  # type: ignore[arg-type]
        self.count = count

    def __len__(self) -> int:
        return len(self.data) * self.count

    def _transform(self, index: int) -> Any:
        items = self.data[index // self.count]
        if len(items) != self.count:
            raise ValueError(f"`data` needs lists of {self.count} items, got {len(items)}.")
        return apply_transform(self.transform, items[index % self.count], map_items=False)

    def names(self) -> list[dict[str, Any]]:
        """Return the case, and the slice's index, of each item in order."""
        return [{key: one[key] for key in ("case", "slice")} for items in self.data for one in items]


def volume_dataset(
    data: Sequence[Mapping[str, Any]],
    transform: Compose,
    cache: str = "memory",
    cache_dir: str | os.PathLike[str] = "cache",
    slices: int = 0,
) -> Dataset:
    """Return a dataset that computes what is before the random transforms once: in memory, on disk, or not.

    The cache on disk is found again by the items and by the transforms' arguments, so that a changed option is never
    answered by an old file; files that change under the same name are not noticed. The processes of a distributed
    training share what is to be computed, in either cache.

    Args:
        data: items with ``image``, ``label`` and ``case``.
        transform: what `volume_transforms` gives, and of a training what `volume_crops` gives. Random transforms get
            what is kept in memory itself, no copy, and must not write to it.
        cache: ``"memory"`` (`LoadedDataset`), ``"disk"`` (``PersistentDataset``) or ``"none"``.
        cache_dir: folder of the cache on disk.
        slices: number of slices of each case; 0 is the volume.

    Raises:
        ValueError: if ``cache`` is another, or the folder cannot be written.

    Example:
        >>> type(volume_dataset([{"a": 1}], Compose([]), cache="none")).__name__
        'Dataset'
    """
    check_choice("cache", cache, CACHES)
    if slices:
        steps = list(transform.transforms)
        first = next((k for k, step in enumerate(steps) if isinstance(step, Randomizable)), len(steps))
        volumes = volume_dataset(data, Compose(steps[:first]), cache, cache_dir)
        return SliceDataset(volumes, slices, Compose(steps[first:]))
    if cache == "memory":
        return LoadedDataset(data=data, transform=transform, progress=False, copy_cache=False)
    if cache == "disk":
        folder = check_output_folder(Path(cache_dir))
        dataset = PersistentDataset(data, transform, folder, hash_transform=pickle_hashing)
        if is_distributed():  # before the first epoch, so that no two processes write one file
            made_on_node(lambda number: dataset._cachecheck(dataset.data[number]), len(dataset))
        return dataset
    return Dataset(data=data, transform=transform)


def case_names(dataset: Any) -> list[dict[str, Any]]:
    """Return the case (and slice) of each item of what `volume_dataset` returned."""
    return dataset.names() if isinstance(dataset, SliceDataset) else [{"case": item["case"]} for item in dataset.data]
