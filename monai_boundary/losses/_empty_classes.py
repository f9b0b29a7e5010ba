# SPDX-License-Identifier: Apache-2.0
"""What a boundary loss thinks of a class that has no border in an item: absent there, or all over it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_SAMPLE = 64  # voxels of each map that are looked at first; each is a cache line of its own


def give_opinion(phi: Tensor, truth: Callable[[], Tensor], distance: float, *, counted: Tensor | None = None) -> Tensor:
    """Return the maps with ``distance`` everywhere in a map of 0 whose class is absent, and minus it where it fills.

    A map of the whole image, cropped, is not 0 where the patch has no foreground: it knows the way, and stays. A class
    that has both sides stays too.

    Args:
        phi: signed distance maps of some classes, (B, C, spatial). Not changed.
        truth: makes the 0/1 of the same classes, (B, C, spatial); called where a map is 0 only.
        distance: in the unit of the maps, at least 0.
        counted: boolean (B, 1, spatial); the other voxels are on neither side.

    Returns:
        Same shape and dtype.

    Example:
        >>> import torch
        >>> label = torch.tensor([[[[0, 0, 0]], [[1, 1, 1]], [[0, 1, 1]]]])
        >>> give_opinion(torch.zeros(1, 3, 1, 3), lambda: label, 2.0).tolist()
        [[[[2.0, 2.0, 2.0]], [[-2.0, -2.0, -2.0]], [[0.0, 0.0, 0.0]]]]
    """
    if not distance:
        return phi
    if torch.compiler.is_compiling() or phi.device.type != "cpu":  # nothing waits for the values
        silent = ~phi.flatten(2).any(-1)
        value = torch.where(silent, _side(truth(), counted), 0).to(phi.dtype) * distance
        shown = value.view(*value.shape, *(1,) * (phi.ndim - 2))
        return torch.where(shown != 0, shown, phi)
    flat = phi.flatten(2)
    step = max(1, flat.shape[-1] // _SAMPLE)
    silent = ~flat[..., ::step].any(-1)
    if not bool(silent.any()):
        return phi
    result, sides = phi.clone(), truth()
    for item, channel in silent.nonzero().tolist():
        if not bool(flat[item, channel].any()):
            known = None if counted is None else counted[item : item + 1]
            side = int(_side(sides[item : item + 1, channel : channel + 1], known))
            result[item, channel] += side * distance
    return result


def give_opinion_by_section(
    phi: Tensor, truth: Callable[[], Tensor], distance: float, axis: int | None, *, counted: Tensor | None = None
) -> Tensor:
    """Return what `give_opinion` does where every slice across ``axis`` (of the spatial ones) is an image of its own.

    Example:
        >>> import torch
        >>> label = torch.tensor([[[[[0, 0]], [[0, 1]]]]])
        >>> maps = torch.tensor([[[[[0, 0]], [[0.5, -0.5]]]]])
        >>> give_opinion_by_section(maps, lambda: label, 2.0, 0).tolist()
        [[[[[2.0, 2.0]], [[0.5, -0.5]]]]]
    """
    if axis is None:
        return give_opinion(phi, truth, distance, counted=counted)
    items = len(phi)

    def slices(values: Tensor) -> Tensor:
        return values.movedim(axis + 2, 1).flatten(0, 1)

    each = give_opinion(
        slices(phi), lambda: slices(truth()), distance, counted=None if counted is None else slices(counted)
    )
    result: Tensor = each.unflatten(0, (items, -1)).movedim(1, axis + 2)
    return result


def class_truth(truth: Tensor, classes: int, to_onehot_y: bool, first: int) -> Tensor:
    """Return the label as 0/1 of the classes from ``first`` on, (B, classes - first, spatial); unchecked.

    A float is the whole number that is nearest to it (a header's scale makes 0.99997 of 1).

    Example:
        >>> import torch
        >>> class_truth(torch.tensor([[[[0, 2, 255]]]]), 3, True, 1).int().tolist()
        [[[[0, 0, 0]], [[0, 1, 0]]]]
    """
    truth = truth.round() if truth.is_floating_point() else truth
    if not to_onehot_y:
        return truth[:, first:]
    index = torch.arange(first, classes, device=truth.device).view(1, -1, *(1,) * (truth.ndim - 2))
    masks: Tensor = truth == index
    return masks


def _side(truth: Tensor, counted: Tensor | None) -> Tensor:
    """1 where a class is absent, -1 where it fills the item, 0 where it has both sides or none; (B, C)."""
    inside = truth == 1
    outside = ~inside
    if counted is not None:
        inside, outside = inside & counted, outside & counted
    some, rest = inside.flatten(2).any(-1), outside.flatten(2).any(-1)
    return (rest & ~some).int() - (some & ~rest).int()
