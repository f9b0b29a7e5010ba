# SPDX-License-Identifier: Apache-2.0
"""The voxel sizes of a data set, by the headers of its images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from monai_boundary.data.volumes.volume_header import read_volume_header
from monai_boundary.ops.grid import affine_spacing
from monai_boundary.workflows.volumes.task import VolumeTask


def with_median_spacing(task: VolumeTask, items: Sequence[Mapping[str, Any]]) -> VolumeTask:
    """Return the task with the data's median voxel size along each axis, where its spacing is ``"median"``.

    Any other task is returned as it is. Take the training's items alone, and keep the result with the settings of the
    training: evaluation and inference have to work on the same grid.

    Args:
        task: the task.
        items: with ``image``, a file or a list of files; of a list, the first that there is.

    Raises:
        ValueError: if there is no item, or a file cannot be read.

    Example:
        >>> task = VolumeTask({"ct": "zscore"}, {"background": 0, "liver": 1}, spacing=[1, 1, 3])
        >>> with_median_spacing(task, []).spacing
        (1.0, 1.0, 3.0)
    """
    if task.spacing != "median":
        return task
    if not items:
        raise ValueError("`items` needs at least one case to find the median spacing of, got none.")
    sizes = np.array([oriented_spacing(_first_file(item), task.orientation) for item in items])
    return task.changed(spacing=[round(float(size), 4) for size in np.median(sizes, axis=0)])


def oriented_spacing(file: str, orientation: str) -> tuple[float, ...]:
    """Return the voxel sizes of an image in mm along the axes of an orientation such as ``"RAS"``, by its header.

    Raises:
        ValueError: if the file cannot be read, or its affine is none.
    """
    affine = read_volume_header(file).affine
    turn = ornt_transform(io_orientation(affine), axcodes2ornt(tuple(orientation)))
    sizes = affine_spacing(affine, 3, sheared=True)
    return tuple(sizes[int(axis)] for axis in np.argsort(turn[:, 0]))


def _first_file(item: Mapping[str, Any]) -> str:
    files = item["image"]
    return str(next(file for file in files if file) if isinstance(files, (list, tuple)) else files)
