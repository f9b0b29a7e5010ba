# SPDX-License-Identifier: Apache-2.0
"""From an image's own grid to voxels of a given size, and back: linear, axis by axis, labels class by class."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform

from monai_boundary._validation import check_spacing
from monai_boundary.ops.grid import affine_spacing
from monai_boundary.ops.label_values import whole_label_tensor
from monai_boundary.workflows.volumes.place import placed_at

GRID_KEY = "native_grid"


class ResampleVolumed(Transform):
    """Bring ``image`` to voxels of a given size, and the label too, if wanted.

    The new grid has the middle of the old one, its directions, and as many voxels as cover it. The image is
    interpolated linearly; of a label the id wins that is linearly interpolated to the largest share: nearest-neighbour
    steps, as of thick slices, are rounded off. Beyond the outermost voxels' centres their values go on. Adds
    ``native_grid``, which :class:`NativeGridd` needs: shape and steps, (3, 2).

    Args:
        spacing: mm along each axis, in the image's orientation.
        label: whether ``label`` comes along; it stays on its own grid if not.

    Example:
        >>> affine = torch.diag(torch.tensor([2.0, 2, 2, 1]))
        >>> image = MetaTensor(torch.tensor([0.0, 4, 8, 12]).reshape(1, 4, 1, 1), affine=affine)
        >>> out = ResampleVolumed((1.0, 2.0, 2.0))({"image": image})
        >>> out["image"].flatten().tolist()
        [0.0, 1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 12.0]
        >>> NativeGridd("image")(out)["image"].flatten().tolist()
        [0.5, 4.0, 8.0, 11.5]
    """

    def __init__(self, spacing: Sequence[float], label: bool = True) -> None:
        self.spacing = check_spacing(spacing, 3)
        self.label = label

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data with image and label on the new grid."""
        d = dict(data)
        image = d["image"]
        shape = tuple(image.shape[1:])
        old = affine_spacing(image.affine, 3, sheared=True)
        steps = [new / size for new, size in zip(self.spacing, old, strict=True)]
        target = [max(1, round(n / step)) for n, step in zip(shape, steps, strict=True)]
        affine = _moved_affine(image.affine, shape, target, steps)
        d["image"] = placed_at(resample_linear(image, target, steps), affine, image)
        if self.label and "label" in d:
            label = d["label"]
            d["label"] = placed_at(resample_ids(label, target, steps), affine, label)
        d[GRID_KEY] = np.array([[n, 1 / step] for n, step in zip(shape, steps, strict=True)])
        return d


class NativeGridd(MapTransform):
    """Bring images or probabilities from the grid of :class:`ResampleVolumed` back to the one that they came from.

    Data without ``native_grid`` stay as they are.

    Args:
        keys: images or maps (C, x, y, z), which are interpolated linearly.
        allow_missing_keys: do not raise for keys that the data lacks.
    """

    def __init__(self, keys: KeysCollection, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data on the old grid."""
        d = dict(data)
        if GRID_KEY not in d:
            return d
        grid = torch.as_tensor(d[GRID_KEY]).reshape(3, 2)
        target, steps = [int(n) for n in grid[:, 0]], grid[:, 1].tolist()
        for key in self.key_iterator(d):
            image = d[key]
            moved = resample_linear(image, target, steps)
            if isinstance(image, MetaTensor):
                affine = _moved_affine(image.affine, tuple(image.shape[1:]), target, steps)
                moved = placed_at(moved, affine, image)
            d[key] = moved
        return d


def resample_linear(image: torch.Tensor, shape: Sequence[int], steps: Sequence[float]) -> torch.Tensor:
    """Return an image on a grid with the same middle, linearly interpolated along one axis after the other.

    Args:
        image: (C, spatial), float.
        shape: voxels of the new grid.
        steps: size of a new voxel along each axis, in voxels of the image.

    Example:
        >>> resample_linear(torch.tensor([[0.0, 2, 4]]), [5], [0.5])
        tensor([[0., 1., 2., 3., 4.]])
    """
    values = torch.as_tensor(image).as_subclass(torch.Tensor)
    for axis, (count, step) in enumerate(zip(shape, steps, strict=True), 1):
        size = values.shape[axis]
        if count == size and abs(step - 1) * size < 1e-6:
            continue
        place = (torch.arange(count, dtype=torch.float64) - (count - 1) / 2) * step + (size - 1) / 2
        place = place.clamp(0, size - 1)
        low = place.floor().long()
        share = (place - low).to(values).reshape([-1 if a == axis else 1 for a in range(values.ndim)])
        low = low.to(values.device)
        lower = values.index_select(axis, low)
        values = lower + share * (values.index_select(axis, (low + 1).clamp(max=size - 1)) - lower)
    return values


def resample_ids(label: torch.Tensor, shape: Sequence[int], steps: Sequence[float]) -> torch.Tensor:
    """Return a label (1, spatial) of ids on a grid with the same middle: the id with the largest share wins.

    Raises:
        ValueError: if the label holds fractions or NaN.

    Example:
        >>> resample_ids(torch.tensor([[0, 0, 5, 5]]), [8], [0.5])
        tensor([[0., 0., 0., 0., 5., 5., 5., 5.]])
    """
    ids = whole_label_tensor("label", label)
    best = torch.zeros(1, *shape)
    chosen = torch.full((1, *shape), float("nan"))
    for value in np.unique(ids.numpy()).tolist():
        share = resample_linear((ids == value).float(), shape, steps)
        wins = (share > best) | chosen.isnan()
        best, chosen = torch.where(wins, share, best), torch.where(wins, float(value), chosen)
    return chosen


def _moved_affine(affine: Any, shape: Sequence[int], target: Sequence[int], steps: Sequence[float]) -> torch.Tensor:
    """The affine of the new grid, of the old one's."""
    matrix = torch.as_tensor(affine, dtype=torch.float64)
    inside = torch.eye(4, dtype=torch.float64)
    for axis, (n, m, step) in enumerate(zip(shape, target, steps, strict=True)):
        inside[axis, axis] = step
        inside[axis, 3] = (n - 1) / 2 - (m - 1) / 2 * step
    return matrix @ inside
