# SPDX-License-Identifier: Apache-2.0
"""Training targets of the boundary losses: signed distance maps of a label."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends

from monai_boundary._validation import check_choice
from monai_boundary.ops.class_masks import class_masks
from monai_boundary.ops.grid import SAME_GRID_VOXELS, check_same_grid
from monai_boundary.ops.signed_distance import batch_signed_distance, check_distance_options
from monai_boundary.transforms._channel import (
    class_label,
    image_spacing,
    known_voxels,
    with_meta,
)
from monai_boundary.transforms._keys import added_keys

__all__ = ["SignedDistanceMap", "SignedDistanceMapD", "SignedDistanceMapDict", "SignedDistanceMapd"]

_STORAGE = {"float32": torch.float32, "float16": torch.float16}


class SignedDistanceMap(Transform):
    """Signed distance map of a label: one channel per class, in mm, negative inside.

    See `monai_boundary.ops.signed_distance_map` for what is measured, `monai_boundary.losses.SignedDistanceLoss` for
    what it is for. Compute it on the whole image, before caching and the random transforms: a crop then still knows how
    far the lesion outside it is, and the millimetres stay in the values when a cached dataset drops the affine.

    The map carries the label's affine, so crops, flips and quarter turns move it with the label, exactly. Make it after
    transforms that interpolate (rotation, zoom, elastic deformation); or move it through them linearly (mode
    ``"bilinear"``), and put `RestoreDistanceSign` after them, for near the border interpolation loses the sign. Never
    fill a map with 0: resample it with ``padding_mode="border"``, pad it with ``mode="edge"``. After a zoom the values
    are still the millimetres of the zoomed image's affine.

    Args:
        num_classes: channels of the map, background included, for a label of class indices (1, spatial). Not given: the
            label holds 0 and 1 in each channel (one mask, one-hot, or nested regions).
        spacing: voxel size along each axis in mm; by default of the MetaTensor's affine (the length of its columns, so
            flipped and oblique ones too), else 1.
        ignore_index: value of an index label that belongs to no class: its voxels are on neither side, and get 0.
        convention: where 0 lies: ``"faces"`` between the voxels, ``"border"`` on the voxels of the border, or
            ``"released"``, the formula of the paper's code; defined in `monai_boundary.ops.signed_distance_map`.
        section_axis: spatial axis across which every slice is an image of its own (2-D maps of a volume).
        clip: largest distance, in mm; farther voxels get it.
        normalise: ``"max"`` divides the map by its largest distance, ``"diagonal"`` by the length of the image's
            diagonal; None leaves mm.
        backend: which library computes; ``"auto"`` takes the fastest that is installed and knows the convention.
        dtype: ``"float32"``, or ``"float16"`` for half the memory of a cache (11 bits: 0.05 % of the distance). The
            losses compute in float32, and MONAI's resampling transforms return float32.

    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> from monai_boundary.transforms import SignedDistanceMap
        >>> label = MetaTensor(torch.tensor([[[0, 0, 1, 1, 1]] * 2]), affine=torch.diag(torch.tensor([2.0, 0.5, 1.0])))
        >>> SignedDistanceMap()(label)[0, 0].tolist()
        [0.75, 0.25, -0.25, -0.75, -1.25]
    """

    backend = [TransformBackends.TORCH]  # noqa: RUF012  # a list by MONAI's declaration

    def __init__(
        self,
        num_classes: int | None = None,
        spacing: Sequence[float] | float | None = None,
        ignore_index: int | None = None,
        convention: str = "faces",
        section_axis: int | None = None,
        clip: float | None = None,
        normalise: str | None = None,
        backend: str = "auto",
        dtype: str = "float32",
    ) -> None:
        check_distance_options(convention, clip, normalise, backend)
        check_choice("dtype", dtype, tuple(_STORAGE))
        self.num_classes = num_classes
        self.spacing = spacing
        self.ignore_index = ignore_index
        self.dtype = dtype
        self.options: dict[str, Any] = {
            "convention": convention,
            "section_axis": section_axis,
            "clip": clip,
            "normalise": normalise,
            "backend": backend,
        }

    def __call__(self, img: NdarrayOrTensor, known: NdarrayOrTensor | None = None) -> torch.Tensor:
        """Return the map (C, spatial) with the label's meta data, on its device.

        Args:
            img: the label.
            known: (1, spatial), voxels whose class is known (> 0), for a label that has no value for the others.

        Raises:
            TypeError: if the label is neither an array nor a tensor.
            ValueError: if the label is not (C, H, W[, D]), waits for lazy resampling, holds fractions or classes
                that are unknown; if its affine is singular or not finite.
        """
        label = class_label("label", img)
        masks = class_masks(label[None], self.num_classes, self.ignore_index)
        sizes = image_spacing(img, label.ndim - 1, self.spacing)
        certain = known_voxels(label, self.ignore_index, known)
        certain = None if certain is None else certain[None]
        maps = batch_signed_distance(masks, sizes, dtype=_STORAGE[self.dtype], known=certain, **self.options)
        return with_meta(maps[0], img, maps.dtype)


class SignedDistanceMapd(MapTransform):
    """Dictionary version of `monai_boundary.transforms.SignedDistanceMap`: adds ``sdm_label`` beside the label.

    Args:
        keys: labels.
        output_keys: where the maps go, one for each key; ``sdm_{key}`` if not given.
        image_key: an image that the label must share the grid with (shape, and affine where both have one); not looked
            at where the data lacks it.
        tolerance: how far the same voxel may lie apart, in voxels (of the shortest side).
        known_key: a mask of the voxels whose class is known (> 0), for a label that has no value for the others.
        allow_missing_keys: do not raise for keys that the data lacks.
        num_classes: channels of the map, background included, for a label of class indices (1, spatial). Not given: the
            label holds 0 and 1 in each channel (one mask, one-hot, or nested regions).
        spacing: voxel size along each axis in mm; by default of the MetaTensor's affine (the length of its columns, so
            flipped and oblique ones too), else 1.
        ignore_index: value of an index label that belongs to no class: its voxels are on neither side, and get 0.
        convention: where 0 lies: ``"faces"`` between the voxels, ``"border"`` on the voxels of the border, or
            ``"released"``, the formula of the paper's code; defined in `monai_boundary.ops.signed_distance_map`.
        section_axis: spatial axis across which every slice is an image of its own (2-D maps of a volume).
        clip: largest distance, in mm; farther voxels get it.
        normalise: ``"max"`` divides the map by its largest distance, ``"diagonal"`` by the length of the image's
            diagonal; None leaves mm.
        backend: which library computes; ``"auto"`` takes the fastest that is installed and knows the convention.
        dtype: ``"float32"``, or ``"float16"`` for half the memory of a cache (11 bits: 0.05 % of the distance). The
            losses compute in float32, and MONAI's resampling transforms return float32.

    Raises:
        ValueError: if the output keys are not one for each key; when called, if image and label lie on different grids,
            with how far; and as `SignedDistanceMap`.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import SignedDistanceMapd
        >>> data = SignedDistanceMapd("label", num_classes=2)({"label": torch.tensor([[[0, 0, 1, 1]]])})
        >>> data["sdm_label"].tolist()
        [[[-1.5, -0.5, 0.5, 1.5]], [[1.5, 0.5, -0.5, -1.5]]]
    """

    backend = SignedDistanceMap.backend

    def __init__(
        self,
        keys: KeysCollection,
        output_keys: KeysCollection | None = None,
        image_key: str | None = "image",
        tolerance: float = SAME_GRID_VOXELS,
        known_key: str | None = None,
        allow_missing_keys: bool = False,
        *,
        num_classes: int | None = None,
        spacing: Sequence[float] | float | None = None,
        ignore_index: int | None = None,
        convention: str = "faces",
        section_axis: int | None = None,
        clip: float | None = None,
        normalise: str | None = None,
        backend: str = "auto",
        dtype: str = "float32",
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_keys = added_keys("sdm", output_keys, self.keys)
        self.image_key = image_key
        self.tolerance = tolerance
        self.known_key = known_key
        self.transform = SignedDistanceMap(
            num_classes, spacing, ignore_index, convention, section_axis, clip, normalise, backend, dtype
        )

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Return the data with the maps added."""
        d = dict(data)
        for key, output_key in self.key_iterator(d, self.output_keys):
            if self.image_key in d:
                check_same_grid(str(key), d[key], str(self.image_key), d[self.image_key], self.tolerance)
            d[output_key] = self.transform(d[key], None if self.known_key is None else d[self.known_key])
        return d


SignedDistanceMapD = SignedDistanceMapDict = SignedDistanceMapd
