# SPDX-License-Identifier: Apache-2.0
"""Where voxels lie in the world: voxel sizes by an affine, and whether two images share a grid."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from monai_boundary._typing import DoubleArray
from monai_boundary._validation import check_positive

# How far the same voxel of two images may lie apart, in voxels (of the shortest side), for both to be on one grid.
# Headers round: 1e-3 is usual; a shift of 0.5 is a different grid.
SAME_GRID_VOXELS = 0.1


_SHEAR = 1e-3  # cosine of the angle between two axes: a distance is then wrong by no more than 0.1 %


def affine_spacing(affine: Any, ndim: int, *, sheared: bool = False) -> tuple[float, ...]:
    """Return the voxel size along each array axis: the lengths of the affine's columns.

    The lengths hold for flipped, permuted and oblique affines too, where the diagonal does not. A 2-D image may carry
    the affine of a volume (4x4); its first two columns count. Where the axes are not at right angles (CT with a tilted
    gantry, or voxels that are no cubes turned by MONAI's rotations, which turn the array) the lengths say nothing of
    the distance between two voxels.

    Args:
        affine: from voxel indices to the world, homogeneous, at least (ndim + 1, ndim + 1); a tensor or an array.
        ndim: number of spatial axes of the image.
        sheared: return the lengths also where the axes are not at right angles.

    Raises:
        ValueError: if the affine is not a square matrix of that size, holds NaN or infinity, is singular, or has axes
            that are not at right angles.

    Example:
        >>> affine_spacing([[0, -0.8, 0], [1.5, 0, 0], [0, 0, 1]], ndim=2)
        (1.5, 0.8)
    """
    matrix = _matrix(affine)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] <= ndim:
        raise ValueError(f"`affine` needs a square matrix of at least {ndim + 1} rows, got shape {matrix.shape}.")
    columns = matrix[:-1, :ndim]
    if not np.isfinite(matrix).all():
        raise ValueError(f"`affine` needs finite entries, got {matrix.tolist()}.")
    sizes = np.linalg.norm(columns, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = np.abs((columns / sizes).T @ (columns / sizes) - np.eye(ndim))
    if not cosines.max() <= _SHEAR:  # NaN, too; columns at right angles are independent
        if (sizes == 0).any() or np.linalg.matrix_rank(columns / sizes) < ndim:
            raise ValueError(
                f"`affine` needs independent columns (it is singular: voxels have no volume), got {matrix.tolist()}. "
                "Give `spacing`, or mend the file's header."
            )
        if not sheared:
            raise ValueError(_not_right_angles(cosines))
    return tuple(float(size) for size in sizes)


def _not_right_angles(cosines: DoubleArray) -> str:
    first, second = np.unravel_index(int(cosines.argmax()), cosines.shape)
    angle = np.degrees(np.arccos(min(1.0, cosines.max())))
    return (
        f"`affine` needs axes at right angles to measure distances, got axes {first} and {second} at {angle:.1f} "
        "degrees (a tilted gantry, or voxels that are no cubes turned within the array). Resample with MONAI's "
        "`Spacingd`, whose grid has right angles, or give `spacing`."
    )


def check_same_grid(name: str, image: Any, other_name: str, other: Any, tolerance: float = SAME_GRID_VOXELS) -> None:
    """Check that two channel-first images have the same spatial shape and, where both know it, the same place.

    Args:
        name: of the first image, for the message.
        image: (C, spatial), tensor or array; a MetaTensor knows its place.
        other_name: of the second image.
        other: (C, spatial).
        tolerance: how far the same voxel may lie apart, in voxels (of the shortest side).

    Returns:
        None.

    Raises:
        ValueError: if the shapes differ, naming both, or if a corner voxel of one lies elsewhere in the other, saying
            by how many voxels and world units (mm); and as `affine_spacing`.

    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> image = MetaTensor(torch.zeros(1, 4, 4), affine=torch.eye(3))
        >>> label = MetaTensor(torch.zeros(1, 4, 4), affine=torch.tensor([[1.0, 0, 2], [0, 1, 0], [0, 0, 1]]))
        >>> check_same_grid("label", label, "image", image)
        Traceback (most recent call last):
        ...
        ValueError: `label` needs the affine of `image`: the same voxel lies up to 2 mm (2 voxels) apart. ...
    """
    check_positive("tolerance", tolerance, zero=True)
    shape, other_shape = tuple(image.shape[1:]), tuple(other.shape[1:])
    if shape != other_shape:
        raise ValueError(
            f"`{name}` needs the spatial shape of `{other_name}`, {other_shape}, got {shape}: they lie on different "
            f"grids. Resample one to the other (`ResampleToMatchd`)."
        )
    from monai.data import MetaTensor  # where there is one, it is imported already

    if not (isinstance(image, MetaTensor) and isinstance(other, MetaTensor)):
        return
    ndim = len(shape)
    voxel = min(affine_spacing(image.affine, ndim, sheared=True) + affine_spacing(other.affine, ndim, sheared=True))
    apart = largest_offset(_matrix(image.affine), _matrix(other.affine), shape)
    if apart > tolerance * voxel:
        raise ValueError(
            f"`{name}` needs the affine of `{other_name}`: the same voxel lies up to {apart:.4g} mm "
            f"({apart / voxel:.3g} voxels) apart. Resample one to the other (`ResampleToMatchd`), or bring both to one "
            "orientation (`Orientationd`)."
        )


def _matrix(affine: Any) -> DoubleArray:
    return np.asarray(affine.detach().cpu() if hasattr(affine, "detach") else affine, dtype=np.float64)


def largest_offset(affine: DoubleArray, other: DoubleArray, shape: tuple[int, ...]) -> float:
    """Return the largest distance between the world positions of a corner voxel under both affines.

    Example:
        >>> moved = np.eye(4)
        >>> moved[:3, 3] = 3, 4, 0
        >>> largest_offset(np.eye(4), moved, (2, 2, 2))
        5.0
    """
    ndim = len(shape)
    corners = np.array(list(itertools.product(*((0, n - 1) for n in shape))), dtype=np.float64)
    rows = max(affine.shape[0], other.shape[0]) - 1
    places = []
    for matrix in (affine, other):
        place = np.zeros((len(corners), rows))
        place[:, : matrix.shape[0] - 1] = corners @ matrix[:-1, :ndim].T + matrix[:-1, -1]
        places.append(place)
    return float(np.linalg.norm(places[0] - places[1], axis=1).max())
