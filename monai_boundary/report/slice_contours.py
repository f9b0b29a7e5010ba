# SPDX-License-Identifier: Apache-2.0
"""Slices through a case with the contours of truth and prediction, small enough for a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from nibabel.orientations import apply_orientation, io_orientation
from scipy import ndimage
from skimage.measure import approximate_polygon, find_contours

from monai_boundary._typing import AnyArray, BoolArray, DoubleArray, UInt8Array

_MARGIN = 6
_ROUNDED = 0.3  # voxels that a contour may be off, for fewer points
_PLANES = {"mm": ("sagittal", "coronal", "axial"), "stack": ("yz", "xz", "section")}
_TRUTH, _PREDICTION, _BOTH = (0, 150, 80, 255), (208, 28, 139, 255), (60, 60, 60, 255)
_SPLIT, _MERGE = (49, 130, 189, 110), (230, 85, 13, 110)


class ViewedGrid(NamedTuple):
    """How an image is shown.

    Attributes:
        turn: nibabel's orientation that brings the array to R, A, S; None for stacks, shown as stored.
        spacing: of the axes after the turn.
        unit: of the spacing.
    """

    turn: DoubleArray | None
    spacing: tuple[float, ...]
    unit: str

    def turned(self, values: AnyArray) -> AnyArray:
        """Return an array in the order in which it is shown."""
        return values if self.turn is None else apply_orientation(values, self.turn)


def viewed_grid(affine: DoubleArray | None, spacing: Sequence[float], unit: str) -> ViewedGrid:
    """Return how to show an image: 3-D images in mm with the patient's right, front and head at the axes' ends.

    Args:
        affine: of the image, or None.
        spacing: of its axes.
        unit: ``"mm"``, ``"nm"`` or ``"voxel"``.
    """
    if affine is None or unit != "mm" or len(spacing) != 3:
        return ViewedGrid(None, tuple(spacing), unit)
    turn = io_orientation(affine)
    order = np.argsort(turn[:, 0])
    return ViewedGrid(turn, tuple(float(spacing[k]) for k in order), unit)


def slice_contours(
    masks: Mapping[str, tuple[BoolArray, BoolArray]], grid: ViewedGrid, image: AnyArray | None = None, most: int = 16
) -> list[dict[str, Any]]:
    """Return slices through every axis (through the one that there is in 2-D), with contours as SVG paths.

    Args:
        masks: class -> (prediction, truth), as stored.
        grid: how they are shown.
        image: what is behind the contours, of the same shape.
        most: slices of an axis; they are spread over the box that holds all masks.

    Returns:
        For each axis ``name``, ``width`` and ``height`` in units of the finest axis, ``worst`` (place of the slice with
        most wrong voxels) and ``slices``: ``k`` (index), ``wrong``, ``truth`` and ``prediction`` (class -> path), and
        ``image`` (a data address).
    """
    turned = {name: (grid.turned(p), grid.turned(t)) for name, (p, t) in masks.items()}
    behind = None if image is None else grid.turned(image)
    wrong = np.zeros(next(iter(turned.values()))[0].shape, dtype=np.bool_)
    there = np.zeros_like(wrong)
    for predicted, true in turned.values():
        wrong |= predicted != true
        there |= predicted | true
    box = _box(there)
    window = None if behind is None else _window(behind[box])
    views = []
    for axis, places in _cuts(box, most):
        scale = _scale(grid, axis)
        slices = []
        for k in places:
            at = _place(box, axis, k)
            cut: dict[str, Any] = {"k": int(k), "wrong": int(wrong[at].sum())}
            for side, which in (("prediction", 0), ("truth", 1)):
                paths = {name: contour_path(_shown(pair[which][at], grid), scale) for name, pair in turned.items()}
                cut[side] = {name: path for name, path in paths.items() if path}
            if behind is not None and window is not None:
                cut["image"] = _jpeg(_shown(behind[at], grid), window)
            slices.append(cut)
        views.append(_view(axis, grid, _shown(wrong[_place(box, axis, places[0])], grid).shape, scale, slices))
    return views


def instance_slices(
    predicted: AnyArray, true: AnyArray, grid: ViewedGrid, image: AnyArray | None = None, most: int = 12
) -> list[dict[str, Any]]:
    """Return slices with the boundaries of instances, and where the prediction splits or merges them.

    Blue: what lies in a true object, but not in the predicted one that has most of it (a split). Orange: what lies in a
    predicted object, but not in the true one that has most of it (a merge).

    Args:
        predicted: ids, as stored; 0 is background.
        true: ids.
        grid: how they are shown.
        image: what is behind, of the same shape.
        most: slices of an axis.

    Returns:
        As :func:`slice_contours`, with an ``overlay`` (a data address) in place of paths.
    """
    split, merged = (_beside_the_largest(a, b) for a, b in ((true, predicted), (predicted, true)))
    arrays = [grid.turned(a) for a in (predicted, true, split, merged)]
    behind = None if image is None else grid.turned(image)
    box = tuple(slice(0, n) for n in arrays[0].shape)
    window = None if behind is None else _window(behind)
    views = []
    for axis, places in _cuts(box, most):
        scale = _scale(grid, axis)
        slices = []
        for k in places:
            at = _place(box, axis, k)
            planes = [_shown(a[at], grid) for a in arrays]
            cut: dict[str, Any] = {
                "k": int(k),
                "wrong": int(planes[2].sum() + planes[3].sum()),
                "overlay": _overlay(*planes),
            }
            if behind is not None and window is not None:
                cut["image"] = _jpeg(_shown(behind[at], grid), window)
            slices.append(cut)
        views.append(_view(axis, grid, planes[0].shape, scale, slices))
    return views


def contour_path(mask: BoolArray, scale: tuple[float, float]) -> str:
    """Return the outlines of a 2-D mask as the path of an SVG, rows downwards, pixels from 0 to their number.

    Args:
        mask: shape (H, W).
        scale: size of a row and of a column.

    Example:
        >>> contour_path(np.array([[False, True, False]]), (1.0, 2.0))
        'M3 1L2 0.5 3 0 4 0.5Z'
    """
    parts = []
    for line in find_contours(np.pad(mask, 1).astype(np.uint8), 0.5):
        points = approximate_polygon(line, _ROUNDED) if len(line) > 6 else line
        rows, columns = ((points - 0.5) * scale).T
        numbers = [
            f"{x:.1f}".removesuffix(".0") + " " + f"{y:.1f}".removesuffix(".0")
            for x, y in zip(columns, rows, strict=True)
        ]
        parts.append(f"M{numbers[0]}L{' '.join(numbers[1:-1])}Z")
    return "".join(parts)


def _window(values: AnyArray) -> list[float] | None:
    """The grey values that are black and white, of those that are numbers; nothing where none is."""
    finite = values[np.isfinite(values)]
    return np.percentile(finite, [1, 99]).tolist() if finite.size else None


def _view(axis: int | None, grid: ViewedGrid, shape: Sequence[int], scale: Any, slices: list[dict[str, Any]]) -> Any:
    names = _PLANES["mm" if grid.turn is not None else "stack"]
    # a stack's first axis is across its sections
    name = "image" if axis is None else names[axis] if grid.turn is not None else names[2 - axis]
    worst = max(range(len(slices)), key=lambda n: slices[n]["wrong"])
    width, height = round(shape[1] * scale[1], 1), round(shape[0] * scale[0], 1)
    return {"name": name, "width": width, "height": height, "worst": worst, "slices": slices}


def _box(there: BoolArray) -> tuple[slice, ...]:
    found = ndimage.find_objects(there.view(np.uint8))
    if not found:
        return tuple(slice(0, n) for n in there.shape)
    return tuple(
        slice(max(0, s.start - _MARGIN), min(n, s.stop + _MARGIN)) for s, n in zip(found[0], there.shape, strict=True)
    )


def _cuts(box: tuple[slice, ...], most: int) -> list[tuple[int | None, AnyArray]]:
    if len(box) == 2:
        return [(None, np.array([0]))]
    return [
        (axis, np.unique(np.linspace(s.start, s.stop - 1, min(most, s.stop - s.start)).round().astype(int)))
        for axis, s in enumerate(box)
    ]


def _place(box: tuple[slice, ...], axis: int | None, k: int) -> Any:
    return tuple(int(k) if a == axis else s for a, s in enumerate(box))


def _scale(grid: ViewedGrid, axis: int | None) -> tuple[float, float]:
    """Size of a row and of a column as they are shown."""
    first, second = (s for a, s in enumerate(grid.spacing) if a != axis)
    finest = min(first, second)
    return (first / finest, second / finest) if grid.turn is None else (second / finest, first / finest)


def _shown(plane: AnyArray, grid: ViewedGrid) -> AnyArray:
    """Medical planes with their second axis upwards; others with rows downwards, as stored."""
    return plane.T[::-1] if grid.turn is not None else plane


def _beside_the_largest(objects: AnyArray, others: AnyArray) -> BoolArray:
    """Voxels of each object that lie in another one than most of its voxels that lie in any."""
    both = (objects != 0) & (others != 0)
    mine, his = objects[both], others[both]
    ids, first = np.unique(mine, return_inverse=True)
    other_ids, second = np.unique(his, return_inverse=True)
    wrong = np.zeros(objects.shape, dtype=np.bool_)
    if not ids.size:
        return wrong
    pairs, place, counts = np.unique(first * np.int64(other_ids.size) + second, return_inverse=True, return_counts=True)
    owner = pairs // other_ids.size
    order = np.lexsort((counts, owner))
    last = order[np.append(np.flatnonzero(np.diff(owner[order])), order.size - 1)]  # the largest of each owner
    is_largest = np.zeros(pairs.size, dtype=np.bool_)
    is_largest[last] = True
    wrong[both] = ~is_largest[place]
    return wrong


def _overlay(predicted: AnyArray, true: AnyArray, split: BoolArray, merged: BoolArray) -> str:
    pixels: UInt8Array = np.zeros((*true.shape, 4), dtype=np.uint8)
    pixels[split], pixels[merged] = _SPLIT, _MERGE
    ours, theirs = _edges(predicted), _edges(true)
    pixels[ours], pixels[theirs], pixels[ours & theirs] = _PREDICTION, _TRUTH, _BOTH
    return _address(pixels, "PNG", optimize=True)


def _edges(ids: AnyArray) -> BoolArray:
    edges = np.zeros(ids.shape, dtype=np.bool_)
    edges[:-1] |= ids[:-1] != ids[1:]
    edges[:, :-1] |= ids[:, :-1] != ids[:, 1:]
    return edges


def _jpeg(plane: AnyArray, window: Sequence[float]) -> str:
    low, high = window
    grey = np.clip((plane.astype(np.float64) - low) / max(high - low, 1e-12), 0, 1) * 255
    return _address(np.nan_to_num(grey).astype(np.uint8), "JPEG", quality=60)


def _address(pixels: UInt8Array, kind: str, **options: Any) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
