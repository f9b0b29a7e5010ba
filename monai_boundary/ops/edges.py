# SPDX-License-Identifier: Apache-2.0
"""Edge masks of a batch of class masks: by side, by thickness in voxels or mm, with or without the image frame."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_boundary._validation import (
    check_choice,
    check_positive,
    check_same_shape,
    check_section_axis,
    check_spatial_dims,
)
from monai_boundary.ops.class_masks import class_masks
from monai_boundary.ops.plain_tensor import plain_tensor
from monai_boundary.ops.signed_distance import _item_spacings

CLASSES = ("each", "any")
SIDES = ("inner", "outer", "both")
UNITS = ("voxel", "mm")
_SLACK = 1e-6  # relative: "3 steps of 0.1 mm are within 0.3 mm" stays true in float32


@torch.no_grad()
def edge_masks(
    masks: Tensor,
    side: str = "both",
    thickness: float = 1,
    unit: str = "voxel",
    *,
    spacing: Sequence[float] | Sequence[Sequence[float]] | float | None = None,
    connectivity: int = 1,
    frame: bool = False,
    section_axis: int | None = None,
    known: Tensor | None = None,
) -> Tensor:
    """Return the edge of every mask of a batch: the voxels near the faces between the mask and the rest of the image.

    In *voxels*, a voxel is near when ``thickness`` steps lead to the other side: as
    `monai_boundary.ops.contour_mask`. In *mm*, when its centre lies at most ``thickness`` from the nearest voxel of the
    other side, taken as the box that it is (so half a voxel is the least distance there is); and always when it has a
    face neighbour on the other side, so that an edge never has holes where voxels are thicker than ``thickness``.

    The thickness counts on each side: ``"both"`` is twice as thick. The spatial gradient of the label (Hatamizadeh et
    al., section 2.3) is ``both`` and 1 voxel; the edges of SEMEDA (voxels whose 8 or 26 neighbours do not all have
    their label) are ``both``, 1 voxel, with ``connectivity`` 2 in 2-D and 3 in 3-D.

    Args:
        masks: boolean (or 0 and not 0), (B, C, H, W[, D]); the masks may overlap.
        side: ``"inner"`` (voxels of the mask), ``"outer"`` (voxels outside it) or ``"both"``.
        thickness: on each side; a whole number in voxels.
        unit: ``"voxel"`` or ``"mm"``.
        spacing: mm along each axis, for all items or for each, for ``unit="mm"``; 1 if not given.
        connectivity: what a step is, in voxels: 1 to face neighbours (4 or 6), 2 over edges too, 3 over corners too.
        frame: the outside of the image is background, so that a mask which the image cuts has an edge there. By default
            nothing is known of the outside, and there is none.
        section_axis: axis of a volume across which every slice is an image of its own.
        known: (B, 1, spatial), voxels whose class is known; the others are on neither side.

    Returns:
        boolean masks of the same shape and device, without gradient. Empty for an empty mask; for a full one too, but
        for its rim where ``frame``.

    Raises:
        ValueError: if the masks are not those of 2-D or 3-D images, or an argument is out of range.

    Example:
        >>> edge_masks(torch.tensor([[[[0, 0, 1, 1, 1]]]])).int().tolist()
        [[[[0, 1, 1, 0, 0]]]]
        >>> edge_masks(torch.tensor([[[[0, 0, 1, 1, 1]]]]), "inner", frame=True).int().tolist()
        [[[[0, 0, 1, 1, 1]]]]
        >>> edge_masks(torch.tensor([[[[0, 0, 0, 0, 1]]]]), "outer", 1.5, "mm", spacing=(5.0, 0.6)).int().tolist()
        [[[[0, 1, 1, 1, 0]]]]
    """
    plain = plain_tensor(masks)
    ndim = plain.ndim - 2
    check_spatial_dims("masks", ndim)
    check_edge_options(side, thickness, unit, connectivity, ndim)
    axis = check_section_axis(section_axis, ndim)
    if unit == "voxel" and spacing is not None:
        raise ValueError(f'`spacing` needs unit="mm", got unit="voxel" and spacing={spacing!r}.')
    inside = plain.bool()
    outside = ~inside
    if known is not None:
        check_same_shape("known", known.shape, "masks, with one channel", (len(plain), 1, *plain.shape[2:]))
        seen = plain_tensor(known).bool()
        inside, outside = inside & seen, outside & seen
    if frame:  # a ring of background around the image; not across the sections, which have no neighbours
        rim = [int(a != axis) for a in reversed(range(ndim)) for _ in range(2)]
        inside, outside = F.pad(inside, rim), F.pad(outside, rim, value=True)
    sizes = _item_spacings(spacing, len(plain), ndim) if unit == "mm" else None
    out = torch.zeros_like(inside)
    if side != "outer":
        out |= inside & _near(outside, thickness, connectivity, sizes, axis)
    if side != "inner":
        out |= outside & _near(inside, thickness, connectivity, sizes, axis)
    if frame:
        for a in range(ndim):
            if a != axis:
                out = out.narrow(a + 2, 1, plain.shape[a + 2])
    return out.contiguous()


@torch.no_grad()
def label_edges(
    label: Tensor,
    num_classes: int | None = None,
    *,
    classes: str = "each",
    include_background: bool = True,
    ignore_index: int | None = None,
    known: Tensor | None = None,
    side: str = "both",
    thickness: float = 1,
    unit: str = "voxel",
    spacing: Sequence[float] | Sequence[Sequence[float]] | float | None = None,
    connectivity: int = 1,
    frame: bool = False,
    section_axis: int | None = None,
) -> Tensor:
    """Return the edges of a label, one channel for each class or one for all.

    Args:
        label: class indices (B, 1, spatial) when ``num_classes`` is given, else 0 and 1 per class (B, C, spatial),
            which may overlap (one-hot, nested regions).
        num_classes: number of classes C, background included.
        classes: ``"each"`` class has its channel, or one channel holds the edges of ``"any"`` class.
        include_background: False leaves out channel 0, where the label has more than one class.
        ignore_index: value of an index label that belongs to no class: where a class meets it is no edge.
        known: boolean, (B, 1, spatial): the same where it is False, for a label that has no value for these voxels.
        side: ``"inner"`` (voxels of the class), ``"outer"`` (voxels outside it) or ``"both"``.
        thickness: on each side, in ``unit``; a whole number of voxels.
        unit: ``"voxel"`` or ``"mm"``.
        spacing: mm along each axis, for all items or for each, for ``unit="mm"``; 1 if not given.
        connectivity: what a step is, in voxels: 1 to face neighbours (4 or 6), 2 over edges too, 3 over corners too.
        frame: the outside of the image is background, so that a class which the image cuts has an edge there.
        section_axis: axis of a volume across which every slice is an image of its own.

    Returns:
        boolean edges (B, C, spatial), (B, C - 1, spatial) without background, or (B, 1, spatial) for ``"any"``.

    Raises:
        ValueError: as `edge_masks`; if the label holds fractions, or classes that are unknown.

    Example:
        >>> label = torch.tensor([[[[0, 0, 1, 1, 2]]]])
        >>> label_edges(label, 3, side="inner").int().tolist()
        [[[[0, 1, 0, 0, 0]], [[0, 0, 1, 1, 0]], [[0, 0, 0, 0, 1]]]]
        >>> label_edges(label, 3, side="inner", classes="any", include_background=False).int().tolist()
        [[[[0, 0, 1, 1, 1]]]]
    """
    check_choice("classes", classes, CLASSES)
    masks = class_masks(label, num_classes, ignore_index)
    if ignore_index is not None:
        certain = (plain_tensor(label) != ignore_index).all(dim=1, keepdim=True)
        known = certain if known is None else certain & known
    if not include_background and masks.shape[1] > 1:
        masks = masks[:, 1:]
    edges = edge_masks(
        masks,
        side,
        thickness,
        unit,
        spacing=spacing,
        connectivity=connectivity,
        frame=frame,
        section_axis=section_axis,
        known=known,
    )
    return edges if classes == "each" else edges.any(dim=1, keepdim=True)


def check_edge_options(side: str, thickness: float, unit: str, connectivity: int, ndim: int = 3) -> None:
    """Raise ``ValueError`` unless the options of `edge_masks` are among those known.

    Args:
        side: ``"inner"`` (voxels of the mask), ``"outer"`` (voxels outside it) or ``"both"``.
        thickness: on each side, in ``unit``; a whole number of voxels.
        unit: ``"voxel"`` or ``"mm"``.
        connectivity: what a step is, in voxels: 1, 2 or 3.
        ndim: spatial axes of the image, 2 or 3.

    Raises:
        ValueError: naming the option, what it needs and what came.

    Example:
        >>> check_edge_options("inner", 2, "voxel", 1)
    """
    check_choice("side", side, SIDES)
    check_choice("unit", unit, UNITS)
    check_choice("connectivity", connectivity, range(1, ndim + 1))
    check_positive("thickness", thickness)
    if unit == "voxel" and int(thickness) != thickness:
        raise ValueError(f'`thickness` needs a whole number of voxels, got {thickness!r}; or unit="mm".')
    if unit == "mm" and connectivity != 1:
        raise ValueError(f'`connectivity` needs unit="voxel" (a distance has no steps), got {connectivity}.')


def _near(
    voxels: Tensor, thickness: float, connectivity: int, sizes: list[tuple[float, ...]] | None, axis: int | None
) -> Tensor:
    """The voxels within reach of ``voxels``, which are among them."""
    spatial = [a for a in range(voxels.ndim - 2) if a != axis]
    if sizes is None:
        for _ in range(int(thickness)):
            voxels = _step(voxels, spatial, min(connectivity, len(spatial)))
        return voxels
    near = _step(voxels, spatial, 1)
    for item, spacing in enumerate(sizes):
        squared = torch.where(voxels[item], 0.0, torch.inf)
        for a in spatial:
            squared = _lower_along(squared, a + 1, spacing[a], thickness)
        near[item] |= squared <= (thickness * (1 + _SLACK)) ** 2
    return near


def _step(voxels: Tensor, spatial: Sequence[int], connectivity: int) -> Tensor:
    """One step of up to ``connectivity`` axes at once."""
    result = voxels.clone()
    for axes in itertools.combinations(spatial, connectivity):
        grown = voxels
        for a in axes:
            grown = _grow_along(grown, a + 2)
        result |= grown
    return result


def _grow_along(voxels: Tensor, axis: int) -> Tensor:
    grown = voxels.clone()
    length = voxels.shape[axis]
    if length > 1:
        low, high = voxels.narrow(axis, 0, length - 1), voxels.narrow(axis, 1, length - 1)
        grown.narrow(axis, 0, length - 1).logical_or_(high)
        grown.narrow(axis, 1, length - 1).logical_or_(low)
    return grown


def _lower_along(squared: Tensor, axis: int, size: float, reach: float) -> Tensor:
    """The least of ``squared`` plus the squared distance along one axis to the boxes within ``reach``."""
    best = squared.clone()
    length = squared.shape[axis]
    for step in range(1, min(length - 1, int(reach * (1 + _SLACK) / size + 0.5)) + 1):
        rise = ((step - 0.5) * size) ** 2  # from the centre to the near side of the box
        for here, there in ((0, step), (step, 0)):
            target = best.narrow(axis, here, length - step)
            torch.minimum(target, squared.narrow(axis, there, length - step) + rise, out=target)
    return best
