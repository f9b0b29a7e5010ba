# SPDX-License-Identifier: Apache-2.0
"""What the transforms of labels share: one channel off and on again, the voxel size, and the meta data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai.config.type_definitions import NdarrayOrTensor
from monai.data import MetaTensor
from monai.utils import convert_to_dst_type

from monai_boundary._typing import AnyArray
from monai_boundary._validation import check_spacing
from monai_boundary.ops.grid import affine_spacing

__all__ = ["channel_first", "class_label", "image_spacing", "known_voxels", "single_channel", "with_meta"]


def single_channel(name: str, image: NdarrayOrTensor) -> AnyArray:
    """Return the one channel of a channel-first 2-D or 3-D image as a numpy array (a view: do not write to it).

    Raises:
        TypeError: if it is neither an array nor a tensor.
        ValueError: if it is not (1, H, W) or (1, D, H, W).
    """
    if not isinstance(image, (np.ndarray, torch.Tensor)):
        raise TypeError(f"`{name}` needs an array or a tensor, got {type(image).__name__}.")
    if image.ndim not in (3, 4) or image.shape[0] != 1:
        raise ValueError(f"`{name}` needs one channel, (1, H, W) or (1, D, H, W), got shape {tuple(image.shape)}.")
    if isinstance(image, torch.Tensor):
        plain = image.as_tensor() if isinstance(image, MetaTensor) else image
        plain = plain.detach().cpu()
        image = (plain.float() if plain.dtype in (torch.bfloat16, torch.float16) else plain).numpy()
    channel: AnyArray = image[0]
    return channel


def class_label(name: str, image: NdarrayOrTensor) -> torch.Tensor:
    """Return a channel-first 2-D or 3-D label as a plain tensor, on its device.

    Raises:
        TypeError: if it is neither an array nor a tensor.
        ValueError: if it is not (C, H, W) or (C, D, H, W), or waits for lazy resampling.
    """
    if not isinstance(image, (np.ndarray, torch.Tensor)):
        raise TypeError(f"`{name}` needs an array or a tensor, got {type(image).__name__}.")
    if image.ndim not in (3, 4):
        raise ValueError(f"`{name}` needs channels first, (C, H, W) or (C, D, H, W), got shape {tuple(image.shape)}.")
    if isinstance(image, MetaTensor) and image.pending_operations:
        raise ValueError(
            f"`{name}` needs its lazy operations applied, got {len(image.pending_operations)} pending. MONAI's lazy "
            "resampling ignores `mode` and `padding_mode`: keep labels and their maps out of it (`lazy=False`)."
        )
    plain = np.array(image, order="C") if isinstance(image, np.ndarray) else image  # no negative strides
    return torch.as_tensor(plain).as_subclass(torch.Tensor)


def channel_first(array: AnyArray, like: NdarrayOrTensor, dtype: torch.dtype) -> torch.Tensor:
    """Return ``array`` as a tensor (1, ...) with the meta data, affine, history and device of ``like``."""
    return with_meta(array[None], like, dtype)


def with_meta(maps: NdarrayOrTensor, like: NdarrayOrTensor, dtype: torch.dtype) -> torch.Tensor:
    """Return maps (C, spatial) as a tensor with the meta data, affine, history and device of ``like``."""
    template = like if isinstance(like, torch.Tensor) else torch.empty(0)
    return convert_to_dst_type(maps, template, dtype=dtype)[0]


def known_voxels(
    label: torch.Tensor, ignore_index: int | None, known: NdarrayOrTensor | None = None
) -> torch.Tensor | None:
    """Return the voxels (1, spatial) whose class is known, by ``ignore_index`` and by a mask; None if all are."""
    certain = None if ignore_index is None else label != ignore_index
    if known is None:
        return certain
    given = class_label("known", known).to(label.device) > 0
    return given if certain is None else given & certain


def image_spacing(
    image: Any, ndim: int, spacing: Sequence[float] | float | None, *, sheared: bool = False
) -> tuple[float, ...]:
    """Return ``spacing`` when given, else the voxel size by the image's affine, else 1 along every axis.

    The size along an axis is the length of the affine's column, also for an image whose plane lies askew in the world.
    """
    if spacing is not None or not isinstance(image, MetaTensor):
        return check_spacing(spacing, ndim, unit="voxel size")
    return affine_spacing(image.affine, ndim, sheared=sheared)
