# SPDX-License-Identifier: Apache-2.0
"""Anisotropic convolution: sums of a field along rays, one potential field for each direction (equipotential learning).

A kernel of direction s is a ray of ``w // 2 + 1`` ones from the centre outward. It is never built: the sum of shifted
views costs ``w // 2`` additions per voxel, for each class by itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from monai_boundary._typing import DoubleArray
from monai_boundary._validation import check_choice, check_spatial_dims
from monai_boundary.ops.plain_tensor import plain_tensor

SPLITTERS = ("A", "B", "C")
PADDINGS = ("replicate", "zero")
_LARGEST_W = 509  # energies up to w // 2 + 1 fit uint8


def ray_directions(splitter: str = "A", ndim: int = 2) -> tuple[tuple[int, ...], ...]:
    """Return the directions of a splitter, as steps along the axes in array order.

    In 2-D (the paper's Fig. 3): ``A`` is left, down, up, right, ``B`` the 4 diagonals, ``C`` the 8 of them interleaved.
    In 3-D: ``A`` is the 6 directions to the faces (the four of 2-D in the last two axes, then back and forth along the
    first), ``B`` the 8 space diagonals to the corners, ``C`` the 14 of them. The 12 directions to the edges of the
    voxel are in none.

    Args:
        splitter: ``"A"``, ``"B"`` or ``"C"``.
        ndim: 2 or 3.

    Returns:
        One tuple of -1, 0 and 1 for each direction.

    Raises:
        ValueError: if an argument is none of those.

    Example:
        >>> ray_directions("A")
        ((0, -1), (1, 0), (-1, 0), (0, 1))
        >>> [len(ray_directions(s, 3)) for s in "ABC"]
        [6, 8, 14]
    """
    check_choice("splitter", splitter, SPLITTERS)
    check_spatial_dims("ndim", ndim)
    faces: tuple[tuple[int, ...], ...] = ((0, -1), (1, 0), (-1, 0), (0, 1))
    if ndim == 2:
        corners: tuple[tuple[int, ...], ...] = ((-1, -1), (1, -1), (-1, 1), (1, 1))
        both = tuple(itertools.chain.from_iterable(zip(faces, corners, strict=True)))
    else:
        faces = (*((0, *face) for face in faces), (-1, 0, 0), (1, 0, 0))
        corners = tuple(itertools.product((-1, 1), repeat=3))
        both = faces + corners
    return {"A": faces, "B": corners, "C": both}[splitter]


def anisotropic_kernels(w: int, splitter: str = "A", ndim: int = 2) -> DoubleArray:
    """Return the kernels that the rays stand for, for a cross-correlation.

    Args:
        w: odd width of the kernel in voxels.
        splitter: ``"A"``, ``"B"`` or ``"C"``.
        ndim: 2 or 3.

    Returns:
        0 and 1, float64, (directions, w, w[, w]).

    Raises:
        ValueError: as `ray_directions`, and if ``w`` is even or below 3.

    Example:
        >>> anisotropic_kernels(3, "A")[0]
        array([[0., 0., 0.],
               [1., 1., 0.],
               [0., 0., 0.]])
    """
    check_window(w)
    directions = ray_directions(splitter, ndim)
    kernels = np.zeros((len(directions), *(w,) * ndim))
    for kernel, direction in zip(kernels, directions, strict=True):
        for step in range(w // 2 + 1):
            kernel[tuple(w // 2 + step * d for d in direction)] = 1
    return kernels


def check_window(w: int, shape: Sequence[int] | None = None) -> None:
    """Check the width of the kernel.

    Args:
        w: odd width in voxels.
        shape: spatial shape of the image, which the kernel must not exceed.

    Raises:
        ValueError: if the width is no odd whole number from 3 to 509, or larger than the image.

    Example:
        >>> check_window(7, (32, 32))
    """
    if isinstance(w, bool) or not isinstance(w, int) or not 3 <= w <= _LARGEST_W or w % 2 == 0:
        raise ValueError(f"`w` needs an odd whole number of voxels from 3 to {_LARGEST_W}, got {w!r}.")
    if shape is not None and w > min(shape):
        raise ValueError(f"`w` needs at most the smallest side of the image {tuple(shape)}, {min(shape)}, got {w}.")


def anisotropic_potential(probability: Tensor, w: int = 7, splitter: str = "A", padding: str = "replicate") -> Tensor:
    """Return the potential fields: for every direction, the sum of a class's probability along the ray.

    E_s(p) = sum of u(p + k s) for k = 0..w // 2 (Yin et al., "Contour-Aware Equipotential Learning", Eq. 2), of each
    class by itself. The energy of a 0/1 field is 0 far outside, w // 2 + 1 far inside, and counts up in between, so
    that the voxels of equal energy are lines beside the border. Differentiable.

    Args:
        probability: (B, C, H, W[, D]), floating, or a mask (boolean or integer).
        w: odd width of the kernel, at most the smallest side of the image.
        splitter: ``"A"``, ``"B"`` or ``"C"``.
        padding: what a ray meets outside the image: ``"replicate"`` (the voxel at the frame, so that the frame is no
            border) or ``"zero"``.

    Returns:
        (B, directions, C, spatial), in the dtype of the input; uint8 for a mask.

    Raises:
        ValueError: if the image is not 2-D or 3-D, or an argument is out of range.

    Example:
        >>> import torch
        >>> mask = torch.tensor([[[[0, 0, 0, 1, 1, 1, 1]] * 5]])
        >>> left, down, up, right = anisotropic_potential(mask, w=5)[0, :, 0, 2]
        >>> left.tolist()
        [0, 0, 0, 1, 2, 3, 3]
        >>> right.tolist()
        [0, 1, 2, 3, 3, 3, 3]
    """
    field = plain_tensor(probability)
    ndim = field.ndim - 2
    check_spatial_dims("probability", ndim)
    check_window(w, field.shape[2:])
    check_choice("padding", padding, PADDINGS)
    field = field if field.is_floating_point() else field.to(torch.uint8)
    directions = ray_directions(splitter, ndim)
    return torch.stack([ray_sum(field, direction, w // 2, padding) for direction in directions], dim=1)


def ray_sum(field: Tensor, direction: Sequence[int], steps: int, padding: str = "replicate") -> Tensor:
    """Return the sum along a ray of ``steps + 1`` voxels that starts at each voxel.

    Args:
        field: (..., spatial), of as many spatial axes as ``direction`` has entries.
        direction: -1, 0 or 1 along each axis.
        steps: voxels beyond the first.
        padding: what a ray meets outside the image: ``"replicate"`` (the voxel at the frame, so that the frame is no
            border) or ``"zero"``.

    Returns:
        Same shape and dtype.

    Example:
        >>> import torch
        >>> ray_sum(torch.tensor([[1, 0, 0, 5]]), (0, 1), 1)
        tensor([[ 1,  0,  5, 10]])
    """
    padded = _pad(field, direction, steps, padding)
    total = _view(padded, field, direction, steps, 0).clone()
    for step in range(1, steps + 1):
        total += _view(padded, field, direction, steps, step)
    return total


def ray_sum_adjoint(gradient: Tensor, direction: Sequence[int], steps: int, padding: str = "replicate") -> Tensor:
    """Return the gradient of a scalar with respect to the field, from that with respect to its `ray_sum`.

    Args:
        gradient: (..., spatial).
        direction: -1, 0 or 1 along each axis.
        steps: voxels beyond the first.
        padding: what a ray meets outside the image: ``"replicate"`` or ``"zero"``.

    Returns:
        Same shape and dtype.

    Example:
        >>> import torch
        >>> ray_sum_adjoint(torch.tensor([[1.0, 0.0, 0.0, 1.0]]), (0, 1), 1)
        tensor([[1., 1., 0., 2.]])
    """
    first = gradient.ndim - len(direction)
    shape = [n + steps * abs(d) for n, d in zip(gradient.shape[first:], direction, strict=True)]
    padded = gradient.new_zeros((*gradient.shape[:first], *shape))
    for step in range(steps + 1):
        _view(padded, gradient, direction, steps, step).add_(gradient)
    for axis, d in enumerate(direction, start=first):  # what the padding got belongs to the voxel at the frame
        if d == 0:
            continue
        length = gradient.shape[axis]
        inside = padded.narrow(axis, steps if d < 0 else 0, length)
        if padding == "replicate":
            outside = padded.narrow(axis, 0 if d < 0 else length, steps)
            inside.narrow(axis, 0 if d < 0 else length - 1, 1).add_(outside.sum(axis, keepdim=True))
        padded = inside
    return padded


def _pad(field: Tensor, direction: Sequence[int], steps: int, padding: str) -> Tensor:
    """The field with ``steps`` more voxels on the side that the ray goes to."""
    first = field.ndim - len(direction)
    for axis, d in enumerate(direction, start=first):
        if d == 0:
            continue
        edge = field.narrow(axis, 0 if d < 0 else field.shape[axis] - 1, 1)
        shape = [steps if a == axis else n for a, n in enumerate(field.shape)]
        rim = edge.expand(shape) if padding == "replicate" else field.new_zeros(shape)
        field = torch.cat([rim, field] if d < 0 else [field, rim], dim=axis)
    return field


def _view(padded: Tensor, field: Tensor, direction: Sequence[int], steps: int, step: int) -> Tensor:
    """The part of the padded field that lies ``step`` voxels along the ray from each voxel of the field."""
    first = field.ndim - len(direction)
    for axis, d in enumerate(direction, start=first):
        if d:
            padded = padded.narrow(axis, step if d > 0 else steps - step, field.shape[axis])
    return padded
