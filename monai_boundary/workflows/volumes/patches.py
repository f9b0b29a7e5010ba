# SPDX-License-Identifier: Apache-2.0
"""Patches of a cached case, all of them and all keys at once: drawn, cut, padded, flipped, brightened."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.transforms import MultiSampleTrait, RandomizableTransform, Transform
from torch import Tensor

from monai_boundary._typing import AnyArray
from monai_boundary._validation import check_positive, check_spatial_dims
from monai_boundary.ops.plain_tensor import plain_tensor


class RandPatchesd(RandomizableTransform, MultiSampleTrait):
    """Draw patches of a case around its voxels of each class: cut every key, pad what is too small, flip, brighten.

    What a chain of MONAI's ``RandCropByLabelClassesd``, ``SqueezeDimd``, ``SpatialPadd``, ``RandFlipd``,
    ``RandScaleIntensityd`` and ``RandShiftIntensityd`` gives for the same draws, without a call and an image with meta
    data for each key, patch and step. A patch is drawn so: its class by ``ratios`` (those of classes that the case
    lacks are 0); a voxel of it, evenly, on which it is centred, moved no farther than it takes to stay inside; whether
    it is mirrored, along each axis, and whether its intensities are scaled and shifted, each with a probability of one
    half. Centres come from the generator as in MONAI's transform: with the same state, the same ones.

    Nothing is written to the case, so that a cache needs no copy of it. Where nothing has to change, a patch is a view
    of it: a batch that is collated is a copy.

    Args:
        keys: images, labels and maps, (channels, x, y, z) of one size, or (channels, height, width) with ``size`` None;
            the only ones that patches have.
        size: voxels, two or three sides; two are a slice across ``slice_axis``, without that axis. None takes the
            images as they are.
        count: patches of a case.
        ratios: share of the patches for each of the classes of ``indices_key``.
        indices_key: for each class its voxels, as indices of the flattened volume.
        slice_axis: spatial axis of the volume across which slices are taken.
        flips: spatial axes of the patch along which it may be mirrored.
        edge_keys: keys that are padded with what their edge holds; the others with 0.
        float_keys: keys that become float32.
        image_key: whose intensities change.
        scale: largest share of itself by which an intensity grows or shrinks.
        shift: largest number that is then added to all, or taken off.

    Raises:
        ValueError: if the patch is not 2-D or 3-D; when called, if the case has no voxel of a class with a ratio.

    Example:
        >>> case = {"label": torch.tensor([[[[0, 0, 7, 0, 0]]]]), "voxels": [np.array([0, 1, 3, 4]), np.array([2])]}
        >>> draw = RandPatchesd(["label"], [1, 1, 3], count=2, ratios=[0, 1], indices_key="voxels")
        >>> [patch["label"].flatten().tolist() for patch in draw(case)]
        [[0, 7, 0], [0, 7, 0]]
    """

    def __init__(
        self,
        keys: Sequence[str],
        size: Sequence[int] | None,
        *,
        count: int = 1,
        ratios: Sequence[float] = (1, 1),
        indices_key: str = "indices",
        slice_axis: int = 2,
        flips: Sequence[int] = (),
        edge_keys: Collection[str] = (),
        float_keys: Collection[str] = (),
        image_key: str = "image",
        scale: float = 0.0,
        shift: float = 0.0,
    ) -> None:
        RandomizableTransform.__init__(self)
        check_positive("count", count)
        if size is not None:
            check_spatial_dims("size", len(size))
        self.keys = tuple(keys)
        self.size = None if size is None else tuple(size)
        self.count = count
        self.ratios = tuple(ratios)
        self.indices_key = indices_key
        self.slice_axis = slice_axis
        self.flips = tuple(flips)
        self.edge_keys = tuple(edge_keys)
        self.float_keys = tuple(float_keys)
        self.image_key = image_key
        self.scale = scale
        self.shift = shift

    def __call__(self, data: Mapping[Hashable, Any]) -> list[dict[Hashable, Any]] | dict[Hashable, Any]:
        """Return the patches, a dictionary for each; with ``size`` None the one of the whole images."""
        images = {key: plain_tensor(data[key]) for key in self.keys}
        shape = tuple(images[self.keys[0]].shape[1:])
        if self.size is None:
            starts: list[list[int]] = [[0] * len(shape)]
            size = shape
        else:
            size = self.size if len(self.size) == len(shape) else _with_slice(self.size, self.slice_axis)
            starts = patch_starts(self.drawn_centres(data[self.indices_key], shape), size, shape).tolist()
        squeezed = self.slice_axis if len(size) > len(self.size or size) else None
        mirrored = self.R.random((len(starts), len(self.flips))) < 0.5
        changed = self.R.random((len(starts), 2)) < 0.5
        amounts = self.R.uniform(-1, 1, (len(starts), 2)) * (self.scale, self.shift) * changed
        patches = []
        for start, turns, (growth, offset) in zip(starts, mirrored, amounts.tolist(), strict=True):
            flips = [axis for axis, turn in zip(self.flips, turns, strict=True) if turn]
            patch: dict[Hashable, Any] = {
                key: cut_patch(image, start, size, squeezed=squeezed, flips=flips, edge=key in self.edge_keys)
                for key, image in images.items()
            }
            for key in self.float_keys:
                patch[key] = patch[key].float()
            if growth or offset:
                patch[self.image_key] = patch[self.image_key] * (1 + growth) + offset
            patches.append(patch)
        return patches if self.size is not None else patches[0]

    def drawn_centres(self, indices: Sequence[Any], shape: Sequence[int]) -> AnyArray:
        """Return the voxels that patches are drawn around, (count, dimensions).

        Args:
            indices: for each class its voxels, as indices of the flattened volume.
            shape: of the volume.
        """
        shares = np.array([ratio if len(one) else 0 for ratio, one in zip(self.ratios, indices, strict=True)], float)
        if not shares.sum():
            raise ValueError(f"`{self.indices_key}` needs a voxel of a class with a ratio, {self.ratios}; got none.")
        classes = self.R.choice(len(shares), size=self.count, p=shares / shares.sum())
        chosen = [int(indices[k][self.R.randint(len(indices[k]))]) for k in classes]
        return np.stack(np.unravel_index(chosen, tuple(shape)), axis=1)


class SliceLayoutd(Transform):
    """Lay volumes out in memory slice by slice: the values and the shape stay, and a slice is one piece.

    Of a volume whose last axis is across the slices, every voxel of a slice is a cache line of its own.

    Args:
        keys: volumes (channels, x, y, z).
        axis: spatial axis across the slices.

    Example:
        >>> SliceLayoutd(["image"], 2)({"image": torch.zeros(1, 4, 5, 6)})["image"][..., 3].is_contiguous()
        True
    """

    def __init__(self, keys: Sequence[str], axis: int) -> None:
        self.keys = tuple(keys)
        self.axis = axis

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data with the volumes laid out."""
        d = dict(data)
        for key in self.keys:
            d[key] = d[key].movedim(self.axis + 1, 1).contiguous().movedim(1, self.axis + 1)
        return d


