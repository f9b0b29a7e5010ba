# SPDX-License-Identifier: Apache-2.0
"""One case from its files to its measures: what a worker process does. One channel is in memory at a time."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from nibabel.orientations import aff2axcodes, io_orientation

from monai_boundary._typing import AnyArray, BoolArray, DoubleArray, IntArray
from monai_boundary.data.volumes.nifti_reader import check_grids
from monai_boundary.data.volumes.volume_dataset import LabelIds
from monai_boundary.data.volumes.volume_items import as_paths
from monai_boundary.data.volumes.volume_reader import read_volume
from monai_boundary.inspection.finding import ERROR, WARNING, Finding
from monai_boundary.inspection.intensity_measures import intensity_measures
from monai_boundary.inspection.label_measures import class_measures, touching_classes
from monai_boundary.ops.grid import affine_spacing
from monai_boundary.ops.label_values import whole_label

MOST_IDS = 120


_Grid = tuple[IntArray | None, DoubleArray]  # a label's ids, where they are those of a label, and its affine


class MeasureJob(NamedTuple):
    """A case to measure.

    Attributes:
        item: of a `VolumeDataset`.
        channels: how many it should have.
        labels: class -> id or ids; empty where none are declared.
        ignore_label: id that is no class.
        absent: files that the listing has named as missing: the rest of the case is looked at.
    """

    item: Mapping[str, Any]
    channels: int
    labels: Mapping[str, LabelIds]
    ignore_label: int | None
    absent: frozenset[str] = frozenset()


def measure_case(job: MeasureJob) -> dict[str, Any]:
    """Return the measures of a case; what is wrong with it is among them, under ``findings``.

    Args:
        job: the case.

    Returns:
        ``case``, ``patient``, ``files``, ``findings`` (tuples of `Finding`) and ``seconds`` that it took; where the
        label could be read, ``label_values``, ``classes`` and ``touching``; where all of the image could be,
        ``shape``, ``spacing``, ``orientation``, ``canonical_shape`` and ``canonical_spacing`` (axes right, front,
        head), ``dims``, ``channels`` (measures of each) and ``image_hash``.
    """
    began = time.monotonic()
    item = job.item
    record: dict[str, Any] = {
        "case": item["case"],
        "patient": item["patient"],
        "files": [*as_paths(item["image"]), item["label"]],
        "findings": [],
    }
    label: _Grid | None = None
    if item["label"] not in job.absent:
        try:
            label = _label(job, record)
        except Exception as error:  # whatever a damaged file brings: it is told, and the others go on
            record["findings"].append(_unreadable(item["label"], error))
    _image(job, record, label)
    record["seconds"] = time.monotonic() - began
    return record


def _unreadable(path: str, error: Exception) -> Finding:
    if isinstance(error, MemoryError):
        return Finding(ERROR, "files that cannot be read", path, "out of memory")
    message = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    return Finding(ERROR, "files that cannot be read", path, message)


def _label(job: MeasureJob, record: dict[str, Any]) -> _Grid:
    """Read and measure the label; its ids are None where they are no label's."""
    path = job.item["label"]
    values, affine = read_volume(path)
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    record["label_shape"] = list(values.shape)
    if values.ndim != 3:
        what = f"shape {values.shape}: a label has one id per voxel"
        record["findings"].append(Finding(ERROR, "labels with a fourth axis", path, what))
        return None, affine
    try:
        ids = whole_label("label", values)
    except (ValueError, TypeError) as error:
        record["findings"].append(Finding(ERROR, "fractional label values", path, str(error)))
        return None, affine
    found, counts = np.unique(ids, return_counts=True)
    record["label_values"] = {int(i): int(n) for i, n in zip(found, counts, strict=True)}
    _check_ids(job, record, path)
    if len(found) > MOST_IDS:
        return ids, affine
    spacing = affine_spacing(affine, ids.ndim, sheared=True)
    names = class_names(job.labels, [int(i) for i in found], job.ignore_label)
    record["classes"] = {name: class_measures(np.isin(ids, of), spacing) for name, of in names.items()}
    single = {of[0]: name for name, of in names.items() if len(of) == 1}
    every = {i: single.get(i, f"label_{i}") for of in names.values() for i in of}
    record["touching"] = touching_classes(ids, every, spacing)
    return ids, affine


def class_names(labels: Mapping[str, LabelIds], found: list[int], ignore: int | None) -> dict[str, tuple[int, ...]]:
    """Return name -> ids of the classes: the declared ones, or one for each id that was found.

    Args:
        labels: as declared.
        found: ids.
        ignore: id that is no class.

    Example:
        >>> class_names({}, [0, 1, 7, 9], 9), class_names({"all": (1, 2), "core": 2}, [0], None)
        ({'label_1': (1,), 'label_7': (7,)}, {'all': (1, 2), 'core': (2,)})
    """
    if labels:
        return {name: (of,) if isinstance(of, int) else tuple(of) for name, of in labels.items()}
    return {f"label_{i}": (i,) for i in found if i > 0 and i != ignore}


