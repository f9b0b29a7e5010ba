# SPDX-License-Identifier: Apache-2.0
"""A data set in numbers: what its cases have in common, and how far they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from monai_boundary.data.volumes.volume_dataset import VolumeDataset
from monai_boundary.inspection.case_measures import class_names
from monai_boundary.inspection.intensity_measures import PERCENTILES

Record = Mapping[str, Any]
_QUANTILES = {"min": 0.0, "p5": 0.05, "median": 0.5, "p95": 0.95, "max": 1.0}


def dataset_fingerprint(dataset: VolumeDataset, records: Sequence[Record]) -> dict[str, Any]:
    """Return the numbers of a data set, as ``fingerprint.json`` holds them.

    Shapes and voxel sizes are in the order right, front, head, whatever the orientation of the files. Grey values of
    the foreground are pooled over the cases, each with the same weight.

    Args:
        dataset: the listing.
        records: of `measure_case`.
    """
    read = [record for record in records if "shape" in record]
    labelled = [record for record in records if "label_values" in record]
    return {
        "dataset": {
            "layout": dataset.layout,
            "source": dataset.source,
            "cases": len({*(item["case"] for item in dataset.items), *(record["case"] for record in records)}),
            "cases_read": len(read),
            "patients": len({record["patient"] for record in records}),
            "channels": list(dataset.channels),
            "labels": dict(dataset.labels),
            "ignore_label": dataset.ignore_label,
            "folds": len(dataset.folds),
        },
        "dims": dict(Counter(str(max(2, record["dims"])) for record in read)),
        "shape": _axes([record["canonical_shape"] for record in read]),
        "spacing_mm": _axes([record["canonical_spacing"] for record in read]),
        "orientations": dict(Counter(record["orientation"] for record in read)),
        "intensities": {
            name: _intensities([record["channels"][k] for record in read if len(record.get("channels", ())) > k])
            for k, name in enumerate(dataset.channels)
        },
        "label_values": _label_values(labelled),
        "classes": _classes(dataset, labelled),
        "touching": _touching(labelled),
    }


def quantiles(values: Iterable[float]) -> dict[str, float]:
    """Return minimum, 5 %, median, 95 % and maximum; NaN are left out, and nothing has none.

    Args:
        values: numbers.

    Example:
        >>> quantiles([3, 1, float("nan"), 2])["median"], quantiles([])
        (2.0, {})
    """
    there = np.array([v for v in values if v == v], dtype=np.float64)
    return {name: float(np.quantile(there, at)) for name, at in _QUANTILES.items()} if there.size else {}


def _axes(rows: Sequence[Sequence[float]]) -> dict[str, list[float]]:
    """Quantiles along each axis."""
    if not rows:
        return {}
    found = [quantiles(column) for column in zip(*rows, strict=True)]
    return {name: [of[name] for of in found] for name in _QUANTILES}


def _intensities(channels: Sequence[Record]) -> dict[str, Any]:
    with_values = [channel for channel in channels if channel["sample"]]
    if not with_values:
        return {}
    weights = np.concatenate([np.full(len(c["sample"]), 1 / len(c["sample"])) for c in with_values])
    values = np.concatenate([np.asarray(c["sample"]) for c in with_values])
    order = np.argsort(values, kind="stable")
    places = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    pooled = {f"p{p:g}": float(np.interp(p / 100, places, values[order])) for p in PERCENTILES}
    mean = float((values * weights).sum() / weights.sum())
    sd = float(np.sqrt(((values - mean) ** 2 * weights).sum() / weights.sum()))
    return {
        "foreground": {"mean": mean, "sd": sd, **pooled},
        "image_min": quantiles(c["image"]["min"] for c in with_values),
        "image_max": quantiles(c["image"]["max"] for c in with_values),
        "image_mean": quantiles(c["image"]["mean"] for c in with_values),
        "zero_share": quantiles(c["zero_share"] for c in with_values),
    }


def _label_values(records: Sequence[Record]) -> dict[str, dict[str, float]]:
    voxels: Counter[int] = Counter()
    cases: Counter[int] = Counter()
    for record in records:
        voxels.update(record["label_values"])
        cases.update(record["label_values"].keys())
    total = max(sum(voxels.values()), 1)
    return {str(i): {"voxels": voxels[i], "share": voxels[i] / total, "cases": cases[i]} for i in sorted(voxels)}


def _classes(dataset: VolumeDataset, records: Sequence[Record]) -> dict[str, dict[str, Any]]:
    found = sorted({i for record in records for i in record["label_values"]})
    total = max(sum(sum(record["label_values"].values()) for record in records), 1)
    classes = {}
    for name, ids in class_names(dataset.labels, found, dataset.ignore_label).items():
        of = [record["classes"][name] for record in records if name in record.get("classes", {})]
        there = [measures for measures in of if measures["voxels"]]
        components = sum(m["components"] for m in there)
        voxels = sum(m["voxels"] for m in there)
        sizes = [(n, m["ml"] / m["voxels"]) for m in there for n in m["component_voxels"]]
        classes[name] = {
            "ids": list(ids),
            "cases": len(there),
            "voxels": voxels,
            "share": voxels / total,
            "ml": quantiles(m["ml"] for m in there),
            "components": quantiles(m["components"] for m in there),
            "component_voxels": quantiles(n for n, _ in sizes),
            "component_ml": quantiles(n * ml for n, ml in sizes),
            "inscribed_radius_mm": quantiles(m["inscribed_radius_mm"] for m in there),
            "thin_components_share": sum(m["thin_components"] for m in there) / max(components, 1),
            "thin_voxels_share": sum(m["thin_voxels"] for m in there) / max(voxels, 1),
        }
    return classes


def _touching(records: Sequence[Record]) -> list[dict[str, Any]]:
    pairs: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for record in records:
        for touch in record.get("touching", ()):
            pairs.setdefault(tuple(touch["classes"]), []).append(touch)
    return [
        {
            "classes": list(pair),
            "cases": len(of),
            "faces": quantiles(t["faces"] for t in of),
            "mm2": quantiles(t["mm2"] for t in of),
        }
        for pair, of in pairs.items()
    ]
