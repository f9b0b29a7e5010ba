# SPDX-License-Identifier: Apache-2.0
"""Two surfaces measured against each other once: what all surface scores of a case are taken from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import KDTree
from skimage.measure import marching_cubes

from monai_boundary._typing import BoolArray, DoubleArray, LongArray
from monai_boundary._validation import check_same_shape, check_spacing, check_spatial_dims
from monai_boundary.kernels.near_distance import near_squared_distance
from monai_boundary.kernels.surface_elements import surface_cubes, union_box
from monai_boundary.ops.label_values import binary_mask

# asking a tree of points once costs what a distance transform up to some voxels costs for so many voxels
_ASKED = 40
_REACH = 8  # voxels (of the longest side), up to which most surface elements find each other
# keeps "3 steps of 0.1 mm are within 0.3 mm" true in floating point
_SLACK = 1 + 1e-9
# and "19 of 20 equal elements are 95 % of the area", in whatever order they are added up
_ROUNDING = 1e-12


@dataclass(frozen=True)
class SurfaceDistances:
    """The surface elements of one mask: how far each is from the other mask's surface, and its area.

    Attributes:
        distance_mm: distance of each element to the nearest element of the other surface, ascending, (N,).
        area: area of each in mm^2 (3-D), or length in mm (2-D), (N,).
    """

    distance_mm: DoubleArray
    area: DoubleArray

    @property
    def total(self) -> float:
        """Area of the whole surface."""
        return float(self.area.sum())

    def within(self, tolerance_mm: float) -> float:
        """Return the area of the elements within ``tolerance_mm`` of the other surface."""
        return float(self.area[: np.searchsorted(self.distance_mm, tolerance_mm * _SLACK, side="right")].sum())

    def percentile(self, percent: float) -> float:
        """Return the distance that ``percent`` of the surface's area does not exceed."""
        share = np.cumsum(self.area) / self.area.sum()
        place = share.size - 1 if percent == 100 else int(np.searchsorted(share, percent / 100 - _ROUNDING))
        return float(self.distance_mm[place])


@dataclass(frozen=True)
class SurfacePair:
    """Two binary masks with their surfaces measured against each other; see :func:`measure_surfaces`.

    Attributes:
        predicted: mask in the box that holds both, with a margin of one voxel.
        true: the truth in the same box.
        image_part: the part of the box that is in the image: a margin beyond the frame is not.
        spacing: mm per axis.
        diagonal_mm: length of the whole image's diagonal.
        predicted_surface: distances from the prediction's surface to the truth's; None where one mask is empty, or
            where they were not asked for.
        true_surface: the other way round.
    """

    predicted: BoolArray
    true: BoolArray
    image_part: tuple[slice, ...]
    spacing: tuple[float, ...]
    diagonal_mm: float
    predicted_surface: SurfaceDistances | None
    true_surface: SurfaceDistances | None

    @property
    def missed(self) -> bool:
        """Whether there is something, and nothing is predicted."""
        return bool(self.true.any()) and not self.predicted.any()

    @property
    def true_is_full(self) -> bool:
        """Whether the truth fills the image."""
        return bool(self.true[self.image_part].all())

    @property
    def false_alarm(self) -> bool:
        """Whether there is nothing, and something is predicted."""
        return bool(self.predicted.any()) and not self.true.any()


def measure_surfaces(
    y_pred: npt.ArrayLike, y: npt.ArrayLike, spacing: Sequence[float] | float | None, *, distances: bool = True
) -> SurfacePair:
    """Find the surfaces of two masks, and the distance of every surface element to the other surface: once per case.

    The surface runs between the voxels, as marching cubes (3-D) and marching squares (2-D) draw it: an element is the
    piece of surface in a cube of 2 x 2 x 2 (2 x 2) neighbouring voxel centres, its place is the cube's centre, its
    area that of marching cubes' triangles there. This is what DeepMind's surface-distance does, and the numbers are its
    (of a cube and its complement the one of fewer corners is taken). Outside the image is background.

    All is done in the box that holds both masks; the numbers do not depend on it.

    Args:
        y_pred: predicted mask, 0 or 1, (H, W) or (H, W, D).
        y: true mask of the same shape.
        spacing: mm per axis in array order.
        distances: whether to measure the surfaces; the masks alone are enough for scores of overlap.

    Returns:
        The pair, from which the scores are taken.

    Raises:
        TypeError: if a mask does not hold numbers.
        ValueError: if a mask holds anything but 0 and 1, the shapes differ or are not 2-D or 3-D, or ``spacing`` is
            missing or has a wrong length.

    Example:
        >>> import numpy as np
        >>> truth = np.zeros((1, 8)); truth[0, 2:4] = 1
        >>> pred = np.zeros((1, 8)); pred[0, 2:6] = 1
        >>> pair = measure_surfaces(pred, truth, spacing=(1.0, 0.5))
        >>> pair.predicted_surface.percentile(100), pair.true_surface.percentile(100)
        (1.0, 0.0)
    """
    predicted, true = binary_mask("y_pred", y_pred), binary_mask("y", y)
    check_spatial_dims("y", true.ndim)
    check_same_shape("y_pred", predicted.shape, "y", true.shape)
    if spacing is None:
        raise ValueError(f"`spacing` needs {true.ndim} entries (mm per axis) for scores in mm, got None.")
    sizes = check_spacing(spacing, true.ndim)
    diagonal = float(np.linalg.norm(np.asarray(sizes) * true.shape))
    predicted, true, image_part = _crop_to_union(predicted, true)
    surfaces: tuple[SurfaceDistances, SurfaceDistances] | tuple[None, None] = (None, None)
    if distances and predicted.any() and true.any():
        surfaces = _surfaces(predicted, true, sizes)
    return SurfacePair(predicted, true, image_part, sizes, diagonal, *surfaces)