def _check_ids(job: MeasureJob, record: dict[str, Any], path: str) -> None:
    values = record["label_values"]
    negative = [i for i in values if i < 0]
    declared = {i for of in class_names(job.labels, [], None).values() for i in of} | {0, job.ignore_label}
    unknown = [i for i in values if i > 0 and i not in declared] if job.labels else []
    found = record["findings"]
    if negative:
        found.append(Finding(ERROR, "negative label values", path, f"values {_listed(negative)}"))
    if unknown:
        what = f"ids {_listed(unknown)}; declared: {_listed(sorted(i for i in declared if i is not None))}"
        found.append(Finding(ERROR, "label values that are not declared", path, what))
    if len(values) > MOST_IDS:
        what = f"{len(values)} ids: these are instances, not classes"
        found.append(Finding(ERROR, "labels of instances", path, what))
    if not any(n for i, n in values.items() if i > 0 and i != job.ignore_label):
        found.append(Finding(WARNING, "empty labels", path, "no voxel of any class"))


def _image(job: MeasureJob, record: dict[str, Any], label: _Grid | None) -> None:
    """Measure the channels, file by file, and compare all grids with that of the first; measures are of whole cases."""
    paths = as_paths(job.item["image"])
    measured: dict[str, Any] = {"channels": []}
    digest = hashlib.blake2b(digest_size=16)
    first: tuple[str, Any] | None = None
    whole = True
    for path in paths:
        if path in job.absent:
            whole = False
            continue
        try:
            stacked, affine = _stacked(path)
            grid = (path, (stacked.shape[:-1], affine))
            if first is None:
                first = grid
                _geometry(measured, stacked.shape[:-1], affine)
                if label is not None and label[0] is not None:
                    place = (job.item["label"], (label[0].shape, label[1]))
                    _compare(record, "image and label on different grids", first, place)
            else:
                _compare(record, "channels on different grids", first, grid)
            if len(paths) > 1 and stacked.shape[-1] > 1:
                what = f"{stacked.shape[-1]} channels in a file of one"
                record["findings"].append(Finding(ERROR, "images with a fourth axis", path, what))
                whole = False
            foreground = _foreground(label and label[0], stacked.shape[:-1], job.ignore_label)
            for k in range(stacked.shape[-1]):
                channel = np.ascontiguousarray(stacked[..., k])
                digest.update(str(channel.shape).encode() + channel.tobytes())
                measured["channels"].append(_channel(record, path, channel, foreground))
        except Exception as error:
            record["findings"].append(_unreadable(path, error))
            whole = False
    if whole:
        record.update(measured, image_hash=digest.hexdigest())
        _check_channels(job, record, paths)


def _stacked(path: str) -> tuple[AnyArray, DoubleArray]:
    """Read an image, its channels along a last axis."""
    values, affine = read_volume(path)
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    return values if values.ndim > 3 else values[..., None], affine


def _check_channels(job: MeasureJob, record: dict[str, Any], paths: list[str]) -> None:
    count = len(record["channels"])
    if count != job.channels:
        stacked = len(paths) == 1 and count > 1
        kind = "images with a fourth axis" if stacked else "cases of another number of channels"
        what = f"{count} channels, {job.channels} declared"
        record["findings"].append(Finding(ERROR, kind, paths[0], what))


def _channel(record: dict[str, Any], path: str, values: AnyArray, foreground: BoolArray | None) -> dict[str, Any]:
    found = intensity_measures(values, foreground)
    if found["not_finite"]:
        what = f"{found['not_finite']} of {values.size} voxels"
        record["findings"].append(Finding(ERROR, "NaN or infinity in images", path, what))
    if found["image"] and found["image"]["min"] == found["image"]["max"]:
        record["findings"].append(
            Finding(WARNING, "images of one value", path, f"{found['image']['min']:g} everywhere")
        )
    return found


def _geometry(record: dict[str, Any], shape: tuple[int, ...], affine: DoubleArray) -> None:
    spacing = affine_spacing(affine, len(shape), sheared=True)
    record.update(shape=list(shape), spacing=list(spacing), dims=sum(n > 1 for n in shape))
    order = np.argsort(io_orientation(affine)[:, 0])
    record.update(
        orientation="".join(aff2axcodes(affine)),
        canonical_shape=[int(shape[k]) for k in order],
        canonical_spacing=[float(spacing[k]) for k in order],
    )


def _compare(record: dict[str, Any], kind: str, first: tuple[str, Any], other: tuple[str, Any]) -> None:
    try:
        check_grids(dict([first, other]))
    except ValueError as error:
        record["findings"].append(Finding(ERROR, kind, other[0], str(error)))


def _foreground(label: IntArray | None, shape: tuple[int, ...], ignore: int | None) -> BoolArray | None:
    if label is None or label.shape != shape:
        return None
    inside = label > 0
    return inside if ignore is None else inside & (label != ignore)


def _listed(values: list[int]) -> str:
    return ", ".join(map(str, values[:12])) + (f" and {len(values) - 12} more" if len(values) > 12 else "")
