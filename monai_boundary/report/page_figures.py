# SPDX-License-Identifier: Apache-2.0
"""The figures of the page, as Plotly reads them: plain data and layout."""

from __future__ import annotations

import html
import math
from typing import Any

import numpy as np

from monai_boundary.report.case_summary import bootstrap_interval, grouped
from monai_boundary.report.report_tables import ReportTables
from monai_boundary.report.score_names import SCORES, titled_score

COLOURS = ("#1b6ca8", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e", "#a6761d", "#666666")
Figure = dict[str, Any]


def distribution_figures(tables: ReportTables) -> dict[str, Figure]:
    """Return for each score its distribution over the cases, a box for each method and class with every case on it.

    Args:
        tables: of the report.
    """
    figures = {}
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
        figures[name] = {"data": data, "layout": _layout(title, boxmode="group"), "title": title}
    return figures


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
        values = values[np.isfinite(values).all(axis=1)]
        if not len(values):
            continue
        colour = COLOURS[n % len(COLOURS)]
        label = plain(f"{method}: {name}" if len(tables.methods) > 1 else name)
        points = list(tables.curve_points)
        if len(values) > 1:
            low, high = zip(*(bootstrap_interval(column.tolist(), resamples=400) for column in values.T), strict=True)
            band: Figure = {"type": "scatter", "x": points + points[::-1], "y": [*high, *low[::-1]], "fill": "toself"}
            band |= {"fillcolor": colour, "opacity": 0.15, "line": {"width": 0}, "mode": "lines"}
            data.append(band | {"hoverinfo": "skip", "showlegend": False, "legendgroup": str(n)})
        line = {
            "type": "scatter",
            "mode": "lines+markers",
            "name": label,
            "x": points,
            "y": values.mean(axis=0).tolist(),
        }
        data.append(line | {"line": {"color": colour}, "legendgroup": str(n)})
    if not data:
        return None
    layout = _layout("mean surface Dice", xaxis={"title": {"text": f"tolerance ({tables.unit})"}, "automargin": True})
    return {"data": data, "layout": layout}


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
