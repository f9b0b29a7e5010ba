# SPDX-License-Identifier: Apache-2.0
"""Dictionary versions of the transforms of label conventions."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform
from monai.utils import ensure_tuple

from monai_boundary.ops.tumour_regions import TUMOUR_REGIONS
from monai_boundary.transforms.labels.array import CleanMembraneLabel, InstancesToMembrane, TumourRegions

__all__ = [
    "CleanMembraneLabelD",
    "CleanMembraneLabelDict",
    "CleanMembraneLabeld",
    "InstancesToMembraneD",
    "InstancesToMembraneDict",
    "InstancesToMembraned",
    "TumourRegionsD",
    "TumourRegionsDict",
    "TumourRegionsd",
]


class CleanMembraneLabeld(MapTransform):
    """Dictionary version of `monai_boundary.transforms.CleanMembraneLabel`; the label is replaced by its target.

    Args:
        keys: membrane labels.
        polarity: see `CleanMembraneLabel`.
        threshold: see `CleanMembraneLabel`.
        spacing: see `CleanMembraneLabel`.
        section_axis: see `CleanMembraneLabel`.
        allow_missing_keys: do not raise for keys that the data lacks.

    Example:
        >>> import numpy as np
        >>> from monai_boundary.transforms import CleanMembraneLabeld
        >>> data = {"label": np.array([[[255, 0, 255]]], dtype=np.uint8)}
        >>> CleanMembraneLabeld("label", polarity="cell")(data)["label"]
        tensor([[[0., 1., 0.]]])
    """

    backend = CleanMembraneLabel.backend

    def __init__(
        self,
        keys: KeysCollection,
        polarity: str = "auto",
        threshold: float | None = None,
        spacing: Sequence[float] | float | None = None,
        section_axis: int | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.transform = CleanMembraneLabel(polarity, threshold, spacing, section_axis)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Return the data with the labels replaced."""
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = self.transform(d[key])
        return d


class InstancesToMembraned(MapTransform):
    """Dictionary version of `monai_boundary.transforms.InstancesToMembrane`.

    Args:
        keys: instance labels.
        output_keys: where the membrane targets go, one key per instance label; by default they replace the instances.
            The metrics need the instances: ``keys="label_instances", output_keys="label"`` keeps both.
        thickness: see `InstancesToMembrane`.
        unit: see `InstancesToMembrane`.
        spacing: see `InstancesToMembrane`.
        unlabelled: see `InstancesToMembrane`.
        section_axis: see `InstancesToMembrane`.
        allow_missing_keys: do not raise for keys that the data lacks.

    Raises:
        ValueError: if `output_keys` does not have one key for each of `keys`; and when called, as the array version.

    Example:
        >>> import numpy as np
        >>> from monai_boundary.transforms import InstancesToMembraned
        >>> draw = InstancesToMembraned("label_instances", output_keys="label")
        >>> sorted(draw({"label_instances": np.array([[[4, 4, 7, 7]]])}))
        ['label', 'label_instances']
    """

    backend = InstancesToMembrane.backend

    def __init__(
        self,
        keys: KeysCollection,
        output_keys: KeysCollection | None = None,
        thickness: float = 1.0,
        unit: str = "voxel",
        spacing: Sequence[float] | float | None = None,
        unlabelled: str = "membrane",
        section_axis: int | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_keys = self.keys if output_keys is None else ensure_tuple(output_keys)
        if len(self.output_keys) != len(self.keys):
            raise ValueError(f"`output_keys` needs one key for each of {self.keys}, got {self.output_keys}.")
        self.transform = InstancesToMembrane(thickness, unit, spacing, unlabelled, section_axis)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Return the data with the membrane targets."""
        d = dict(data)
        for key, output in self.key_iterator(d, self.output_keys):
            d[output] = self.transform(d[key])
        return d


class TumourRegionsd(MapTransform):
    """Dictionary version of `monai_boundary.transforms.TumourRegions`; the segmentation is replaced by its regions.

    Args:
        keys: segmentations.
        regions: see `TumourRegions`.
        et_label: see `TumourRegions`.
        allow_missing_keys: do not raise for keys that the data lacks.
        label_map: see `TumourRegions`.

    Example:
        >>> import numpy as np
        >>> from monai_boundary.transforms import TumourRegionsd
        >>> TumourRegionsd("label", regions=("tc",))({"label": np.array([[[0.0, 1.0, 2.0, 3.0]]])})["label"]
        tensor([[[0., 1., 0., 1.]]])
    """

    backend = TumourRegions.backend

    def __init__(
        self,
        keys: KeysCollection,
        regions: Sequence[str] = TUMOUR_REGIONS,
        et_label: int | None = None,
        allow_missing_keys: bool = False,
        label_map: str | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.transform = TumourRegions(regions, et_label, label_map)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Return the data with the segmentations replaced."""
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = self.transform(d[key])
        return d


CleanMembraneLabelD = CleanMembraneLabelDict = CleanMembraneLabeld
InstancesToMembraneD = InstancesToMembraneDict = InstancesToMembraned
TumourRegionsD = TumourRegionsDict = TumourRegionsd
