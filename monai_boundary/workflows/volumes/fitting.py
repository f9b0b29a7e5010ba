# SPDX-License-Identifier: Apache-2.0
"""Patches that fit a data set and a network: as large as its images where they are small, in steps of the strides."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from monai_boundary.data.volumes.volume_header import VolumeHeader, read_volume_header
from monai_boundary.data.volumes.volume_items import as_paths
from monai_boundary.ops.grid import affine_spacing
from monai_boundary.ops.patch_size import PATCH_VOXELS, patch_within
from monai_boundary.workflows.volumes.task import VolumeTask

__all__ = ["check_patch_strides", "fitting_patch"]

logger = logging.getLogger(__name__)

_STATED = 50  # images that are looked at
_NAMED = 5
Strides = Sequence[int | Sequence[int]]


def fitting_patch(items: Sequence[Mapping[str, Any]], task: VolumeTask, strides: Strides) -> list[int]:
    """Return the sides of a patch: the data's median image, on the task's grid, if it is small, else a part of it.

    Each side is a multiple of the network's strides. Larger images get patches of 96 x 96 x 96 voxels at most (320 x
    320 in 2-D), cut where they are longest in mm; `inspect` advises by the same rule, and chooses the strides too.

    Args:
        items: of the training, with ``image``; of 50 of them the headers are read.
        task: for its grid, its orientation and whether the network is 2-D.
        strides: from each level of the network to the next, a number or one for each axis.

    Raises:
        ValueError: if there is no item, a header cannot be read, or the strides are not for the task's dimensions.
    """
    if not items:
        raise ValueError("`items` needs at least one case to fit a patch to, got none.")
    headers = [read_volume_header(as_paths(item["image"])[0]) for item in items[:: max(1, len(items) // _STATED)]]
    shape, size = np.median(np.array([_shape_and_size(header, task) for header in headers]), axis=0)
    if task.spatial_dims == 2:
        shape, size = np.delete(shape, task.slice_axis), np.delete(size, task.slice_axis)
    steps = axis_strides(strides, task.spatial_dims)
    return list(patch_within(shape, size / shape, steps, PATCH_VOXELS[task.spatial_dims]))


def axis_strides(strides: Strides, spatial_dims: int) -> list[int]:
    """Return the product of a network's strides along each axis.

    Raises:
        ValueError: if strides are given for another number of axes.

    Example:
        >>> axis_strides([[2, 2, 1], 2], 3)
        [4, 4, 2]
    """
    product = [1] * spatial_dims
    for stride in strides:
        each = [stride] * spatial_dims if isinstance(stride, int) else list(stride)
        if len(each) != spatial_dims:
            raise ValueError(f"`network_strides` needs {spatial_dims} numbers for each level, got {stride!r}.")
        product = [a * b for a, b in zip(product, each, strict=True)]
    return product


def check_patch_strides(
    patch_size: Sequence[int],
    strides: Strides,
    items: Sequence[Mapping[str, Any]] = (),
    task: VolumeTask | None = None,
) -> None:
    """Check that a network's strides divide the sides of a patch, and name the images that are smaller than it.

    Such images are padded. Of a patch that is larger than every image, by more than the strides ask for, a warning says
    so: a part of each patch is padding; else it is a line of the log.

    Args:
        patch_size: voxels.
        strides: from each level of the network to the next.
        items: of the training, with ``image`` and ``case``, whose headers are read; none are not looked at.
        task: for its grid, its orientation and whether the network is 2-D; needed with items.

    Returns:
        None.

    Raises:
        ValueError: if a side is no multiple of the strides along its axis.

    Example:
        >>> check_patch_strides([64, 48, 10], [[2, 2, 1], 2])
    """
    steps = axis_strides(strides, len(patch_size))
    if any(size % step or size < step for size, step in zip(patch_size, steps, strict=True)):
        raise ValueError(f"`patch_size` needs multiples of {steps} (the network's strides), got {list(patch_size)}.")
    if task is not None and len(items):
        shapes = {str(item["case"]): _patch_shape(item, task) for item in items}
        _say_smaller(list(patch_size), steps, shapes)


def _patch_shape(item: Mapping[str, Any], task: VolumeTask) -> list[int]:
    """Voxels of an image along the axes of a patch."""
    shape, _ = _shape_and_size(read_volume_header(as_paths(item["image"])[0]), task)
    kept = [n for axis, n in enumerate(shape) if task.spatial_dims == 3 or axis != task.slice_axis]
    return [max(1, round(n)) for n in kept]


def _say_smaller(patch: list[int], steps: Sequence[int], shapes: Mapping[str, Sequence[int]]) -> None:
    smaller = [case for case, shape in shapes.items() if any(n < p for n, p in zip(shape, patch, strict=True))]
    if not smaller:
        return
    largest = np.max(np.asarray(list(shapes.values())), axis=0)
    needed = -(-largest // np.asarray(steps)) * np.asarray(steps)
    wasted = bool((np.asarray(patch) > needed).any())
    named = ", ".join(f"{case} ({' x '.join(map(str, shapes[case]))})" for case in smaller[:_NAMED])
    more = f" and {len(smaller) - _NAMED} more" if len(smaller) > _NAMED else ""
    what = f"{len(smaller)} of {len(shapes)} images are smaller than the patch {patch} and are padded: {named}{more}."
    hint = (
        f" No image is larger than {largest.tolist()}: `patch_size` {needed.tolist()} would hold each."
        if wasted
        else ""
    )
    logger.log(logging.WARNING if wasted else logging.INFO, what + hint)


def _shape_and_size(header: VolumeHeader, task: VolumeTask) -> tuple[list[float], list[float]]:
    """Voxels along the task's axes on the task's grid, and the image's size in mm."""
    turn = ornt_transform(io_orientation(header.affine), axcodes2ornt(tuple(task.orientation)))
    order = [int(axis) for axis in np.argsort(turn[:, 0])]
    spacing = affine_spacing(header.affine, 3, sheared=True)
    size = [header.shape[axis] * spacing[axis] for axis in order]
    if task.spacing is None or isinstance(task.spacing, str):
        return [float(header.shape[axis]) for axis in order], size
    return [n / s for n, s in zip(size, task.spacing, strict=True)], size
