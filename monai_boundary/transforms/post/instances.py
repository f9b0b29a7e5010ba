# SPDX-License-Identifier: Apache-2.0
"""From a membrane map to instances, and the clean-up of their ids."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import Transform
from monai.utils import TransformBackends

from monai_boundary._validation import check_choice
from monai_boundary.ops.region_ids import relabel_regions, remove_small_regions
from monai_boundary.ops.segmentation import SEGMENTATION_METHODS, membrane_to_instances
from monai_boundary.transforms._channel import (
    channel_first,
    image_spacing,
    single_channel,
)
from monai_boundary.transforms._keys import KeyByKey

__all__ = [
    "MembraneToInstances",
    "MembraneToInstancesD",
    "MembraneToInstancesDict",
    "MembraneToInstancesd",
    "RelabelRegions",
    "RelabelRegionsD",
    "RelabelRegionsDict",
    "RelabelRegionsd",
    "RemoveSmallRegions",
    "RemoveSmallRegionsD",
    "RemoveSmallRegionsDict",
    "RemoveSmallRegionsd",
]


class MembraneToInstances(Transform):
    """Segment a membrane probability into instances.

    A thin shell over `monai_boundary.ops.membrane_to_instances`, which defines the methods.

    Args:
        method: ``"components"`` of what is below the threshold; ``"watershed"`` or ``"barrier_cut"`` from markers,
            which split instances at holes in the membrane.
        threshold: probabilities at or above it are membrane.
        seed_distance: a marker's distance from the membrane; 3 times the smallest voxel size by default.
        min_size: instances of fewer voxels are removed.
        fill: leave no voxel 0.
        spacing: voxel size along each axis; by default of the MetaTensor's affine, else 1.
        section_axis: spatial axis across which every section of a volume is segmented on its own (anisotropic stacks).

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
        # an image of two dimensions is one section already
        section_axis = self.section_axis if probability.ndim == 3 else None
        instances = membrane_to_instances(
            probability,
            self.method,
            threshold=self.threshold,
            seed_distance=self.seed_distance,
            min_size=self.min_size,
            fill=self.fill,
            spacing=image_spacing(img, probability.ndim, self.spacing),
            section_axis=section_axis,
        )
        return channel_first(instances, img, torch.int32)


class MembraneToInstancesd(KeyByKey):
    """Dictionary version of `monai_boundary.transforms.MembraneToInstances`.

    Args:
        keys: membrane probabilities.
        output_keys: where the instances go, one key per probability; by default they replace the probabilities.
        method: ``"components"`` of what is below the threshold; ``"watershed"`` or ``"barrier_cut"`` from markers,
            which split instances at holes in the membrane.
        threshold: probabilities at or above it are membrane.
        seed_distance: a marker's distance from the membrane; 3 times the smallest voxel size by default.
        min_size: instances of fewer voxels are removed.
        fill: leave no voxel 0.
        spacing: voxel size along each axis; by default of the MetaTensor's affine, else 1.
        section_axis: spatial axis across which every section of a volume is segmented on its own (anisotropic stacks).
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
        super().__init__(
            keys,
            MembraneToInstances(method, threshold, seed_distance, min_size, fill, spacing, section_axis),
            output_keys,
            allow_missing_keys,
        )


class RemoveSmallRegions(Transform):
    """Remove ids of few voxels; see `monai_boundary.ops.remove_small_regions`.

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


class RemoveSmallRegionsd(KeyByKey):
    """Dictionary version of `monai_boundary.transforms.RemoveSmallRegions`.

    Args:
        keys: labels of ids.
        min_size: the smallest number of voxels that stays.
        fill: give the removed voxels to the nearest remaining id, instead of 0.
        spacing: voxel size along each axis, for ``fill``; by default of the MetaTensor's affine, else 1.
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
        super().__init__(keys, RemoveSmallRegions(min_size, fill, spacing), None, allow_missing_keys)


class RelabelRegions(Transform):
    """Number ids 1..K in raster order; see `monai_boundary.ops.relabel_regions`.

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


class RelabelRegionsd(KeyByKey):
    """Dictionary version of `monai_boundary.transforms.RelabelRegions`.

    Args:
        keys: labels of ids.
        split: give every face-connected piece of an id a number of its own.
        allow_missing_keys: do not raise for keys that the data lacks.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import RelabelRegionsd
        >>> RelabelRegionsd("pred")({"pred": torch.tensor([[[9, 9, 0, 4, 9]]])})["pred"].tolist()
        [[[1, 1, 0, 2, 1]]]
    """

    backend = RelabelRegions.backend

    def __init__(self, keys: KeysCollection, split: bool = False, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, RelabelRegions(split), None, allow_missing_keys)


MembraneToInstancesD = MembraneToInstancesDict = MembraneToInstancesd
RemoveSmallRegionsD = RemoveSmallRegionsDict = RemoveSmallRegionsd
RelabelRegionsD = RelabelRegionsDict = RelabelRegionsd
