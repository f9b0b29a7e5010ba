# SPDX-License-Identifier: Apache-2.0
"""From the task's orientation back to that of the file: only flips and exchanged axes, no voxel changes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from monai_boundary._typing import AnyArray, DoubleArray
from monai_boundary.ops.grid import SAME_GRID_VOXELS
from monai_boundary.workflows.volumes.place import placed_at


def native_turn(affine: DoubleArray, native: DoubleArray) -> AnyArray:
    """Return the flips and the order of axes (as nibabel's) that bring voxels with one affine to the grid of another.

    Args:
        affine: (4, 4), of the voxels.
        native: (4, 4), of the grid that they are to lie on.

    Raises:
        ValueError: if the one grid is not the other, flipped or turned.

    Example:
        >>> native_turn(np.eye(4), np.diag([-1.0, 1, 1, 1])).tolist()
        [[0.0, -1.0], [1.0, 1.0], [2.0, 1.0]]
    """
    steps = np.linalg.solve(native, affine)[:3, :3]
    axes = np.abs(steps).argmax(axis=0)
    turned = np.zeros((3, 3))
    turned[axes, range(3)] = np.sign(steps[axes, range(3)])
    if sorted(axes.tolist()) != [0, 1, 2] or np.abs(steps - turned).max() > SAME_GRID_VOXELS:
        raise ValueError(
            f"`image` needs the grid of `native_affine` {native.tolist()}, flipped or turned, got {affine.tolist()}."
        )
    return np.stack([axes, turned[axes, range(3)]], axis=1)


class NativeOrientationd(MapTransform):
    """Turn what lies on the grid of ``image`` to the orientation of the file, and ``image`` with it.

    ``native_affine`` is that of :func:`~monai_boundary.workflows.volume_transforms`; data without it stay as they are.
    What comes out has the file's affine, as ``affine`` and as ``original_affine``, and its shape: a program that knows
    nothing of the preprocessing (MONAI Label, MONAI Deploy) puts the segmentation where the image lies.

    Args:
        keys: segmentations or probabilities, (C, x, y, z), beside ``image`` itself.
        allow_missing_keys: do not raise for keys that the data lacks.

    Raises:
        ValueError: when called, if ``image`` lies on another grid than ``native_affine`` says.

    Example:
        >>> data = {"image": MetaTensor(torch.zeros(1, 3, 1, 1)), "pred": torch.tensor([1, 2, 3]).reshape(1, 3, 1, 1)}
        >>> out = NativeOrientationd("pred")({**data, "native_affine": np.diag([-1.0, 1, 1, 1])})
        >>> out["pred"].flatten().tolist()
        [3, 2, 1]
    """

    def __init__(self, keys: KeysCollection, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data with the keys and ``image`` turned."""
        d = dict(data)
        if "native_affine" not in d:
            return d
        image = d["image"]
        native = np.asarray(d["native_affine"], dtype=np.float64).reshape(4, 4)
        turn = native_turn(np.asarray(image.affine, dtype=np.float64), native)
        for key in {**dict.fromkeys(self.key_iterator(d)), "image": None}:
            d[key] = _turned(d[key], turn, native, image)
        return d


def _turned(values: Any, turn: AnyArray, native: DoubleArray, image: Any) -> MetaTensor:
    plain = torch.as_tensor(values).as_subclass(torch.Tensor)
    flipped = plain.flip([axis + 1 for axis in range(3) if turn[axis, 1] < 0])
    order = [0, *(int(axis) + 1 for axis in np.argsort(turn[:, 0]))]
    out = placed_at(flipped.permute(order).contiguous(), native, image)
    out.meta["original_affine"] = out.affine.clone()
    out.meta["spatial_shape"] = np.asarray(out.shape[1:])
    return out
