# SPDX-License-Identifier: Apache-2.0
"""Whether a map that was moved through a pipeline is still the signed distance of its label."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from monai_boundary._validation import check_same_shape, check_section_axis, check_spacing, check_spatial_dims
from monai_boundary.ops.plain_tensor import plain_tensor


def check_distance_map(
    distance_map: Tensor,
    masks: Tensor,
    spacing: Sequence[float] | float | None = None,
    *,
    section_axis: int | None = None,
) -> None:
    """Check that a map (in mm) can be the signed distance of these masks, after crops, flips and resampling.

    Two properties survive them, and what goes wrong in pipelines breaks one of the two: the map is negative inside and
    positive outside (but for a voxel's diagonal at the border, by interpolation), and between two neighbours it
    changes by no more than the way between them. Zeros that padding wrote jump.

    Args:
        distance_map: (C, H, W[, D]), in mm, neither clipped to less than two voxels nor normalised.
        masks: 0/1 of the same shape.
        spacing: voxel size along each axis in mm, as it is now (after a zoom: of the zoomed image).
        section_axis: as the map was made.

    Returns:
        None.

    Raises:
        ValueError: if the shapes differ, the map holds NaN or infinity, jumps, or has the wrong sign.

    Example:
        >>> import torch
        >>> mask = torch.tensor([[[0, 0, 0, 0, 0, 0, 1]] * 2])
        >>> phi = torch.tensor([[[0.0, 0.0, 4.0, 3.0, 2.0, 1.0, 0.0]] * 2])
        >>> check_distance_map(phi, mask)
        Traceback (most recent call last):
        ...
        ValueError: `distance_map` jumps by 4 mm between neighbours 1 mm apart, at 2 places: ...
    """
    phi, truth = (plain_tensor(x) for x in (distance_map, masks))
    check_spatial_dims("distance_map", phi.ndim - 1)
    check_same_shape("distance_map", phi.shape, "label (one channel per class)", truth.shape)
    sizes = check_spacing(spacing, phi.ndim - 1)
    axis = check_section_axis(section_axis, phi.ndim - 1)
    phi = phi.float()
    if not bool(torch.isfinite(phi).all()):
        raise ValueError("`distance_map` needs finite values, got NaN or infinity.")
    for step_axis, size in enumerate(sizes):
        if step_axis != axis and phi.shape[step_axis + 1] > 1:
            _check_steps(phi, step_axis + 1, size)
    _check_signs(phi, truth > 0.5, math.hypot(*sizes))


def _check_steps(phi: Tensor, dim: int, size: float) -> None:
    """Twice the way is allowed (elastic deformation), and 1 for the constant of the released convention."""
    steps = phi.diff(dim=dim).abs()
    jumps = steps > 2 * size + 1 + phi.abs().amax() / 1024
    if bool(jumps.any()):
        raise ValueError(
            f"`distance_map` jumps by {float(steps.max()):.3g} mm between neighbours {size:g} mm apart, at "
            f'{int(jumps.sum())} places: was it padded with zeros? Pad a map with `mode="edge"`, resample it with '
            '`padding_mode="border"`.'
        )


def _check_signs(phi: Tensor, truth: Tensor, diagonal: float) -> None:
    wrong = torch.where(truth, phi > diagonal, phi < -diagonal)
    share = float(wrong.float().mean())
    if share > 0.01:
        raise ValueError(
            f"`distance_map` needs values < 0 inside and > 0 outside its label, got the wrong sign, by more than a "
            f"voxel, on {share:.1%} of the voxels: did map and label go through the same spatial transforms, and is "
            "inside negative?"
        )
