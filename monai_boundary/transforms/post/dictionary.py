# SPDX-License-Identifier: Apache-2.0
"""Dictionary versions of the transforms from predictions to segmentations."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform
from monai.utils import ensure_tuple

from monai_boundary.ops.tumour_regions import TUMOUR_REGIONS
from monai_boundary.transforms.post.array import MembraneToInstances, RelabelRegions, RemoveSmallRegions, TumourLabel

__all__ = [
    "MembraneToInstancesD",
    "MembraneToInstancesDict",
    "MembraneToInstancesd",
    "RelabelRegionsD",
    "RelabelRegionsDict",
    "RelabelRegionsd",
    "RemoveSmallRegionsD",
    "RemoveSmallRegionsDict",
    "RemoveSmallRegionsd",
    "TumourLabelD",
    "TumourLabelDict",
    "TumourLabeld",
]


class MembraneToInstancesd(MapTransform):
    """Dictionary version of `monai_boundary.transforms.MembraneToInstances`.

    Args:
        keys: membrane probabilities.
        output_keys: where the instances go, one key per probability; by default they replace the probabilities.
        method: see `MembraneToInstances`.
        threshold: see `MembraneToInstances`.
        seed_distance: see `MembraneToInstances`.
        min_size: see `MembraneToInstances`.
        fill: see `MembraneToInstances`.
        spacing: see `MembraneToInstances`.
        section_axis: see `MembraneToInstances`.
        allow_missing_keys: do not raise for keys that the data lacks.

    Raises:
        ValueError: if `output_keys` does not have one key for each of `keys`; and when called, as the array version.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import MembraneToInstancesd
        >>> segment = MembraneToInstancesd("pred", output_keys="instances")
        >>> segment({"pred": torch.tensor([[[0.1, 0.2, 0.9, 0.3]]])})["instances"].tolist()
        [[[1, 1, 0, 2]]]
    """

    backend = MembraneToInstances.backend

    def __init__(
        self,
        keys: KeysCollection,
        output_keys: KeysCollection | None = None,
        method: str = "components",
        threshold: float = 0.5,
        seed_distance: float | None = None,
        min_size: int = 0,
        fill: bool = False,
        spacing: Sequence[float] | float | None = None,
        section_axis: int | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_keys = self.keys if output_keys is None else ensure_tuple(output_keys)
        if len(self.output_keys) != len(self.keys):
            raise ValueError(f"`output_keys` needs one key for each of {self.keys}, got {self.output_keys}.")
        self.transform = MembraneToInstances(method, threshold, seed_distance, min_size, fill, spacing, section_axis)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Return the data with the instances."""
        d = dict(data)
        for key, output in self.key_iterator(d, self.output_keys):
            d[output] = self.transform(d[key])
        return d


class RemoveSmallRegionsd(MapTransform):
    """Dictionary version of `monai_boundary.transforms.RemoveSmallRegions`.

    Args:
        keys: labels of ids.
        min_size: see `RemoveSmallRegions`.
        fill: see `RemoveSmallRegions`.
        spacing: see `RemoveSmallRegions`.
        allow_missing_keys: do not raise for keys that the data lacks.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import RemoveSmallRegionsd
        >>> RemoveSmallRegionsd("pred", 2)({"pred": torch.tensor([[[1, 1, 2, 3, 3]]])})["pred"].tolist()
        [[[1, 1, 0, 3, 3]]]
    """

    backend = RemoveSmallRegions.backend

    def __init__(
        self,
        keys: KeysCollection,
        min_size: int,
        fill: bool = False,
        spacing: Sequence[float] | float | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.transform = RemoveSmallRegions(min_size, fill, spacing)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Return the data with the small ids removed."""
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = self.transform(d[key])
        return d


class RelabelRegionsd(MapTransform):
    """Dictionary version of `monai_boundary.transforms.RelabelRegions`.

    Args:
        keys: labels of ids.
        split: see `RelabelRegions`.
        allow_missing_keys: do not raise for keys that the data lacks.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import RelabelRegionsd
        >>> RelabelRegionsd("pred")({"pred": torch.tensor([[[9, 9, 0, 4, 9]]])})["pred"].tolist()
        [[[1, 1, 0, 2, 1]]]
    """

    backend = RelabelRegions.backend

    def __init__(self, keys: KeysCollection, split: bool = False, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.transform = RelabelRegions(split)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Return the data with the ids numbered anew."""
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = self.transform(d[key])
        return d


class TumourLabeld(MapTransform):
    """Dictionary version of `monai_boundary.transforms.TumourLabel`; the masks are replaced by one segmentation.

    Args:
        keys: masks of regions.
        regions: see `TumourLabel`.
        et_label: see `TumourLabel`.
        allow_missing_keys: do not raise for keys that the data lacks.
        label_map: see `TumourLabel`.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import TumourLabeld
        >>> TumourLabeld("pred", regions=("tc",))({"pred": torch.tensor([[[0, 1, 1]]])})["pred"].tolist()
        [[[0, 1, 1]]]
    """

    backend = TumourLabel.backend

    def __init__(
        self,
        keys: KeysCollection,
        regions: Sequence[str] = TUMOUR_REGIONS,
        et_label: int | None = None,
        allow_missing_keys: bool = False,
        label_map: str | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.transform = TumourLabel(regions, et_label, label_map)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Return the data with the masks replaced."""
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = self.transform(d[key])
        return d


MembraneToInstancesD = MembraneToInstancesDict = MembraneToInstancesd
RelabelRegionsD = RelabelRegionsDict = RelabelRegionsd
RemoveSmallRegionsD = RemoveSmallRegionsDict = RemoveSmallRegionsd
TumourLabelD = TumourLabelDict = TumourLabeld
