# SPDX-License-Identifier: Apache-2.0
"""Dictionary versions of the transforms that make training targets."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform
from monai.utils import ensure_tuple

from monai_boundary._validation import check_same_shape
from monai_boundary.ops.grid import SAME_GRID_VOXELS, check_same_grid
from monai_boundary.transforms.targets.array import (
    EdgeMask,
    PotentialField,
    RegionTargets,
    ReseedRegions,
)

__all__ = [
    "EdgeMaskD",
    "EdgeMaskDict",
    "EdgeMaskd",
    "PotentialFieldD",
    "PotentialFieldDict",
    "PotentialFieldd",
    "RegionTargetsD",
    "RegionTargetsDict",
    "RegionTargetsd",
    "ReseedRegionsD",
    "ReseedRegionsDict",
    "ReseedRegionsd",
]


class RegionTargetsd(MapTransform):
    """Dictionary version of `monai_boundary.transforms.RegionTargets`: adds the maps beside the label.

    With the default ``suffix`` the keys are ``regions_label``, ``seeds_label`` and ``cells_label``.

    Args:
        keys: truth labels.
        suffix: the new keys are ``regions_{suffix}``, ``seeds_{suffix}``, ``cells_{suffix}``; one for each key.
        source: see `RegionTargets`.
        spacing: see `RegionTargets`.
        section_axis: see `RegionTargets`.
        cells: see `RegionTargets`.
        image_key: an image whose spatial shape the label must have; not looked at where the data lacks it.
        allow_missing_keys: do not raise for keys that the data lacks.

    Raises:
        ValueError: when called, if image and label differ in shape; and as `RegionTargets`.

    Example:
        >>> import numpy as np
        >>> from monai_boundary.transforms import RegionTargetsd
        >>> data = {"label": np.array([[[0, 0, 0, 1, 0]]], dtype=np.float32)}
        >>> sorted(RegionTargetsd("label")(data))
        ['cells_label', 'label', 'regions_label', 'seeds_label']
    """

    backend = RegionTargets.backend

    def __init__(
        self,
        keys: KeysCollection,
        suffix: KeysCollection = "label",
        source: str = "membrane",
        spacing: Sequence[float] | float | None = None,
        section_axis: int | None = None,
        cells: bool = True,
        image_key: str | None = "image",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.suffix = ensure_tuple(suffix)
        if len(self.suffix) != len(self.keys) or len(set(self.suffix)) != len(self.suffix):
            raise ValueError(f"`suffix` needs one for each of {self.keys}, all different, got {self.suffix}.")
        self.image_key = image_key
        self.transform = RegionTargets(source, spacing, section_axis, cells)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Return the data with the maps added."""
        d = dict(data)
        for key, suffix in self.key_iterator(d, self.suffix):
            if self.image_key in d:
                check_same_shape(str(key), d[key].shape[1:], str(self.image_key), d[self.image_key].shape[1:])
            regions, seeds, cells = self.transform(d[key])
            d[f"regions_{suffix}"] = regions
            d[f"seeds_{suffix}"] = seeds
            if cells is not None:
                d[f"cells_{suffix}"] = cells
        return d


