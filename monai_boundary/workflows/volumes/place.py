# SPDX-License-Identifier: Apache-2.0
"""What the volume bundles ask of a patient's files: readable, finite, three dimensions, a place that is known."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor

from monai_boundary._typing import AnyArray
from monai_boundary.data.volumes.nifti_reader import check_finite
from monai_boundary.data.volumes.nifti_writer import HEADER_BYTES, nifti_header
from monai_boundary.ops.grid import affine_spacing, check_same_grid

NATIVE_KEYS = ("native_affine", "native_header")


def check_volume(name: str, volume: Any, channels: int | None = None) -> None:
    """Check that an image (C, x, y, z) is a finite volume whose affine is one.

    Raises:
        ValueError: saying what is wrong; of NaN and infinity how many there are, and in which file.
    """
    if volume.ndim != 4 or (channels is not None and volume.shape[0] != channels):
        wanted = "3-D volumes" if channels is None else "one 3-D volume"
        raise ValueError(f"`{name}` needs {wanted}, got shape {tuple(volume.shape)} (channels first).")
    if not bool(torch.isfinite(volume).all()):
        path = _file(volume)
        check_finite(f"`{name}`{f' of {path}' if path else ''}", np.asarray(volume))
    try:
        affine_spacing(volume.affine, 3, sheared=True)
    except ValueError as error:
        raise ValueError(f"`{name}`: {error}") from error


def at_place_of(name: str, image: Any, reference: str, target: Any) -> Any:
    """Return an image that lies on the target's grid but for rounding, with the target's affine.

    Raises:
        ValueError: if it lies on another grid, saying how far apart: see `monai_boundary.ops.grid.check_same_grid`.
    """
    check_same_grid(name, image, reference, target)
    if not isinstance(image, MetaTensor) or torch.equal(torch.as_tensor(image.affine), torch.as_tensor(target.affine)):
        return image
    placed = image.clone()
    placed.affine = torch.as_tensor(target.affine).clone()
    return placed


def placed_at(values: torch.Tensor, affine: Any, like: Any) -> MetaTensor:
    """Return voxels as an image with this affine, which keeps of another one what is not of its grid (its file)."""
    own = dict(like.meta) if isinstance(like, MetaTensor) else {}
    meta = {key: value for key, value in own.items() if key not in ("affine", "original_affine", "spatial_shape")}
    plain = torch.as_tensor(values).as_subclass(torch.Tensor)
    return MetaTensor(plain, affine=torch.as_tensor(affine, dtype=torch.float64).clone(), meta=meta)


def native_place(target: Any) -> dict[Hashable, AnyArray]:
    """Return what a segmentation needs to be written where the target lies: its affine in mm and its NIfTI header.

    They are arrays: the image is then the only tensor of an item, and MONAI Deploy hands every tensor to the network.
    """
    header = nifti_header(_file(target)) if _file(target) else np.zeros(HEADER_BYTES, np.uint8)
    place = (np.asarray(target.affine, dtype=np.float64).copy(), header.copy())
    return dict(zip(NATIVE_KEYS, place, strict=True))


def crop_ratios(share: float) -> list[float]:
    """Return the shares of crops around background and around what is sought, neither of them 0.

    A patient without the one (or, in a full mask, the other) is then cropped around what there is; with ratios of 0 and
    1 the sampler would have no voxel to choose.

    Example:
        >>> crop_ratios(0.5)
        [0.5, 0.5]
    """
    return [max(1 - share, 1e-9), max(share, 1e-9)]


def _file(volume: Any) -> str:
    return str(volume.meta.get("filename_or_obj", "")) if isinstance(volume, MetaTensor) else ""
