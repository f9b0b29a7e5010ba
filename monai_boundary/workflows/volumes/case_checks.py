# SPDX-License-Identifier: Apache-2.0
"""What is wrong with the files of a data set, all of it at once and before a training starts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from monai_boundary.data.volumes.dataset_problems import DatasetProblem, check_problems
from monai_boundary.data.volumes.volume_header import VolumeHeader, read_volume_header
from monai_boundary.data.volumes.volume_items import as_paths
from monai_boundary.data.volumes.volume_reader import read_volume
from monai_boundary.ops.grid import SAME_GRID_VOXELS, affine_spacing, largest_offset
from monai_boundary.ops.label_values import whole_label
from monai_boundary.workflows.volumes.task import VolumeTask

__all__ = ["check_cases"]

Item = Mapping[str, Any]


def check_cases(
    items: Sequence[Item], task: VolumeTask, source: str = "the data set", workers: int | None = None
) -> None:
    """Check, before the work, that the files of all cases can be read and fit the task.

    Of images the headers are read, of labels the voxels. Looked for are: files that cannot be read; images of 2-D among
    those of 3-D, or for a network in 3-D; more or fewer channels than the task's; a label on another grid than the
    first image; labels with fractions, NaN or ids that the task does not declare.

    Args:
        items: with ``image`` (a file, or one for each channel), ``case`` and, if there is one, ``label``.
        task: channels and labels.
        source: what an error calls the data set.
        workers: threads; None is one for each core, 8 at most.

    Returns:
        None.

    Raises:
        ValueError: naming every case with every problem, in groups of one kind.

    Example:
        >>> task = VolumeTask({"ct": "zscore"}, {"background": 0, "liver": 1})
        >>> check_cases([{"image": "a.nii.gz", "label": "b.nii.gz", "case": "a"}], task)
        Traceback (most recent call last):
        ...
        ValueError: `dataset_dir` needs a data set without gaps, got the data set with files that cannot be ...
    """
    with ThreadPoolExecutor(workers or min(8, os.cpu_count() or 1)) as pool:
        found = list(pool.map(lambda item: _problems(item, task), items))
    axes = {file: n for _, of in found for file, n in of.items()}
    check_problems([*(problem for of, _ in found for problem in of), *_flat_images(axes, task)], source)


def _flat_images(axes: Mapping[str, int], task: VolumeTask) -> list[DatasetProblem]:
    """Images of two dimensions beside those of three, or for a network in three."""
    flat = [file for file, n in axes.items() if n == 2]
    volume = next((file for file, n in axes.items() if n == 3), None)
    if volume is not None:
        return [DatasetProblem("images of two dimensions among volumes", file, f"{volume} has three") for file in flat]
    if flat and task.spatial_dims == 3:
        return [DatasetProblem("images of two dimensions for a network in 3-D", flat[0], "give `spatial_dims` 2")]
    return []


def _problems(item: Item, task: VolumeTask) -> tuple[list[DatasetProblem], dict[str, int]]:
    """What is wrong with a case, and how many axes each of its images has."""
    case, problems = str(item["case"]), []
    files = as_paths(item["image"])
    headers: list[VolumeHeader] = []
    for file in files:
        try:
            headers.append(read_volume_header(file))
        except ValueError as error:
            problems.append(DatasetProblem("files that cannot be read", file, str(error)))
    if len(headers) == len(files):
        count = sum(header.channels for header in headers)
        if count != task.in_channels or (len(files) > 1 and count != len(files)):
            wanted = f"{task.in_channels} ({', '.join(task.channels)}) are needed, {count} are there: {files[0]}"
            problems.append(DatasetProblem("cases of another number of channels", case, wanted))
    if "label" in item:
        problems += _label_problems(str(item["label"]), headers[0] if headers else None, task, item)
    axes = (
        {file: header.axes for file, header in zip(files, headers, strict=False)} if len(headers) == len(files) else {}
    )
    return problems, axes


def _label_problems(file: str, image: VolumeHeader | None, task: VolumeTask, item: Item) -> list[DatasetProblem]:
    try:
        values, affine = read_volume(file)
    except ValueError as error:
        return [DatasetProblem("files that cannot be read", file, str(error))]
    problems = []
    if values.ndim > 3 and values.size == int(np.prod(values.shape[:3])):
        values = values.reshape(values.shape[:3])
    if image is not None and (apart := _apart(values.shape, affine, image)):
        problems.append(DatasetProblem("labels on another grid than the image", file, apart))
    try:
        ids, counts = np.unique(whole_label("label", values), return_counts=True)
    except (ValueError, TypeError) as error:
        return [*problems, DatasetProblem("labels that hold no ids", file, str(error))]
    known = {
        0,
        *task.ignore_labels,
        *item.get("ignore_labels", ()),
        *(i for name in task.labels for i in task.ids(name)),
    }
    strange = [f"{i} ({n} voxels)" for i, n in zip(ids.tolist(), counts.tolist(), strict=True) if i not in known]
    if strange and task.label_map is None:
        message = f"{', '.join(strange[:5])}; declared are {', '.join(map(str, sorted(known)))}"
        problems.append(DatasetProblem("ids that are not declared", file, message))
    return problems


def _apart(shape: tuple[int, ...], affine: Any, image: VolumeHeader) -> str:
    """Say how a label's grid differs from the image's; empty where it does not."""
    if tuple(shape) != image.shape:
        return f"{tuple(shape)} voxels, the image has {image.shape}"
    try:
        voxel = min(*affine_spacing(affine, 3, sheared=True), *affine_spacing(image.affine, 3, sheared=True))
    except ValueError as error:
        return str(error)
    apart = largest_offset(np.asarray(affine), image.affine, image.shape)
    return f"{apart:.4g} mm apart" if apart > SAME_GRID_VOXELS * voxel else ""
