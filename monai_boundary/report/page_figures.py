# SPDX-License-Identifier: Apache-2.0
"""The figures of the page, as Plotly reads them: plain data and layout."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from monai_boundary._tables import Row
from monai_boundary._typing import DoubleArray
from monai_boundary.report.case_summary import bootstrap_interval, grouped
from monai_boundary.report.probability_scores import THRESHOLDS, threshold_rows
from monai_boundary.report.report_tables import ReportTables
from monai_boundary.report.score_names import SCORES, titled_score

COLOURS = ("#1b6ca8", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e", "#a6761d", "#666666")
Figure = dict[str, Any]
_LINE = ("method", "class")
_THRESHOLD_TITLES = {
    "dice": "Dice",
    "precision": "precision (voxels)",
    "recall": "recall (voxels)",
    "cremi_score": "CREMI score",
    "ari": "adapted Rand index",
    "voi_split": "VOI split",
    "voi_merge": "VOI merge",
}


def distribution_figures(tables: ReportTables) -> Iterator[tuple[str, Figure]]:
    """Yield each score with its distribution over the cases, a box for each method and class with every case on it.

    Args:
        tables: of the report.
    """
    for name in tables.scores:
        if not SCORES[name].better:
            continue
        data: list[Figure] = []
        for n, ((method,), rows) in enumerate(grouped(tables.rows, "method").items()):
            defined = [row for row in rows if math.isfinite(row[name])]
            data.append(
                {
                    "type": "box",
                    "name": plain(method),
                    "marker": {"color": COLOURS[n % len(COLOURS)], "size": 5},
                    "x": [plain(row["class"]) for row in defined],
                    "y": [row[name] for row in defined],
                    "text": [plain(row["case"]) + (" (missed)" if row["missed"] else "") for row in defined],
                    "boxpoints": "all",
                    "jitter": 0.5,
                    "pointpos": 0,
                    "fillcolor": "rgba(0,0,0,0.04)",
                    "hovertemplate": "%{text}<br>%{y:.4g}<extra></extra>",
                }
            )
        title = titled_score(name, tables.unit, tables.volume_unit)
        yield name, {"data": data, "layout": _layout(title, boxmode="group"), "title": title}


def curve_figure(tables: ReportTables) -> Figure | None:
    """Return the mean surface Dice against the tolerance, with its bootstrap interval.

    Args:
        tables: of the report.
    """
    data: list[Figure] = []
    lines = grouped(
        ({"method": m, "class": c, "curve": curve} for (m, _, c), curve in tables.curves.items()), "method", "class"
    )
    for n, ((method, name), rows) in enumerate(lines.items()):
        values = np.array([row["curve"] for row in rows], dtype=np.float64).reshape(len(rows), -1)
        label = plain(f"{method}: {name}" if len(tables.methods) > 1 else name)
        data += _line_with_interval(values, tables.curve_points, label, n)
    if not data:
        return None
    layout = _layout("mean surface Dice", xaxis={"title": {"text": f"tolerance ({tables.unit})"}, "automargin": True})
    return {"data": data, "layout": layout}


def threshold_figures(tables: ReportTables) -> dict[str, Figure]:
    """Return for each score of the probabilities its mean over the cases at each threshold, with its interval.

    Args:
        tables: of the report.
    """
    figures: dict[str, Figure] = {}
    lines = grouped(({"method": m, "class": c, **curves} for (m, _, c), curves in tables.thresholds.items()), *_LINE)
    scores = next(iter(tables.thresholds.values()), {})
    for score in scores:
        data: list[Figure] = []
        for n, ((method, name), rows) in enumerate(lines.items()):
            values = np.array([row[score] for row in rows], dtype=np.float64).reshape(len(rows), -1)
            label = plain(f"{method}: {name}" if len(tables.methods) > 1 else name)
            data += _line_with_interval(values, THRESHOLDS, label, n)
        title = f"mean {_THRESHOLD_TITLES[score]}"
        axis = {"title": {"text": "threshold"}, "automargin": True}
        if data:
            figures[score] = {"data": data, "layout": _layout(title, xaxis=axis), "title": _THRESHOLD_TITLES[score]}
    return figures


def threshold_titles(tables: ReportTables) -> dict[str, str]:
    """Return the scores that there are at each threshold, with their titles.

    Args:
        tables: of the report.
    """
    return {score: _THRESHOLD_TITLES[score] for score in next(iter(tables.thresholds.values()), {})}


def best_thresholds(tables: ReportTables) -> list[Row]:
    """Return for each method and class the threshold with the best mean of the first score, and that mean beside 0.5's.

    Args:
        tables: of the report.
    """
    score = next(iter(next(iter(tables.thresholds.values()), {})), "")
    found: list[Row] = []
    for (method, name), rows in grouped(threshold_rows(tables.thresholds), *_LINE).items():
        defined = [row for row in rows if math.isfinite(row[score])]
        if defined:
            best = (min if score == "cremi_score" else max)(defined, key=lambda row: row[score])
            half = next(row for row in rows if row["threshold"] == 0.5)
            about = {"method": method, "class": name, "score": _THRESHOLD_TITLES[score], "cases": best["cases"]}
            found.append({**about, "threshold": best["threshold"], "best": best[score], "at_half": half[score]})
    return found


def _line_with_interval(values: DoubleArray, points: Sequence[float], label: str, n: int) -> list[Figure]:
    """The mean of curves (rows), each point over the cases that define it, in a band of its bootstrap interval."""
    at = [column[np.isfinite(column)] for column in values.T]
    places = [k for k, column in enumerate(at) if len(column)]
    if not places:
        return []
    x, colour = [points[k] for k in places], COLOURS[n % len(COLOURS)]
    data: list[Figure] = []
    if all(len(at[k]) > 1 for k in places):
        low, high = zip(*(bootstrap_interval(at[k].tolist(), resamples=400) for k in places), strict=True)
        band: Figure = {"type": "scatter", "x": x + x[::-1], "y": [*high, *low[::-1]], "fill": "toself"}
        band |= {"fillcolor": colour, "opacity": 0.15, "line": {"width": 0}, "mode": "lines"}
        data.append(band | {"hoverinfo": "skip", "showlegend": False, "legendgroup": str(n)})
    line: Figure = {"type": "scatter", "mode": "lines+markers", "name": label, "x": x}
    style: Figure = {"line": {"color": colour}, "legendgroup": str(n)}
    return [*data, line | style | {"y": [float(at[k].mean()) for k in places]}]


def size_figure(tables: ReportTables) -> Figure | None:
    """Return the share of the lesions found by their size.

    Args:
        tables: of the report.
    """
    data: list[Figure] = []
    for n, ((method, name), rows) in enumerate(grouped(tables.sizes, "method", "class").items()):
        true = [row for row in rows if row["lesions"]]
        label = plain(f"{method}: {name}" if len(tables.methods) > 1 else name)
        bars = {"type": "bar", "name": label, "marker": {"color": COLOURS[n % len(COLOURS)]}}
        bars |= {"x": [plain(row["size"]) for row in true], "y": [row["recall"] for row in true]}
        counts = [f"{row['found']} of {row['lesions']}" for row in true]
        data.append(bars | {"text": counts, "textposition": "auto", "hovertemplate": "%{x}: %{text}<extra></extra>"})
    order = list(dict.fromkeys(plain(row["size"]) for row in tables.sizes))
    sizes = sorted(order, key=lambda text: (not text.startswith("&lt;"), text.startswith("&gt;"), _first_number(text)))
    axis = {"categoryorder": "array", "categoryarray": sizes, "automargin": True}
    return {"data": data, "layout": _layout("share found", xaxis=axis, barmode="group")} if data else None


def comparison_figure(tables: ReportTables) -> Figure | None:
    """Return the paired differences of each case, method less base, by the score that ranks the cases.

    Args:
        tables: of the report.
    """
    if not tables.comparison:
        return None
    score, base = tables.rank_by, tables.methods[0]
    theirs = {(row["case"], row["class"]): row[score] for row in tables.rows if row["method"] == base}
    data: list[Figure] = []
    for n, ((method,), rows) in enumerate(grouped(tables.rows, "method").items()):
        if method == base:
            continue
        pairs = [(row, row[score] - theirs.get((row["case"], row["class"]), math.nan)) for row in rows]
        pairs = [(row, d) for row, d in pairs if math.isfinite(d)]
        box: Figure = {"type": "box", "name": plain(method), "marker": {"color": COLOURS[n % len(COLOURS)], "size": 5}}
        box |= {"x": [plain(row["class"]) for row, _ in pairs], "y": [d for _, d in pairs]}
        box |= {"text": [plain(row["case"]) for row, _ in pairs], "boxpoints": "all", "jitter": 0.5, "pointpos": 0}
        data.append(box | {"hovertemplate": "%{text}<br>%{y:+.4g}<extra></extra>", "fillcolor": "rgba(0,0,0,0.04)"})
    title = f"{titled_score(score, tables.unit, tables.volume_unit)}: method less {plain(base)}"
    return {"data": data, "layout": _layout(title, boxmode="group")}


def plain(text: object) -> str:
    """Return a text that Plotly, which knows some HTML, shows as it is.

    Args:
        text: such as a case's name.

    Example:
        >>> plain("<b>&")
        '&lt;b&gt;&amp;'
    """
    return html.escape(str(text), quote=False)


def _layout(title: str, **more: Any) -> dict[str, Any]:
    base = {
        "margin": {"l": 48, "r": 8, "t": 36, "b": 40},
        "height": 380,
        "yaxis": {"title": {"text": title}, "automargin": True, "zeroline": True},
        "xaxis": {"automargin": True, "type": "category"},
        "legend": {"orientation": "h", "y": 1, "yanchor": "bottom"},
        "font": {"family": "system-ui, sans-serif", "size": 13},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
    }
    return base | more


def _first_number(text: str) -> float:
    numbers = [float(part) for part in text.split() if part.replace(".", "", 1).isdigit()]
    return numbers[0] if numbers else 0.0
