# SPDX-License-Identifier: Apache-2.0
"""Whether a map that was moved through a pipeline is still the signed distance of its label, and its sign restored."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from monai_boundary._validation import (
    check_choice,
    check_positive,
    check_same_shape,
    check_section_axis,
    check_spacing,
    check_spatial_dims,
)
from monai_boundary.ops.plain_tensor import plain_tensor
from monai_boundary.ops.signed_distance import CONVENTIONS


def check_distance_map(
    distance_map: Tensor,
    masks: Tensor,
    spacing: Sequence[float] | float | None = None,
    *,
    section_axis: int | None = None,
    convention: str = "faces",
    known: Tensor | None = None,
) -> None:
    """Check that a map (in mm) can be the signed distance of these masks, after crops, flips and resampling.

    Two properties survive what is right, and what goes wrong in pipelines breaks one of the two: the map is negative in
    every voxel inside and positive in every other, and between two neighbours it changes by little more than the way
    between them. Zeros that padding wrote jump, and have no sign; interpolation loses the sign near the border.

    With the conventions ``"border"`` and ``"released"`` voxels near the border have no sign of their own; there it is
    wrong beyond a voxel's diagonal, and on more than 1 % of the voxels.

    Args:
        distance_map: (C, H, W[, D]), in mm, neither clipped to less than two voxels nor normalised.
        masks: 0/1 of the same shape.
        spacing: voxel size along each axis in mm, as it is now (after a zoom: of the zoomed image).
        section_axis: axis across which every slice is an image of its own, where the map was made so.
        convention: that of the map: ``"faces"``, ``"border"`` or ``"released"``.
        known: (1, H, W[, D]), voxels whose class is known; the others are not looked at.

    Returns:
        None.

    Raises:
        ValueError: if the shapes differ, the map holds NaN or infinity, jumps, or has the wrong sign.

    Example:
        >>> import torch
        >>> mask = torch.tensor([[[0, 0, 0, 0, 0, 0, 1]] * 2])
        >>> phi = torch.tensor([[[0.0, 0.0, 4.0, 3.0, 2.0, 1.0, -1.0]] * 2])
        >>> check_distance_map(phi, mask)
        Traceback (most recent call last):
        ...
        ValueError: `distance_map` jumps by 4 mm between neighbours 1 mm apart, at 2 places: ...
    """
    check_choice("convention", convention, CONVENTIONS)
    phi, truth, certain = _checked(distance_map, masks, known)
    sizes = check_spacing(spacing, phi.ndim - 1)
    axis = check_section_axis(section_axis, phi.ndim - 1)
    phi = phi.float()
    if not bool(torch.isfinite(phi).all()):
        raise ValueError("`distance_map` needs finite values, got NaN or infinity.")
    for step_axis, size in enumerate(sizes):
        if step_axis != axis and phi.shape[step_axis + 1] > 1:
            slack = math.hypot(*sizes) if convention == "faces" else 1.0
            _check_steps(phi, certain, step_axis + 1, size, slack)
    if convention == "faces":
        _check_every_sign(phi, truth, certain, axis)
    else:
        _check_most_signs(phi, truth, certain, math.hypot(*sizes))


def restore_distance_sign(
    distance_map: Tensor,
    masks: Tensor,
    spacing: Sequence[float] | float | None = None,
    *,
    section_axis: int | None = None,
    least: float | None = None,
    known: Tensor | None = None,
) -> Tensor:
    """Return a map that was interpolated with the sign that its label says, in every voxel.

    Between voxels of both sides linear interpolation passes through 0, and a label that went by the nearest voxel may
    lie on either side of that: near the border, and in objects of a few voxels, the map's sign is then not the label's.
    Where it is not, the voxel gets the least distance that there is, half of the voxel's shortest side, with the
    label's sign; where it is, the distance stays, but is no less than that.

    Args:
        distance_map: (C, H, W[, D]), as the transforms left it.
        masks: 0/1 of the same shape: the label, as the same transforms left it.
        spacing: voxel size along each axis in mm, as it is now.
        section_axis: axis across which every slice is an image of its own, where the map was made so.
        least: the least distance, in the map's unit: a normalised map needs it said.
        known: (1, H, W[, D]), voxels whose class is known; the others get 0.

    Returns:
        The map, with its dtype. A channel (or slice) that is 0 everywhere stays so: its class has no border. Nowhere
        is the least distance more than the largest in the channel (or slice), as of a map that was clipped.

    Raises:
        ValueError: if the shapes differ, or ``least`` is not positive.

    Example:
        >>> import torch
        >>> restore_distance_sign(torch.tensor([[[1.2, 0.1, 0.1, 1.2]]]), torch.tensor([[[0, 1, 1, 0]]])).tolist()
        [[[1.2000000476837158, -0.5, -0.5, 1.2000000476837158]]]
    """
    phi, truth, certain = _checked(distance_map, masks, known)
    sizes = check_spacing(spacing, phi.ndim - 1)
    axis = check_section_axis(section_axis, phi.ndim - 1)
    if least is None:
        least = 0.5 * min(size for a, size in enumerate(sizes) if a != axis)
    check_positive("least", least)
    largest = phi.abs().amax(dim=_image_axes(phi, axis), keepdim=True)
    floor = largest.clamp(max=least)
    signed = torch.where(truth, torch.minimum(phi, -floor), torch.maximum(phi, floor))
    return torch.where(certain, signed, 0.0).add(0.0).to(phi.dtype)


def _checked(distance_map: Tensor, masks: Tensor, known: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """The map, the truth and the voxels whose class is known, as plain tensors of shapes that fit."""
    phi, truth = (plain_tensor(x) for x in (distance_map, masks))
    check_spatial_dims("distance_map", phi.ndim - 1)
    check_same_shape("distance_map", phi.shape, "label (one channel per class)", truth.shape)
    if known is None:
        certain = torch.ones((1, *phi.shape[1:]), dtype=torch.bool, device=phi.device)
    else:
        certain = plain_tensor(known) > 0
        check_same_shape("known", certain.shape, "distance_map, with one channel", (1, *phi.shape[1:]))
    return phi, truth > 0.5, certain


def _image_axes(phi: Tensor, section_axis: int | None) -> list[int]:
    """The axes of one image: all spatial ones, or those of a slice."""
    return [a for a in range(1, phi.ndim) if section_axis is None or a != section_axis + 1]


def _check_steps(phi: Tensor, certain: Tensor, dim: int, size: float, slack: float) -> None:
    """Twice the way is allowed (elastic deformation), and a restored sign or the constant of the released map."""
    steps = phi.diff(dim=dim).abs()
    length = certain.shape[dim]
    steps = steps * (certain.narrow(dim, 0, length - 1) & certain.narrow(dim, 1, length - 1))
    jumps = steps > 2 * size + slack + phi.abs().amax() / 1024
    if bool(jumps.any()):
        raise ValueError(
            f"`distance_map` jumps by {float(steps.max()):.3g} mm between neighbours {size:g} mm apart, at "
            f'{int(jumps.sum())} places: was it padded with zeros? Pad a map with `mode="edge"`, resample it with '
            '`padding_mode="border"`.'
        )


def _check_every_sign(phi: Tensor, truth: Tensor, certain: Tensor, section_axis: int | None) -> None:
    """Every voxel has its label's sign; an image (or slice) of one side may have a map of 0."""
    axes = _image_axes(phi, section_axis)
    one_sided = ~(_any(truth & certain, axes) & _any(~truth & certain, axes))
    silent = one_sided & ~_any(phi != 0, axes)
    wrong = torch.where(truth, phi >= 0, phi <= 0) & certain & ~silent
    if bool(wrong.any()):
        raise ValueError(
            "`distance_map` needs values < 0 in every voxel inside its label and > 0 in every other, got the wrong "
            f"sign (or 0) in {int(wrong.sum())} of {wrong.numel()} voxels. Near the border interpolation does that: "
            "make the map after the transforms that interpolate, or put `RestoreDistanceSignd` after them. Anywhere: "
            "did map and label go through the same spatial transforms?"
        )


def _any(where: Tensor, axes: Sequence[int]) -> Tensor:
    return where.float().amax(dim=list(axes), keepdim=True) > 0


def _check_most_signs(phi: Tensor, truth: Tensor, certain: Tensor, diagonal: float) -> None:
    wrong = torch.where(truth, phi > diagonal, phi < -diagonal) & certain
    share = float(wrong.float().mean())
    if share > 0.01:
        raise ValueError(
            f"`distance_map` needs values < 0 inside and > 0 outside its label, got the wrong sign, by more than a "
            f"voxel, on {share:.1%} of the voxels: did map and label go through the same spatial transforms, and is "
            "inside negative?"
        )
