# SPDX-License-Identifier: Apache-2.0
"""Dictionary version of the slices around a region."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, MultiSampleTrait

from monai_boundary._validation import check_same_shape
from monai_boundary.transforms.slices.array import SlicesAround

__all__ = ["SlicesAroundD", "SlicesAroundDict", "SlicesAroundd"]


class SlicesAroundd(MapTransform, MultiSampleTrait):
    """Dictionary version of `monai_boundary.transforms.SlicesAround`: a list of dictionaries, one for each slice.

    MONAI's ``Compose`` applies the transforms that follow to each, and its loader makes one batch of all.

    Args:
        keys: images, labels and maps to be sliced; other entries are the same in every dictionary.
        around: the label that says where, one of the keys or another entry.
        index_key: where the slice's index goes.
        allow_missing_keys: do not raise for keys that the data lacks.
        options: of `SlicesAround`.

    Raises:
        ValueError: when called, if a key has another spatial shape than the label; and as `SlicesAround`.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import SlicesAroundd
        >>> label = torch.zeros(1, 4, 4, 9)
        >>> label[..., 3:6] = 1
        >>> take = SlicesAroundd(["image", "label"], around="label", count=3)
        >>> [item["slice"] for item in take({"image": torch.rand(1, 4, 4, 9), "label": label})]
        [3, 4, 5]
    """

    backend = SlicesAround.backend

    def __init__(
        self,
        keys: KeysCollection,
        around: str = "label",
        index_key: str = "slice",
        allow_missing_keys: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.around = around
        self.index_key = index_key
        self.transform = SlicesAround(**options)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> list[dict[Hashable, Any]]:
        """Return one dictionary for each slice."""
        if self.around not in data:
            raise KeyError(f"`around` needs to be in the data, got {self.around!r} and {sorted(map(str, data))}.")
        indices = self.transform.indices(data[self.around])
        items: list[dict[Hashable, Any]] = [{**data, self.index_key: index} for index in indices]
        shape = data[self.around].shape[1:]
        for key in self.key_iterator(dict(data)):
            check_same_shape(str(key), data[key].shape[1:], self.around, shape)
            for item, one in zip(items, self.transform.take(data[key], indices), strict=True):
                item[key] = one
        return items


SlicesAroundD = SlicesAroundDict = SlicesAroundd
