# SPDX-License-Identifier: Apache-2.0
"""Training targets of the barrier cut: regions, their seeds, and the cells nearest to each."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends

from monai_boundary._typing import AnyArray, IntArray
from monai_boundary._validation import check_choice, check_same_shape
from monai_boundary.ops.label_values import binary_mask
from monai_boundary.ops.regions import label_regions, region_cells, region_seeds, reseed_regions
from monai_boundary.transforms._channel import (
    channel_first,
    image_spacing,
    single_channel,
)
from monai_boundary.transforms._keys import one_for_each

__all__ = [
    "RegionTargets",
    "RegionTargetsD",
    "RegionTargetsDict",
    "RegionTargetsd",
    "ReseedRegions",
    "ReseedRegionsD",
    "ReseedRegionsDict",
    "ReseedRegionsd",
]


class RegionTargets(Transform):
    """Regions, seeds and cells of a truth label, for the losses and metrics of the barrier cut.

    Regions are the face-connected components of what is not membrane, the seed of a region is its voxel farthest from
    its boundary, and the cells are the nearest region at every voxel: see `monai_boundary.ops`. A label that is
    all membrane has no region, and three empty maps; one without membrane (or of one instance) has one region and one
    seed, in the middle.

    Compute them on the whole image, before caching and the random transforms, which then move them with the label (mode
    ``"nearest"``); after a crop or padding use `ReseedRegions`.

    There is no ``ignore_index``: whether an unknown voxel is a wall decides which region all behind it belongs to. Any
    other value is refused; set unknown areas to membrane (1, or 0 in instances) before, or crop them away.

    Args:
        source: what the label is: ``"membrane"``, 0/1 with membrane = 1, or ``"instances"``, ids with 0 = membrane
            (touching instances are regions of their own).
        spacing: voxel size along each axis; by default of the MetaTensor's affine, else 1.
        section_axis: spatial axis across which every section is a 2-D image of its own (ids are unique over the stack).
        cells: compute the cells too. `None` takes their place otherwise.

    Example:
        >>> import numpy as np
        >>> from monai_boundary.transforms import RegionTargets
        >>> regions, seeds, cells = RegionTargets()(np.array([[[0, 0, 0, 1, 0]]], dtype=np.float32))
        >>> regions.tolist(), seeds.tolist(), cells.tolist()
        ([[[1, 1, 1, 0, 2]]], [[[1, 0, 0, 0, 2]]], [[[1, 1, 1, 1, 2]]])
    """

    backend = [TransformBackends.NUMPY]  # noqa: RUF012  # a list by MONAI's declaration

    def __init__(
        self,
        source: str = "membrane",
        spacing: Sequence[float] | float | None = None,
        section_axis: int | None = None,
        cells: bool = True,
    ) -> None:
        check_choice("source", source, ("membrane", "instances"))
        self.source = source
        self.spacing = spacing
        self.section_axis = section_axis
        self.cells = cells

    def __call__(self, img: NdarrayOrTensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Return regions, seeds and cells (1, spatial), int32, with the label's meta data.

        Raises:
            ValueError: if the label is not integral (NaN, fractions), or a membrane label holds more than 0 and 1.
        """
        label = single_channel("label", img)
        sizes = image_spacing(img, label.ndim, self.spacing)
        cell = _cells_of_membrane(label) if self.source == "membrane" else label
        regions = label_regions(cell, section_axis=self.section_axis)
        seeds = region_seeds(regions, sizes, section_axis=self.section_axis)
        cells = region_cells(regions, sizes, section_axis=self.section_axis) if self.cells else None
        return _maps(img, regions, seeds, cells)