def patch_starts(centres: AnyArray, size: Sequence[int], shape: Sequence[int]) -> AnyArray:
    """Return where patches begin whose centres are these voxels, moved so that they stay inside.

    Args:
        centres: (patches, dimensions); of an even size the voxel after the middle.
        size: of the patch; where it is larger than the image, it begins with it.
        shape: of the image.

    Example:
        >>> patch_starts(np.array([[0], [5], [9]]), [4], [10]).tolist()
        [[0], [3], [6]]
    """
    most = np.maximum(np.subtract(shape, size), 0)
    starts: AnyArray = np.clip(centres - np.floor_divide(size, 2), 0, most)
    return starts


def cut_patch(
    image: Tensor,
    start: Sequence[int],
    size: Sequence[int],
    *,
    squeezed: int | None = None,
    flips: Sequence[int] = (),
    edge: bool = False,
) -> Tensor:
    """Return a patch of an image; a view of it where it need not be padded or flipped.

    Args:
        image: (channels, spatial).
        start: its first voxel.
        size: of the patch; an image that is smaller is padded, on both sides alike, with the odd voxel at the end.
        squeezed: spatial axis of size 1 that is taken away.
        flips: spatial axes of what is left along which it is mirrored.
        edge: pad with what the edge holds instead of 0.

    Example:
        >>> cut_patch(torch.tensor([[1, 2, 3, 4]]), [1], [2], flips=[0]).tolist()
        [[3, 2]]
        >>> cut_patch(torch.tensor([[1, 2]]), [0], [5], edge=True).tolist()
        [[1, 1, 2, 2, 2]]
    """
    patch = image[(slice(None), *(slice(a, a + n) for a, n in zip(start, size, strict=True)))]
    kept = list(size)
    if squeezed is not None:
        patch = patch.squeeze(squeezed + 1)
        del kept[squeezed]
    lacking = [wanted - there for wanted, there in zip(kept, patch.shape[1:], strict=True)]
    if any(lacking):
        patch = _padded(patch, lacking, edge)
    return patch.flip([axis + 1 for axis in flips]) if flips else patch


def _padded(patch: Tensor, lacking: Sequence[int], edge: bool) -> Tensor:
    if not edge:
        sides = [side for n in reversed(lacking) for side in (n // 2, n - n // 2)]
        return torch.nn.functional.pad(patch, sides)
    for axis, n in enumerate(lacking, 1):
        if n:
            length = patch.shape[axis]
            patch = patch.index_select(axis, torch.arange(-(n // 2), length + n - n // 2).clamp(0, length - 1))
    return patch


def _with_slice(size: Sequence[int], axis: int) -> tuple[int, ...]:
    return (*size[:axis], 1, *size[axis:])
