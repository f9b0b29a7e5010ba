# SPDX-License-Identifier: Apache-2.0
"""Signed distance maps of masks, in millimetres: negative in every voxel of the mask, positive in every other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from monai_boundary._typing import FloatArray
from monai_boundary._validation import (
    check_choice,
    check_positive,
    check_same_shape,
    check_section_axis,
    check_spacing,
    check_spatial_dims,
)
from monai_boundary.ops.class_masks import class_masks
from monai_boundary.ops.distance_backends import (
    BACKENDS,
    BOX_BACKENDS,
    choose_backend,
    other_side_distance,
    voxel_distance,
)
from monai_boundary.ops.plain_tensor import plain_tensor

CONVENTIONS = ("faces", "border", "released")
NORMALISATIONS = ("max", "diagonal")


def signed_distance_map(
    mask: npt.ArrayLike,
    spacing: Sequence[float] | float | None = None,
    *,
    convention: str = "faces",
    section_axis: int | None = None,
    clip: float | None = None,
    normalise: str | None = None,
    backend: str = "auto",
) -> FloatArray:
    """Return the signed distance of every voxel's centre to the border of one mask.

    The border lies *between* voxels: it is the faces that part a voxel of the mask from one outside. ``|phi|`` is the
    distance from a voxel's centre to the nearest of them (phi of Kervadec et al., Eq. 5), which is the distance to the
    nearest *box* of the other side, ``max(|d| - s/2, 0)`` along each axis: half a voxel or more. So phi is negative in
    *every* voxel of the mask, also of one that is a single voxel wide, and positive in every other. The frame of the
    image is no face, so an object that the frame cuts has no border there. A voxel's distance depends on voxels far
    away: compute the map on the whole image, and crop the map.

    Two conventions more, by name, to compare with. Both leave an object that is one or two voxels wide with a map of 0:

    * ``"border"``: ``|phi|`` is the distance to the centre of the nearest *border voxel*, a voxel of the mask with a
      background face neighbour (4 in 2-D, 6 in 3-D): 0 on those, negative deeper inside, positive outside.
    * ``"released"``: the formula of the paper's code and of ``monai.losses.BoundaryLoss``: the distance to the mask
      outside, and 1 - (distance to the background) inside. On unit spacing it equals ``"border"`` outside, and differs
      by less than one voxel inside. With other spacings its constant is wrong: at 0.5 mm the border gets +0.5.

    On unit spacing ``"faces"`` is the released map less a half, but for up to half a voxel more on diagonals.

    Args:
        mask: boolean or 0/1, 2-D or 3-D.
        spacing: voxel size along each axis, in mm; 1 if not given (then the map is in voxels).
        convention: ``"faces"``, ``"border"`` or ``"released"``.
        section_axis: axis of a volume across which every slice is an image of its own: the map of each 2-D slice.
        clip: largest ``|phi|``, in mm; farther voxels get it.
        normalise: divide the map (of each slice) by its largest ``|phi|`` (``"max"``), so that it lies within -1..1,
            or by the length of the image's diagonal (``"diagonal"``). After clipping; the map is then no longer in mm.
        backend: ``"numba"``, ``"simpleitk"``, ``"scipy"``, ``"edt"``, ``"cupy"``, ``"cucim"``, ``"torch"`` or
            ``"auto"``, see `monai_boundary.ops.choose_backend`. All give the same numbers to 1e-6 of the distance, but
            ``"simpleitk"``, which errs by up to 1e-3 of it. Only ``"numba"`` and ``"torch"`` know ``"faces"``.

    Returns:
        float32, the mask's shape. All 0 for an empty and for a full mask (or slice): there is no border to be far from.

    Raises:
        ValueError: if the mask holds anything but 0 and 1 (NaN too), is not 2-D or 3-D, or an option is out of range.
        TypeError: if the mask holds no numbers (text, objects, complex numbers).
        ImportError: if the backend is not installed.

    Example:
        >>> import numpy as np
        >>> signed_distance_map(np.array([[0, 1, 1, 1, 1, 1, 0, 0]] * 2), spacing=(1.0, 0.5))
        array([[ 0.25, -0.25, -0.75, -1.25, -0.75, -0.25,  0.25,  0.75],
               [ 0.25, -0.25, -0.75, -1.25, -0.75, -0.25,  0.25,  0.75]],
              dtype=float32)
    """
    array = np.asarray(mask)
    if array.dtype.kind not in "buif":
        raise TypeError(f"`mask` needs a boolean, integer or floating array, got dtype {array.dtype}.")
    check_spatial_dims("mask", array.ndim)
    batch = torch.from_numpy(np.array(array, order="C"))[None, None]  # a copy: torch takes no negative strides
    maps = batch_signed_distance(
        batch,
        spacing,
        convention=convention,
        section_axis=section_axis,
        clip=clip,
        normalise=normalise,
        backend=backend,
    )
    result: FloatArray = maps[0, 0].numpy()
    return result


@torch.no_grad()
def batch_signed_distance(
    target: Tensor,
    spacing: Sequence[float] | Sequence[Sequence[float]] | float | None = None,
    *,
    convention: str = "faces",
    section_axis: int | None = None,
    clip: float | None = None,
    normalise: str | None = None,
    backend: str = "auto",
    dtype: torch.dtype = torch.float32,
    known: Tensor | None = None,
) -> Tensor:
    """Return the signed distance map of every item and class of a batch; see `monai_boundary.ops.signed_distance_map`.

    Extra memory: about three float32 volumes of one class, however many there are. A CUDA input stays on its device
    with the backend ``torch`` (which ``auto`` takes there); for the others it goes to the host and back.

    Args:
        target: boolean or 0/1, one-hot or nested, (B, C, H, W[, D]).
        spacing: voxel size along each axis, in mm, for all items or a row for each, (B, ndim); 1 if not given.
        convention: ``"faces"``, ``"border"`` or ``"released"``.
        section_axis: spatial axis across which every slice is an image of its own: the map of each 2-D slice.
        clip: largest ``|phi|``, in mm; farther voxels get it.
        normalise: divide the map (of each slice) by its largest ``|phi|`` (``"max"``), so that it lies within -1..1, or
            by the length of the image's diagonal (``"diagonal"``). After clipping; the map is then no longer in mm.
        backend: ``"numba"``, ``"simpleitk"``, ``"scipy"``, ``"edt"``, ``"cupy"``, ``"cucim"``, ``"torch"`` or
            ``"auto"``, see `monai_boundary.ops.choose_backend`. All give the same numbers to 1e-6 of the distance, but
            ``"simpleitk"``, which errs by up to 1e-3 of it. Only ``"numba"`` and ``"torch"`` know ``"faces"``.
        dtype: ``torch.float32`` or ``torch.float16`` for storage. Half precision keeps 11 bits: up to 64 mm the error
            is at most 0.016 mm, up to 256 mm 0.06 mm; it cannot hold 65520 and more (nanometres: use float32).
        known: (B, 1, spatial), voxels whose class is known. The others are on neither side: no border is drawn where a
            class meets them, distances lead through them to the nearest voxel that is known, and they get 0.

    Returns:
        Maps of the target's shape, on its device, without gradient.

    Raises:
        ValueError: as `signed_distance_map`; if float16 cannot hold a distance, or ``known`` has another shape.

    Example:
        >>> batch_signed_distance(torch.tensor([[[[0, 1, 0, 0]], [[0, 0, 0, 0]]]]))
        tensor([[[[ 0.5000, -0.5000,  0.5000,  1.5000]],
        <BLANKLINE>
                 [[ 0.0000,  0.0000,  0.0000,  0.0000]]]])
        >>> batch_signed_distance(torch.tensor([[[[0, 1, 0, 0]]]]), known=torch.tensor([[[[1, 1, 0, 1]]]])).tolist()
        [[[[0.5, -0.5, 0.0, 1.5]]]]
    """
    check_spatial_dims("target", target.ndim - 2)
    ndim = target.ndim - 2
    check_distance_options(convention, clip, normalise, backend)
    if dtype not in (torch.float32, torch.float16):
        raise ValueError(f"`dtype` needs torch.float32 or torch.float16, got {dtype}.")
    axis = check_section_axis(section_axis, ndim)
    masks = class_masks(target)
    sizes = _item_spacings(spacing, len(masks), ndim)
    engine = choose_backend(backend, masks.device)
    certain = None if known is None else _known_voxels(known, masks)
    maps = torch.zeros(masks.shape, dtype=dtype, device=masks.device)
    for item in range(masks.shape[0]):
        for channel in range(masks.shape[1]):
            mask, rest = masks[item, channel], None
            if certain is not None:
                rest = certain[item, 0] & ~mask
                mask = certain[item, 0] & mask
            if not bool(mask.any()) or not bool((~mask if rest is None else rest).any()):
                continue
            phi = _signed(mask, rest, sizes[item], engine, axis, convention)
            phi = _scaled(phi, sizes[item], axis, clip, normalise)
            _check_range(phi, dtype)
            maps[item, channel] = phi
            del phi  # or it would live beside the next one
    return maps


def _known_voxels(known: Tensor, masks: Tensor) -> Tensor:
    plain = plain_tensor(known)
    check_same_shape("known", plain.shape, "target, with one channel", (len(masks), 1, *masks.shape[2:]))
    return (plain > 0).to(masks.device)


def _check_range(phi: Tensor, dtype: torch.dtype) -> None:
    if dtype == torch.float16 and float(phi.abs().max()) > torch.finfo(dtype).max:
        raise ValueError(
            f"`dtype` needs to be float32 for distances up to {float(phi.abs().max()):g}: float16 ends at 65504. Or "
            "give `clip` or `normalise`."
        )


def check_distance_options(convention: str, clip: float | None, normalise: str | None, backend: str) -> None:
    """Raise ``ValueError`` unless the options of a map are among those known."""
    check_choice("convention", convention, CONVENTIONS)
    check_choice("normalise", normalise, (None, *NORMALISATIONS))
    check_choice("backend", backend, BACKENDS)
    if convention == "faces" and backend not in BOX_BACKENDS:
        raise ValueError(
            f'`backend` needs one of {", ".join(map(repr, BOX_BACKENDS))} for `convention="faces"`, got {backend!r}: '
            "that library measures to the centres of voxels only."
        )
    if clip is not None:
        check_positive("clip", clip)


def inner_border(mask: Tensor, section_axis: int | None = None, rest: Tensor | None = None) -> Tensor:
    """Return the voxels of a boolean mask (spatial) with a background face neighbour; the frame is no background.

    Args:
        mask: boolean, any number of axes.
        section_axis: axis along which neighbours do not count.
        rest: the background, where it is not all that lies outside the mask.

    Example:
        >>> inner_border(torch.tensor([0, 1, 1, 1, 0, 1]).bool()).int().tolist()
        [0, 1, 0, 1, 0, 1]
    """
    other = ~mask if rest is None else rest
    border = torch.zeros_like(mask)
    for axis, length in enumerate(mask.shape):
        if axis != section_axis and length > 1:
            border.narrow(axis, 0, length - 1).logical_or_(other.narrow(axis, 1, length - 1))
            border.narrow(axis, 1, length - 1).logical_or_(other.narrow(axis, 0, length - 1))
    return border.logical_and_(mask)


def _item_spacings(
    spacing: Sequence[float] | Sequence[Sequence[float]] | float | None, items: int, ndim: int
) -> list[tuple[float, ...]]:
    each: Any = spacing
    if not (isinstance(spacing, Sequence) and len(spacing) and isinstance(spacing[0], Sequence)):
        return [check_spacing(each, ndim)] * items
    if len(spacing) != items:
        raise ValueError(f"`spacing` needs one entry for each of {items} items, got {len(spacing)}.")
    return [check_spacing(one, ndim) for one in each]


def _signed(
    mask: Tensor,
    rest: Tensor | None,
    spacing: tuple[float, ...],
    backend: str,
    section_axis: int | None,
    convention: str,
) -> Tensor:
    """The signed map of one mask (spatial); 0 where its image (or slice) has no border, and in neither mask nor rest.

    Args:
        mask: the object.
        rest: the background, where it is not all that lies outside the mask.
        spacing: voxel size along each axis, in mm; 1 if not given (then the map is in voxels).
        backend: name of a backend, not ``auto``.
        section_axis: axis across which every slice is an image of its own.
        convention: ``"faces"``, ``"border"`` or ``"released"``.
    """
    apart = [None if axis == section_axis else size for axis, size in enumerate(spacing)]
    if convention == "border":
        phi = voxel_distance(inner_border(mask, section_axis, rest), apart, backend)
    else:
        boxes = convention == "faces"
        phi = other_side_distance(mask, apart, backend, boxes=boxes)
        if rest is not None:
            phi = torch.where(mask, other_side_distance(rest, apart, backend, boxes=boxes), phi)
    phi.nan_to_num_(posinf=0.0)  # where there is no border
    released = convention == "released"
    inside = torch.where(phi > 0, 1 - phi, 0.0) if released else -phi
    phi = torch.where(mask, inside, phi)
    if rest is not None:
        phi.masked_fill_(~(mask | rest), 0.0)
    return phi.add_(0.0)  # no negative zero


def _scaled(
    phi: Tensor, spacing: tuple[float, ...], section_axis: int | None, clip: float | None, normalise: str | None
) -> Tensor:
    """The map clipped, and divided as ``normalise`` says, in place."""
    if clip is not None:
        phi.clamp_(-clip, clip)
    axes = [axis for axis in range(phi.ndim) if axis != section_axis]
    if normalise == "diagonal":
        phi.div_(math.hypot(*(spacing[axis] * phi.shape[axis] for axis in axes)))
    elif normalise == "max":
        largest = phi.abs().amax(dim=axes, keepdim=True)
        phi.div_(torch.where(largest > 0, largest, 1.0))
    return phi
