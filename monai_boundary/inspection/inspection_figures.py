# SPDX-License-Identifier: Apache-2.0
"""Figures of a data set: volumes of its classes, sizes of their components, grey values of its cases."""

from __future__ import annotations

import html
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from monai_boundary.data.volumes.volume_dataset import VolumeDataset

Record = Mapping[str, Any]
COLOURS = (
    *("#2ee59d", "#ff4fb0", "#ffb000", "#3fa9f5", "#e6550d", "#9b7bff"),
    *("#b4d900", "#00c8c8", "#ff7b7b", "#c49a6c", "#8da0cb", "#f5f56b"),
)
_MOST_BINS = 30


def inspection_figures(
    dataset: VolumeDataset, records: Sequence[Record], classes: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return the figures of the page by name, as Plotly takes them; names from files are escaped for it.

    Args:
        dataset: the listing.
        records: of `measure_case`.
        classes: names, in the order of their colours.
    """
    labelled = [record for record in records if record.get("classes")]
    figures = {
        "volumes": _volumes(labelled, classes),
        "components": _components(labelled, classes),
        "intensities": _intensities(dataset, records),
        "shapes": _shapes(records),
    }
    return {name: figure for name, figure in figures.items() if figure["data"]}


def class_colours(classes: Sequence[str]) -> dict[str, str]:
    """Return class -> colour of its contours and figures.

    Args:
        classes: names.

    Example:
        >>> class_colours(["liver", "tumour"])
        {'liver': '#2ee59d', 'tumour': '#ff4fb0'}
    """
    return {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(classes)}


def _figure(data: list[dict[str, Any]], x: str, y: str, **axes: Any) -> dict[str, Any]:
    layout = {
        "height": 340,
        "margin": {"l": 60, "r": 12, "t": 12, "b": 48},
        "xaxis": {"title": {"text": x}, "automargin": True, **axes.get("xaxis", {})},
        "yaxis": {"title": {"text": y}, "automargin": True, **axes.get("yaxis", {})},
        "legend": {"orientation": "h", "y": 1.12},
        "paper_bgcolor": "rgba(0,0,0,0)",
    }
    return {"data": data, "layout": layout}


def _plain(text: object) -> str:
    return html.escape(str(text))


def _line(colour: str) -> dict[str, Any]:
    return {"color": colour, "line": {"color": "#333", "width": 0.5}}


def _volumes(records: Sequence[Record], classes: Sequence[str]) -> dict[str, Any]:
    colours = class_colours(classes)
    data = []
    for name in classes:
        there = [r for r in records if r["classes"].get(name, {}).get("voxels")]
        if there:
            values = [round(r["classes"][name]["ml"], 4) for r in there]
            texts = [_plain(r["case"]) for r in there]
            points = {"boxpoints": "all", "jitter": 0.4, "pointpos": 0, "marker": {"size": 5, **_line(colours[name])}}
            data.append(
                {"type": "box", "y": values, "text": texts, "name": _plain(name), "showlegend": False, **points}
            )
    return _figure(data, "", "ml in a case", yaxis={"rangemode": "tozero"})


def _components(records: Sequence[Record], classes: Sequence[str]) -> dict[str, Any]:
    """How many components of each size, in bins of equal ratio."""
    colours = class_colours(classes)
    sizes = {
        name: [n for r in records for n in r["classes"].get(name, {}).get("component_voxels", ())] for name in classes
    }
    every = [n for of in sizes.values() for n in of]
    if not every:
        return _figure([], "", "")
    edges = np.unique(np.geomspace(1, max(every) + 1, _MOST_BINS).round())
    edges = edges if len(edges) > 1 else np.array([1.0, 2.0])
    middles = [f"{a:.0f} to {b - 1:.0f}" if b - a > 1 else f"{a:.0f}" for a, b in itertools.pairwise(edges)]
    data = [
        {
            "type": "bar",
            "x": middles,
            "y": np.histogram(of, edges)[0].tolist(),
            "name": _plain(name),
            "marker": _line(colours[name]),
        }
        for name, of in sizes.items()
        if of
    ]
    return _figure(data, "voxels of a component", "components", xaxis={"type": "category"})


def _intensities(dataset: VolumeDataset, records: Sequence[Record]) -> dict[str, Any]:
    data = []
    for k, name in enumerate(dataset.channels):
        there = [r for r in records if len(r.get("channels", ())) > k and r["channels"][k]["foreground"]]
        if not there:
            continue
        of = [r["channels"][k]["foreground"] for r in there]
        middle = np.array([c["p50"] for c in of])
        bars = {
            "type": "data",
            "symmetric": False,
            "array": (np.array([c["p95"] for c in of]) - middle).tolist(),
            "arrayminus": (middle - np.array([c["p5"] for c in of])).tolist(),
            "width": 0,
            "thickness": 1,
        }
        texts = [_plain(r["case"]) for r in there]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "y": middle.tolist(),
                "text": texts,
                "error_y": bars,
                "name": _plain(name),
                "marker": {"size": 5},
            }
        )
    return _figure(data, "case", "grey values of the foreground: median, 5 to 95 %")


def _shapes(records: Sequence[Record]) -> dict[str, Any]:
    """Extent of each image: right to left against foot to head (or front to back, of slices)."""
    there = [r for r in records if "shape" in r]
    extents = [[n * s for n, s in zip(r["canonical_shape"], r["canonical_spacing"], strict=True)] for r in there]
    if not there:
        return _figure([], "", "")
    data = {
        "type": "scatter",
        "mode": "markers",
        "x": [e[0] for e in extents],
        "y": [e[-1] for e in extents],
        "text": [
            _plain(f"{r['case']}: {r['canonical_shape']} voxels of {[round(s, 3) for s in r['canonical_spacing']]} mm")
            for r in there
        ],
        "marker": {"size": 6},
    }
    return _figure([data], "extent along the first axis, mm", "along the last axis, mm")
