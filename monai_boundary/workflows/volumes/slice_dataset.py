# SPDX-License-Identifier: Apache-2.0
"""The slices of many volumes as one data set, so that a batch holds slices of different patients."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from monai.data import Dataset
from monai.transforms import Compose, apply_transform

from monai_boundary._validation import check_positive
from monai_boundary.workflows.volumes.data import lesion_dataset


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


def tumour_dataset(
    data: Sequence[Mapping[str, Any]],
    deterministic: Sequence[Callable[..., Any]],
    random: Sequence[Callable[..., Any]] = (),
    *,
    slices: int = 0,
    cache: str = "memory",
    cache_dir: str | os.PathLike[str] = "cache",
) -> Dataset:
    """Return the data set of volumes, or of slices of them.

    Args:
        data: items of `monai_boundary.data.brats_datalist`.
        deterministic: transforms whose result is cached, as `tumour_transforms` gives them.
        random: transforms that follow, as `tumour_crops` gives them.
        slices: as given to `tumour_transforms`; 0 for volumes.
        cache: see :func:`~monai_boundary.workflows.lesion_dataset`, as the next.
        cache_dir: folder of the cache on disk.
    """
    if not slices:
        return lesion_dataset(data, Compose([*deterministic, *random]), cache, cache_dir)
    volumes = lesion_dataset(data, Compose(list(deterministic)), cache, cache_dir)
    return SliceDataset(volumes, slices, Compose(list(random)))


def case_names(dataset: Any) -> list[dict[str, Any]]:
    """Return the case (and slice) of each item of what `tumour_dataset` returned."""
    return dataset.names() if isinstance(dataset, SliceDataset) else [{"case": item["case"]} for item in dataset.data]