class ReseedRegionsd(MapTransform):
    """Dictionary version of `monai_boundary.transforms.ReseedRegions`, for after a random crop.

    Args:
        keys: what the names of the maps end in: ``"label"`` stands for ``regions_label``, ``seeds_label`` and
            ``cells_label``. The cells are renewed where the data has them.
        spacing: see `ReseedRegions`.
        section_axis: see `ReseedRegions`.
        allow_missing_keys: skip those for which the data has no regions and no seeds.

    Raises:
        KeyError: when called, if the regions or the seeds are missing.
        ValueError: when called, if the maps do not have the spatial shape of the label of that key (where there is
            one); and as `ReseedRegions`.

    Example:
        >>> import numpy as np
        >>> from monai.transforms import Compose, SpatialCropd
        >>> from monai_boundary.transforms import RegionTargetsd, ReseedRegionsd
        >>> maps = ["regions_label", "seeds_label", "cells_label"]
        >>> crop = SpatialCropd(["label", *maps], roi_start=(0, 1), roi_end=(1, 5))
        >>> data = {"label": np.array([[[0, 0, 0, 1, 0]]], dtype=np.float32)}
        >>> Compose([RegionTargetsd("label"), crop, ReseedRegionsd("label")])(data)["seeds_label"].tolist()
        [[[1, 0, 0, 2]]]
    """

    backend = ReseedRegions.backend

    def __init__(
        self,
        keys: KeysCollection = "label",
        spacing: Sequence[float] | float | None = None,
        section_axis: int | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.spacing = spacing
        self.section_axis = section_axis

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Return the data with the maps renewed."""
        d = dict(data)
        for suffix in self.keys:
            regions, seeds, cells = f"regions_{suffix}", f"seeds_{suffix}", f"cells_{suffix}"
            missing = [key for key in (regions, seeds) if key not in d]
            if len(missing) == 2 and self.allow_missing_keys:
                continue
            if missing:
                raise KeyError(f"`keys` needs {missing} in the data for {suffix!r}: run `RegionTargetsd` first.")
            if suffix in d:
                check_same_shape(regions, d[regions].shape[1:], str(suffix), d[suffix].shape[1:])
            transform = ReseedRegions(self.spacing, self.section_axis, cells=cells in d)
            d[regions], d[seeds], new_cells = transform(d[regions], d[seeds])
            if new_cells is not None:
                d[cells] = new_cells
        return d


class EdgeMaskd(MapTransform):
    """Dictionary version of `monai_boundary.transforms.EdgeMask`: adds ``edge_label`` beside the label.

    Args:
        keys: labels.
        output_keys: where the edges go, one for each key; ``edge_{key}`` if not given.
        image_key: an image that the label must share the grid with (shape, and affine where both have one); not looked
            at where the data lacks it.
        tolerance: see `monai_boundary.ops.check_same_grid`.
        allow_missing_keys: do not raise for keys that the data lacks.
        options: of `EdgeMask`.

    Raises:
        ValueError: if the output keys are not one for each key; when called, if image and label lie on different grids,
            with how far; and as `EdgeMask`.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import EdgeMaskd
        >>> EdgeMaskd("label")({"label": torch.tensor([[[0, 0, 1, 1, 1]]])})["edge_label"]
        tensor([[[0., 1., 1., 0., 0.]]])
    """

    backend = EdgeMask.backend

    def __init__(
        self,
        keys: KeysCollection,
        output_keys: KeysCollection | None = None,
        image_key: str | None = "image",
        tolerance: float = SAME_GRID_VOXELS,
        allow_missing_keys: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_keys = ensure_tuple([f"edge_{key}" for key in self.keys] if output_keys is None else output_keys)
        if len(self.output_keys) != len(self.keys) or len(set(self.output_keys)) != len(self.keys):
            raise ValueError(f"`output_keys` needs one for each of {self.keys}, all different, got {self.output_keys}.")
        self.image_key = image_key
        self.tolerance = tolerance
        self.transform = EdgeMask(**options)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Return the data with the edges added."""
        d = dict(data)
        for key, output_key in self.key_iterator(d, self.output_keys):
            if self.image_key in d:
                check_same_grid(str(key), d[key], str(self.image_key), d[self.image_key], self.tolerance)
            d[output_key] = self.transform(d[key])
        return d


class PotentialFieldd(MapTransform):
    """Dictionary version of `monai_boundary.transforms.PotentialField`: adds ``potential_label`` beside the label.

    Put it after the random spatial transforms.

    Args:
        keys: labels.
        output_keys: where the fields go, one for each key; ``potential_{key}`` if not given.
        allow_missing_keys: do not raise for keys that the data lacks.
        options: of `PotentialField`.

    Raises:
        ValueError: if the output keys are not one for each key; and as `PotentialField`.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import PotentialFieldd
        >>> data = PotentialFieldd("label", num_classes=2, w=3)({"label": torch.ones(1, 4, 4)})
        >>> data["potential_label"].shape
        torch.Size([8, 4, 4])
    """

    backend = PotentialField.backend

    def __init__(
        self,
        keys: KeysCollection,
        output_keys: KeysCollection | None = None,
        allow_missing_keys: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        named = [f"potential_{key}" for key in self.keys] if output_keys is None else output_keys
        self.output_keys = ensure_tuple(named)
        if len(self.output_keys) != len(self.keys) or len(set(self.output_keys)) != len(self.keys):
            raise ValueError(f"`output_keys` needs one for each of {self.keys}, all different, got {self.output_keys}.")
        self.transform = PotentialField(**options)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Return the data with the fields added."""
        d = dict(data)
        for key, output_key in self.key_iterator(d, self.output_keys):
            d[output_key] = self.transform(d[key])
        return d


PotentialFieldD = PotentialFieldDict = PotentialFieldd
EdgeMaskD = EdgeMaskDict = EdgeMaskd
RegionTargetsD = RegionTargetsDict = RegionTargetsd
ReseedRegionsD = ReseedRegionsDict = ReseedRegionsd