def _crop_to_union(predicted: BoolArray, true: BoolArray) -> tuple[BoolArray, BoolArray, tuple[slice, ...]]:
    volumes = [np.ascontiguousarray(mask).reshape((-1, *mask.shape[-2:])) for mask in (predicted, true)]
    box = union_box(*volumes)[3 - true.ndim :].tolist()
    inside = tuple(slice(low, high) for low, high in box)
    first, second = (np.pad(mask[inside], 1) for mask in (predicted, true))
    part = tuple(
        slice(0 if low > 0 else 1, high - low + (2 if high < size else 1))
        for (low, high), size in zip(box, true.shape, strict=True)
    )
    return first, second, part


def _surfaces(
    predicted: BoolArray, true: BoolArray, spacing: tuple[float, ...]
) -> tuple[SurfaceDistances, SurfaceDistances]:
    if predicted.ndim == 2:  # a slice between two equal ones: its cubes have the codes of marching squares, twice
        predicted, true = (np.stack([mask, mask]) for mask in (predicted, true))
    index, codes = surface_cubes(np.ascontiguousarray(predicted), np.ascontiguousarray(true))
    index = index[:, 3 - len(spacing) :]
    area = surface_areas(spacing)
    on = (codes != 0) & (codes != 255)
    shape = predicted.shape[3 - len(spacing) :]
    return (
        _distances(index, on[:, 0], on[:, 1], area[codes[:, 0]], spacing, shape),
        _distances(index, on[:, 1], on[:, 0], area[codes[:, 1]], spacing, shape),
    )


def _distances(
    index: LongArray,
    here: BoolArray,
    there: BoolArray,
    area: DoubleArray,
    spacing: tuple[float, ...],
    shape: tuple[int, ...],
) -> SurfaceDistances:
    """Distances of the elements ``here`` to the nearest one ``there``; shared elements are at distance 0."""
    distance = np.zeros(len(index))
    alone = here & ~there
    if alone.any():
        distance[alone] = _nearest(index[alone], index[there], spacing, shape)
    order = np.argsort(distance[here], kind="stable")
    return SurfaceDistances(distance[here][order], area[here][order])


def _nearest(points: LongArray, targets: LongArray, spacing: tuple[float, ...], shape: tuple[int, ...]) -> DoubleArray:
    sizes = np.asarray(spacing)
    if len(points) * _ASKED < np.prod(shape):
        return np.asarray(KDTree(targets * sizes).query(points * sizes)[0])
    source = np.zeros(shape, dtype=np.bool_)
    source[tuple(targets.T)] = True
    limit = _REACH * max(spacing)
    distance = np.sqrt(near_squares(source, spacing, limit)[tuple(points.T)])
    far = distance > limit
    if far.any():
        if np.count_nonzero(far) * _ASKED < np.prod(shape):
            distance[far] = KDTree(targets * sizes).query(points[far] * sizes)[0]
        else:
            field = np.asarray(ndimage.distance_transform_edt(~source, sampling=spacing))
            distance[far] = field[tuple(points[far].T)]
    return np.asarray(distance)


def near_squares(source: BoolArray, spacing: tuple[float, ...], limit: float) -> DoubleArray:
    """Return the squared distance to the nearest source in a 2-D or 3-D image; exact up to the limit."""
    volume = np.ascontiguousarray(source).reshape((-1, *source.shape[-2:]))
    steps = np.array((np.inf, *spacing)[-3:])
    return near_squared_distance(volume, steps, float(limit)).reshape(source.shape)


def surface_areas(spacing: tuple[float, ...]) -> DoubleArray:
    """Area (or length) of the surface in a cube, by its code."""
    if len(spacing) == 2:
        return _lengths(spacing)
    normals = _cell_normals()
    a, b, c = spacing
    return np.asarray(np.linalg.norm(normals * (b * c, a * c, a * b), axis=2).sum(axis=1))


def _lengths(spacing: tuple[float, ...]) -> DoubleArray:
    """Length of the contour in a cube of two equal slices: the code has the four corners twice."""
    corner = math.hypot(*spacing) / 2
    four = [0.0, corner, corner, spacing[1], corner, spacing[0], 2 * corner, corner]
    four += four[::-1]  # the contour of what is outside is the same
    length = np.zeros(256)
    length[[17 * code for code in range(16)]] = four
    return length


@cache
def _cell_normals() -> DoubleArray:
    """Area vectors of marching cubes' triangles in a unit cube, by its code: (256, triangles, 3)."""
    normals = np.zeros((256, 5, 3))
    for code in range(1, 255):
        fewer = code if code.bit_count() <= 4 else 255 - code  # so that a mask and its complement have one surface
        corners = np.unpackbits(np.array([fewer], dtype=np.uint8)).reshape(2, 2, 2).astype(np.float32)
        vertices, faces, _, _ = marching_cubes(corners, 0.5, method="lorensen")
        triangles = vertices[faces].astype(np.float64)
        sides = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]) / 2
        normals[code, : len(sides)] = sides
    return normals
