# SPDX-License-Identifier: Apache-2.0
"""From the network's prediction to a segmentation: instances of a membrane, labels of a tumour."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import Transform
from monai.utils import TransformBackends

from monai_boundary._validation import check_choice
from monai_boundary.ops.label_values import whole_label
from monai_boundary.ops.segmentation import (
    SEGMENTATION_METHODS,
    membrane_to_instances,
    relabel_regions,
    remove_small_regions,
)
from monai_boundary.ops.tumour_regions import TUMOUR_REGIONS, stated_label_map, tumour_label
from monai_boundary.transforms._channel import channel_first, class_label, image_spacing, single_channel

__all__ = ["MembraneToInstances", "RelabelRegions", "RemoveSmallRegions", "TumourLabel"]


class MembraneToInstances(Transform):
    """Segment a membrane probability into instances.

    A thin shell over `monai_boundary.ops.segmentation.membrane_to_instances`, which defines the methods.

    Args:
        method: ``"components"`` of what is below the threshold; ``"watershed"`` or ``"barrier_cut"`` from markers,
            which split cells at holes in the membrane.
        threshold: probabilities at or above it are membrane.
        seed_distance: a marker's distance from the membrane; 3 times the smallest voxel size by default.
        min_size: instances of fewer voxels are removed.
        fill: leave no voxel 0.
        spacing: voxel size along each axis; by default of the MetaTensor's affine, else 1.
        section_axis: spatial axis across which every section is segmented on its own (anisotropic stacks).

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import MembraneToInstances
        >>> MembraneToInstances(threshold=0.5)(torch.tensor([[[0.1, 0.2, 0.9, 0.3]]]))
        tensor([[[1, 1, 0, 2]]], dtype=torch.int32)
    """

    backend = [TransformBackends.NUMPY]  # noqa: RUF012  # a list by MONAI's declaration

    def __init__(
        self,
        method: str = "components",
        threshold: float = 0.5,
        seed_distance: float | None = None,
        min_size: int = 0,
        fill: bool = False,
        spacing: Sequence[float] | float | None = None,
        section_axis: int | None = None,
    ) -> None:
        check_choice("method", method, SEGMENTATION_METHODS)
        self.method = method
        self.threshold = threshold
        self.seed_distance = seed_distance
        self.min_size = min_size
        self.fill = fill
        self.spacing = spacing
        self.section_axis = section_axis

    def __call__(self, img: NdarrayOrTensor) -> torch.Tensor:
        """Return instances (1, spatial), int32, with the meta data of the probability (1, spatial).

        Raises:
            ValueError: for NaN and values outside [0, 1] (logits).
            TypeError: if the probability is not floating.
        """
        probability = single_channel("probability", img)
        instances = membrane_to_instances(
            probability,
            self.method,
            threshold=self.threshold,
            seed_distance=self.seed_distance,
            min_size=self.min_size,
            fill=self.fill,
            spacing=image_spacing(img, probability.ndim, self.spacing),
            section_axis=self.section_axis,
        )
        return channel_first(instances, img, torch.int32)


class RemoveSmallRegions(Transform):
    """Remove ids of few voxels; see `monai_boundary.ops.segmentation.remove_small_regions`.

    Args:
        min_size: the smallest number of voxels that stays.
        fill: give the removed voxels to the nearest remaining id, instead of 0.
        spacing: voxel size along each axis, for ``fill``; by default of the MetaTensor's affine, else 1.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import RemoveSmallRegions
        >>> RemoveSmallRegions(2)(torch.tensor([[[1, 1, 2, 3, 3]]]))
        tensor([[[1, 1, 0, 3, 3]]], dtype=torch.int32)
    """

    backend = [TransformBackends.NUMPY]  # noqa: RUF012  # a list by MONAI's declaration

    def __init__(self, min_size: int, fill: bool = False, spacing: Sequence[float] | float | None = None) -> None:
        self.min_size = min_size
        self.fill = fill
        self.spacing = spacing

    def __call__(self, img: NdarrayOrTensor) -> torch.Tensor:
        """Return the ids that are large enough, (1, spatial), int32, with the meta data of the labels."""
        labels = single_channel("labels", img)
        sizes = image_spacing(img, labels.ndim, self.spacing)
        return channel_first(
            remove_small_regions(labels, self.min_size, fill=self.fill, spacing=sizes), img, torch.int32
        )


class RelabelRegions(Transform):
    """Number ids 1..K in raster order; see `monai_boundary.ops.segmentation.relabel_regions`.

    Args:
        split: give every face-connected piece of an id a number of its own.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import RelabelRegions
        >>> RelabelRegions()(torch.tensor([[[9, 9, 0, 4, 9]]]))
        tensor([[[1, 1, 0, 2, 1]]], dtype=torch.int32)
    """

    backend = [TransformBackends.NUMPY]  # noqa: RUF012  # a list by MONAI's declaration

    def __init__(self, split: bool = False) -> None:
        self.split = split

    def __call__(self, img: NdarrayOrTensor) -> torch.Tensor:
        """Return the new ids (1, spatial), int32, with the meta data of the labels."""
        return channel_first(relabel_regions(single_channel("labels", img), split=self.split), img, torch.int32)


class TumourLabel(Transform):
    """One segmentation with BraTS's labels, of the overlapping masks of regions: the way back from `TumourRegions`.

    A thin shell over `monai_boundary.ops.tumour_label`: the innermost region of a voxel counts.

    Args:
        regions: names of the channels.
        et_label: value of the enhancing tumour: 4 (which is the default) until BraTS 2021, 3 since 2023.
        label_map: the labels of another year or cohort, such as ``"ped2024"``, instead: see
            `monai_boundary.ops.tumour_regions`.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import TumourLabel
        >>> TumourLabel(et_label=3)(torch.tensor([[[0, 1, 1, 1]], [[0, 0, 1, 1]], [[0, 0, 0, 1]]]))
        tensor([[[0, 2, 1, 3]]], dtype=torch.uint8)
    """

    backend = [TransformBackends.NUMPY]  # noqa: RUF012  # a list by MONAI's declaration

    def __init__(
        self, regions: Sequence[str] = TUMOUR_REGIONS, et_label: int | None = None, label_map: str | None = None
    ) -> None:
        stated_label_map(et_label, label_map)
        self.regions = (regions,) if isinstance(regions, str) else tuple(regions)
        for region in self.regions:
            check_choice("regions", region, TUMOUR_REGIONS)
        self.et_label = et_label
        self.label_map = label_map

    def __call__(self, img: NdarrayOrTensor) -> torch.Tensor:
        """Return the label (1, spatial), uint8, of masks (regions, spatial), with their meta data.

        Raises:
            ValueError: if the masks are not one for each region.
        """
        masks = whole_label("masks", class_label("masks", img))
        label = tumour_label(masks, self.regions, self.et_label, label_map=self.label_map)
        return channel_first(label, img, torch.uint8)