class RegionTargetsd(MapTransform):
    """Dictionary version of `monai_boundary.transforms.RegionTargets`: adds the maps beside the label.

    With the default ``suffix`` the keys are ``regions_label``, ``seeds_label`` and ``cells_label``.

    Args:
        keys: truth labels.
        suffix: the new keys are ``regions_{suffix}``, ``seeds_{suffix}``, ``cells_{suffix}``; one for each key.
        source: what the label is: ``"membrane"``, 0/1 with membrane = 1, or ``"instances"``, ids with 0 = membrane
            (touching instances are regions of their own).
        spacing: voxel size along each axis; by default of the MetaTensor's affine, else 1.
        section_axis: spatial axis across which every section is a 2-D image of its own (ids are unique over the stack).
        cells: compute the cells too. `None` takes their place otherwise.
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
        self.suffix = one_for_each("suffix", suffix, self.keys)
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


class ReseedRegions(Transform):
    """Make regions, seeds and cells of a crop (or a padded or resampled image) consistent again.

    Every connected piece that the crop left of a region is a region of its own, ids are 1..K again, a piece that lost
    its seed gets a new one in the crop and all others keep theirs; the cells are those of the new regions.
    See `monai_boundary.ops.regions.reseed_regions`.

    Args:
        spacing: voxel size along each axis; by default of the MetaTensor's affine, else 1. Datasets that drop the meta
            data (`PersistentDataset` by default) need it said here.
        section_axis: spatial axis across which every section is a 2-D image of its own (ids are unique over the stack).
        cells: compute the cells too. `None` takes their place otherwise.

    Example:
        >>> import numpy as np
        >>> from monai_boundary.transforms import RegionTargets, ReseedRegions
        >>> regions, seeds, _ = RegionTargets()(np.array([[[0, 0, 0, 1, 0]]], dtype=np.float32))
        >>> ReseedRegions(cells=False)(regions[..., 1:], seeds[..., 1:])
        (tensor([[[1, 1, 0, 2]]], dtype=torch.int32), tensor([[[1, 0, 0, 2]]], dtype=torch.int32), None)
    """

    backend = [TransformBackends.NUMPY]  # noqa: RUF012  # a list by MONAI's declaration

    def __init__(
        self,
        spacing: Sequence[float] | float | None = None,
        section_axis: int | None = None,
        cells: bool = True,
    ) -> None:
        self.spacing = spacing
        self.section_axis = section_axis
        self.cells = cells

    def __call__(
        self, regions: NdarrayOrTensor, seeds: NdarrayOrTensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Return regions, seeds and cells (1, spatial), int32, with the meta data of the regions.

        Args:
            regions: the cropped regions (1, spatial).
            seeds: the cropped seeds of the same shape; ``None`` seeds every piece anew.

        Raises:
            ValueError: if the shapes differ, a map is not integral (it was resampled linearly), or the seeds do not
                lie in the regions of their id (the maps were not moved together).
        """
        pieces = single_channel("regions", regions)
        old = None if seeds is None else single_channel("seeds", seeds)
        sizes = image_spacing(regions, pieces.ndim, self.spacing)
        new, new_seeds = reseed_regions(pieces, old, sizes, section_axis=self.section_axis)
        cells = region_cells(new, sizes, section_axis=self.section_axis) if self.cells else None
        return _maps(regions, new, new_seeds, cells)


class ReseedRegionsd(MapTransform):
    """Dictionary version of `monai_boundary.transforms.ReseedRegions`, for after a random crop.

    Args:
        keys: what the names of the maps end in: ``"label"`` stands for ``regions_label``, ``seeds_label`` and
            ``cells_label``. The cells are renewed where the data has them.
        spacing: voxel size along each axis; by default of the MetaTensor's affine, else 1. Datasets that drop the meta
            data (`PersistentDataset` by default) need it said here.
        section_axis: spatial axis across which every section is a 2-D image of its own (ids are unique over the stack).
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


def _maps(
    like: NdarrayOrTensor, regions: IntArray, seeds: IntArray, cells: IntArray | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """The maps as int32 tensors with the meta data of ``like``."""
    return (
        channel_first(regions, like, torch.int32),
        channel_first(seeds, like, torch.int32),
        None if cells is None else channel_first(cells, like, torch.int32),
    )


def _cells_of_membrane(label: AnyArray) -> AnyArray:
    """The mask of what is not membrane, of a label that holds 0 and 1 alone."""
    try:
        return ~binary_mask("label", label)
    except ValueError as error:
        raise ValueError(
            f"{error} Membrane is 1: clean files with `CleanMembraneLabel` ({{0, 255}}, grey); instance ids need "
            'source="instances".'
        ) from None


RegionTargetsD = RegionTargetsDict = RegionTargetsd
ReseedRegionsD = ReseedRegionsDict = ReseedRegionsd
