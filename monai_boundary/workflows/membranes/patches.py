# SPDX-License-Identifier: Apache-2.0
"""A patch of a cached section or stack, of all keys at once: drawn, cut, mirrored, turned, brightened."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import torch
from monai.transforms import RandomizableTransform

from monai_boundary._validation import check_positive, check_spatial_dims
from monai_boundary.ops.plain_tensor import plain_tensor
from monai_boundary.transforms import ReseedRegionsd
from monai_boundary.transforms._channel import image_spacing

_REGIONS = "regions_label"
_OF_REGIONS = ("seeds_label", "cells_label")


class RandMembranePatchd(RandomizableTransform):
    """Draw a patch of a section or stack: cut every key at one place, mirror, turn, brighten; renew seeds and regions.

    What a chain of MONAI's ``RandSpatialCropd``, ``RandAxisFlipd``, ``RandRotate90d``, ``RandScaleIntensityd`` and
    ``RandShiftIntensityd`` and of `ReseedRegionsd` gives for the same draws, without a call and an image with meta data
    for each key and step. All places are drawn alike; with a probability of one half the patch is mirrored along one of
    its axes; it is turned in the plane of the section by none to three quarters, all alike, or by none or a half where
    its sides differ, so that patches of a batch have one shape; and its intensities are scaled and shifted, each with a
    probability of one half. Of an image that is smaller than the patch as much is taken as is a multiple of what the
    network halves to.

    Nothing is written to the case, so that a cache needs no copy of it. Where nothing has to change, a patch is a view
    of it: a batch that is collated is a copy.

    Args:
        keys: images, labels and targets, (channels, y, x) or (channels, z, y, x), of one size; the only ones that a
            patch has. ``image`` is the one whose intensities change. Regions, seeds and cells (``regions_label``,
            ``seeds_label``, ``cells_label``) become those of the patch, which a whole image has;
            the last two need the first two.
        size: voxels, two or three sides.
        scale: largest share of itself by which an intensity grows or shrinks.
        shift: largest number that is then added to all, or taken off.
        multiple: of whose multiples the sides are, where the image is smaller than the patch.

    Raises:
        ValueError: if the patch is not 2-D or 3-D, a number is out of range, or there are seeds or cells without
            regions or regions without seeds; when called, if the images have other dimensions.

    Example:
        >>> draw = RandMembranePatchd(["image", "label"], [2, 2]).set_random_state(0)
        >>> section = torch.arange(16.0).view(1, 4, 4)
        >>> patch = draw({"image": section, "label": section, "name": "a"})
        >>> list(patch), tuple(patch["label"].shape)
        (['image', 'label'], (1, 2, 2))
    """

    def __init__(
        self, keys: Sequence[str], size: Sequence[int], scale: float = 0.2, shift: float = 0.2, multiple: int = 1
    ) -> None:
        RandomizableTransform.__init__(self)
        check_spatial_dims("size", len(size))
        check_positive("scale", scale, zero=True)
        check_positive("shift", shift, zero=True)
        self.keys = tuple(keys)
        if missing := set(membrane_keys(self.keys)) - {*self.keys, "image", "label"}:
            raise ValueError(f"`keys` needs {sorted(missing)} beside those of {self.keys}, to renew them in a patch.")
        self.size = tuple(size)
        self.scale = scale
        self.shift = shift
        self.multiple = multiple

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the patch."""
        images = {key: plain_tensor(data[key]) for key in self.keys}
        shape = tuple(images[self.keys[0]].shape[1:])
        if len(shape) != len(self.size):
            raise ValueError(f"`size` needs {len(shape)} sides for an image of {shape}, got {self.size}.")
        size = crop_within(self.size, shape, self.multiple)
        start = [int(self.R.randint(whole - part + 1)) for whole, part in zip(shape, size, strict=True)]
        axis = int(self.R.randint(len(size)))
        flips = [axis] if self.R.random() < 0.5 else []
        quarters = int(self.R.randint(4)) if size[-1] == size[-2] else 2 * int(self.R.randint(2))
        growth, offset = (self.R.uniform(-1, 1, 2) * (self.scale, self.shift) * (self.R.random(2) < 0.5)).tolist()
        where = (slice(None), *(slice(first, first + part) for first, part in zip(start, size, strict=True)))
        patch: dict[Hashable, Any] = {key: _turned(image[where], flips, quarters) for key, image in images.items()}
        if growth or offset:
            patch["image"] = patch["image"] * (1 + growth) + offset
        if _REGIONS not in patch or size == shape:  # a whole image has the regions that it had, but for their numbers
            return patch
        spacing = image_spacing(data[_REGIONS], len(size), None)
        if quarters % 2:
            spacing = (*spacing[:-2], spacing[-1], spacing[-2])
        return dict(ReseedRegionsd("label", spacing=spacing)(patch))


def crop_within(size: Sequence[int], shape: Sequence[int], multiple: int = 1) -> tuple[int, ...]:
    """Return the crop that an image gives: the patch, or where it is smaller, the largest multiple that it holds.

    Args:
        size: voxels, of the patch.
        shape: of the image.
        multiple: of the sides.

    Example:
        >>> crop_within((512, 512), (500, 1024), 16)
        (496, 512)
    """
    return tuple(
        side if side <= length else length // multiple * multiple for side, length in zip(size, shape, strict=True)
    )


def membrane_keys(targets: Iterable[str]) -> list[str]:
    """Return the keys of a training's items: image, label, the targets, and those that renewing them in a patch needs.

    Args:
        targets: keys of what the loss takes.

    Example:
        >>> membrane_keys(["seeds_label"]), membrane_keys(["sdm_label"])
        (['image', 'label', 'seeds_label', 'regions_label'], ['image', 'label', 'sdm_label'])
    """
    keys = dict.fromkeys(("image", "label", *targets))
    if not {_REGIONS, *_OF_REGIONS}.isdisjoint(keys):
        keys |= dict.fromkeys((_REGIONS, "seeds_label"))
    return list(keys)


def _turned(patch: torch.Tensor, flips: Sequence[int], quarters: int) -> torch.Tensor:
    mirrored = patch.flip([axis + 1 for axis in flips]) if flips else patch
    return torch.rot90(mirrored, quarters, (-2, -1)) if quarters else mirrored
