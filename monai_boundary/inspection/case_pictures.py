# SPDX-License-Identifier: Apache-2.0
"""Which cases of a data set are shown, and slices through them with the contours of their classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from monai_boundary.data.volumes.volume_items import as_paths
from monai_boundary.data.volumes.volume_reader import read_volume
from monai_boundary.inspection.case_measures import class_names
from monai_boundary.ops.grid import affine_spacing
from monai_boundary.ops.label_values import whole_label
from monai_boundary.report.slice_contours import slice_contours, viewed_grid

_SLICES = 9  # of an axis, among which the one with most of the structures is shown
_MOST_CLASSES = 12
Record = Mapping[str, Any]


class PictureJob(NamedTuple):
    """A case to draw, and why it is drawn."""

    item: Mapping[str, Any]
    labels: Mapping[str, Any]
    ignore_label: int | None
    reason: str


def cases_to_show(records: Sequence[Record], most: int = 12) -> dict[str, str]:
    """Return case -> why it is shown: extremes in volume, number of structures and shape, odd ones, and a median.

    Args:
        records: of `measure_case`.
        most: cases.
    """
    there = [record for record in records if record.get("classes") and "shape" in record]
    if not there:
        return {}
    volume = {id(r): sum(of["ml"] for of in r["classes"].values()) for r in there}
    count = {id(r): sum(of["components"] for of in r["classes"].values()) for r in there}
    thin = {id(r): sum(of["thin_voxels"] for of in r["classes"].values()) for r in there}
    size = {id(r): int(np.prod(r["shape"])) for r in there}
    by_volume = sorted(there, key=lambda r: volume[id(r)])
    chosen = [(record, record["findings"][0][1]) for record in there if record["findings"]][: most // 2]
    chosen += [
        (by_volume[len(by_volume) // 2], "median volume of its structures"),
        (by_volume[0], "least volume of its structures"),
        (by_volume[-1], "most volume of its structures"),
        (max(there, key=lambda r: count[id(r)]), "most components"),
        (max(there, key=lambda r: thin[id(r)]), "most voxels in thin structures"),
        (min(there, key=lambda r: size[id(r)]), "smallest image"),
        (max(there, key=lambda r: size[id(r)]), "largest image"),
    ]
    chosen += [(record, "one of the others") for record in there[:: max(1, len(there) // most)]]
    shown: dict[str, str] = {}
    for record, reason in chosen:
        if len(shown) < most:
            shown.setdefault(str(record["case"]), reason)
    return shown


def draw_labelled_case(job: PictureJob) -> dict[str, Any]:
    """Return ``case``, ``reason`` and ``views``: for each axis the slice with most of the structures.

    Args:
        job: the case.

    Returns:
        Each view has ``name``, ``width``, ``height``, ``k`` (slice), ``image`` (a data address) and ``paths`` (class ->
        path of an SVG). ``error`` is a text where the case could not be drawn.
    """
    drawn: dict[str, Any] = {"case": job.item["case"], "reason": job.reason, "views": [], "error": ""}
    try:
        values, affine = read_volume(job.item["label"])
        label = whole_label("label", values.reshape(values.shape[:3]))
        image, _ = read_volume(as_paths(job.item["image"])[0])
        image = image[..., 0] if image.ndim > label.ndim else image
        behind = image if image.shape == label.shape else None
        if label.shape[2] == 1:  # an image of two dimensions has one view
            label, behind = label[..., 0], None if behind is None else behind[..., 0]
        spacing = affine_spacing(affine, label.ndim, sheared=True)
        grid = viewed_grid(affine, spacing, "mm")
        found = [int(i) for i in np.unique(label)]
        names = class_names(job.labels, found, job.ignore_label)
        nothing = np.zeros(label.shape, dtype=np.bool_)
        masks = {n: (nothing, np.isin(label, ids)) for n, ids in list(names.items())[:_MOST_CLASSES]}
        for view in slice_contours(masks or {"": (nothing, nothing)}, grid, behind, _SLICES):
            cut = view["slices"][view["worst"]]
            about = {"name": view["name"], "width": view["width"], "height": view["height"], "k": cut["k"]}
            drawn["views"].append({**about, "image": cut.get("image", ""), "paths": cut["truth"]})
    except Exception as error:  # a picture that fails is told, and the page is written without it
        drawn["error"] = f"{type(error).__name__}: {error}"
    return drawn
