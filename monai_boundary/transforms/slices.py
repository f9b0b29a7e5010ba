# SPDX-License-Identifier: Apache-2.0
"""Slices of a volume around a region."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.data import MetaTensor
from monai.transforms import MapTransform, MultiSampleTrait, Transform
from monai.utils import TransformBackends

from monai_boundary._validation import check_choice, check_same_shape
from monai_boundary.ops.label_values import whole_label_tensor
from monai_boundary.ops.slices import slices_around
from monai_boundary.transforms._channel import (
    class_label,
)

__all__ = ["SlicesAround", "SlicesAroundD", "SlicesAroundDict", "SlicesAroundd"]


class SlicesAround(Transform, MultiSampleTrait):
    """Take some slices of a volume, as 2-D images, around a region of a label.

    See `monai_boundary.ops.slices_around` for which. Bring all volumes to one orientation first (``Orientationd``), so
    that ``axis`` means the same in each: with RAS or LPS, 2 is across the axial slices.

    A slice is (C, H, W); its meta data keep the volume's 4x4 affine, with the columns of the axes that remain first and
    the slice's place in the translation, so that voxel sizes and world coordinates stay right.

    Args:
        count: number of slices of each volume.
        axis: spatial axis across the slices.
        step: slices from one to the next; None spreads them over the region.
        channel: of the label that ``around`` gives: the region. None is any channel.

    Raises:
        ValueError: if an argument is out of range; when called, if the image is no volume, the label has another shape,
            or there are too few slices.

    Example:
        >>> import torch
        >>> from monai_boundary.transforms import SlicesAround
        >>> label = torch.zeros(1, 4, 4, 9)
        >>> label[..., 3:6] = 1
        >>> [tuple(image.shape) for image in SlicesAround(count=3)(torch.rand(2, 4, 4, 9), label)]
        [(2, 4, 4), (2, 4, 4), (2, 4, 4)]
    """

    backend = [TransformBackends.TORCH]  # noqa: RUF012  # a list by MONAI's declaration

    def __init__(self, count: int = 8, axis: int = 2, step: int | None = None, channel: int | None = None) -> None:
        check_choice("axis", axis, range(-3, 3))
        self.count = count
        self.axis = axis % 3
        self.step = step
        self.channel = channel

    def __call__(self, img: NdarrayOrTensor, around: NdarrayOrTensor) -> list[torch.Tensor]:  # type: ignore[override]
        """Return the slices of an image (C, spatial) around a label (C, spatial) of the same grid."""
        check_same_shape("img", img.shape[1:], "around", around.shape[1:])
        return self.take(img, self.indices(around))

    def indices(self, around: NdarrayOrTensor) -> list[int]:
        """Return which slices are taken."""
        label = class_label("around", around)
        if self.channel is not None and not -len(label) <= self.channel < len(label):
            raise ValueError(f"`channel` needs one of the label's {len(label)} channels, got {self.channel}.")
        region = whole_label_tensor("around", label) != 0
        mask = region.any(dim=0) if self.channel is None else region[self.channel]
        return slices_around(mask.cpu().numpy(), self.count, self.axis, self.step)

    def take(self, img: NdarrayOrTensor, indices: Sequence[int]) -> list[torch.Tensor]:
        """Return these slices of an image (C, spatial), each with memory of its own."""
        volume = class_label("img", img)
        if volume.ndim != 4:
            raise ValueError(f"`img` needs a volume, (C, H, W, D), got shape {tuple(volume.shape)}.")
        slices = [volume.select(self.axis + 1, index).clone() for index in indices]
        if not isinstance(img, MetaTensor):
            return slices
        return [
            MetaTensor(one, affine=self._affine(img.affine, index), meta=_plain_meta(img))
            for one, index in zip(slices, indices, strict=True)
        ]

    def _affine(self, affine: torch.Tensor, index: int) -> torch.Tensor:
        order = [axis for axis in range(3) if axis != self.axis]
        moved = affine[:, [*order, self.axis, 3]].clone()
        moved[:3, 3] += index * affine[:3, self.axis].to(moved.dtype)
        return moved


class SlicesAroundd(MapTransform, MultiSampleTrait):
    """Dictionary version of `monai_boundary.transforms.SlicesAround`: a list of dictionaries, one for each slice.

    MONAI's ``Compose`` applies the transforms that follow to each, and its loader makes one batch of all.

    Args:
        keys: images, labels and maps to be sliced; other entries are the same in every dictionary.
        around: the label that says where, one of the keys or another entry.
        index_key: where the slice's index goes.
        allow_missing_keys: do not raise for keys that the data lacks.
        count: number of slices of each volume.
        axis: spatial axis across the slices.
        step: slices from one to the next; None spreads them over the region.
        channel: of the label that ``around`` gives: the region. None is any channel.

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
        *,
        count: int = 8,
        axis: int = 2,
        step: int | None = None,
        channel: int | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.around = around
        self.index_key = index_key
        self.transform = SlicesAround(count, axis, step, channel)

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


def _plain_meta(img: MetaTensor) -> dict[str, object]:
    """The meta data, copied, without what belongs to the volume's grid."""
    grid = ("affine", "original_affine", "spatial_shape", "space")
    kept = {key: value for key, value in img.meta.items() if key not in grid}
    return {key: np.copy(value) if isinstance(value, np.ndarray) else value for key, value in kept.items()}


SlicesAroundD = SlicesAroundDict = SlicesAroundd
