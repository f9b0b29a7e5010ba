# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import pytest

from monai_boundary.report.page_figures import (
    best_thresholds,
    comparison_figure,
    curve_figure,
    distribution_figures,
    plain,
    size_figure,
    threshold_figures,
    threshold_titles,
)
from monai_boundary.report.report_tables import report_tables
from tests.report.case_folders import ball
from tests.report.test_report_tables import EMPTY, record

RECORDS = [
    *(record(f"<c{k}>", ball(radius=2.0 + k / 4), method="a") for k in range(3)),
    *(record(f"<c{k}>", ball(radius=3.0), method="b<i>") for k in range(3)),
    record("<c4>", EMPTY, EMPTY, method="a"),
    record("<c5>", EMPTY, method="a"),
]
for n, (entry, peak) in enumerate(zip(RECORDS, (3, 4, 8, 9, 9, 9), strict=False)):
    dice = [1 - abs(k - peak) / 20 for k in range(19)]
    entry["classes"]["1"]["thresholds"] = {"dice": dice, "recall": [float("nan")] * 19 if n else dice}
TABLES = report_tables(RECORDS, ["a", "b<i>"], "dice")


def figures() -> dict[str, Any]:
    found = {"curve": curve_figure(TABLES), "sizes": size_figure(TABLES), "comparison": comparison_figure(TABLES)}
    thresholds = {f"threshold {name}": figure for name, figure in threshold_figures(TABLES).items()}
    return {**dict(distribution_figures(TABLES)), **found, **thresholds}


@pytest.mark.parametrize("name", figures())
def test_plotly_knows_every_property(name: str) -> None:
    figure = figures()[name]
    go.Figure(figure["data"], figure["layout"])  # raises on what Plotly does not know


def test_what_is_shown() -> None:
    dice = dict(distribution_figures(TABLES))["dice"]["data"]
    assert [trace["name"] for trace in dice] == ["a", "b&lt;i&gt;"]
    # c4 has nothing to find
    assert dice[0]["text"] == [
        "&lt;c0&gt;",
        "&lt;c1&gt;",
        "&lt;c2&gt;",
        "&lt;c5&gt; (missed)",
    ]  # c4 has nothing to find
    assert dice[0]["y"][-1] == 0
    curve = curve_figure(TABLES)
    assert curve is not None
    assert curve["data"][1]["y"] == pytest.approx([0.5] * 10)
    differences = comparison_figure(TABLES)
    assert differences is not None
    assert [round(d, 3) >= 0 for d in differences["data"][0]["y"]] == [True] * 3


def test_thresholds() -> None:
    dice = threshold_figures(TABLES)["dice"]["data"]
    assert [trace.get("name") for trace in dice] == [None, "a: 1", None, "b&lt;i&gt;: 1"]
    assert dice[1]["x"][0] == 0.05
    assert dice[1]["y"][0] == pytest.approx(1 - (3 + 4 + 8) / 3 / 20)
    recall = threshold_figures(TABLES)["recall"]["data"]
    assert [trace.get("name") for trace in recall] == ["a: 1"]  # one case defines it: no interval
    best = best_thresholds(TABLES)
    assert [(row["method"], row["threshold"], row["cases"]) for row in best] == [("a", 0.25, 3), ("b<i>", 0.5, 3)]
    assert best[1]["best"] == best[1]["at_half"] == 1
    assert threshold_titles(TABLES) == {"dice": "Dice", "recall": "recall (voxels)"}


def test_no_figure_of_nothing() -> None:
    tables = report_tables([record("a", EMPTY, EMPTY)], ["m"], "dice")
    assert size_figure(tables) is comparison_figure(tables) is None
    assert threshold_figures(tables) == threshold_titles(tables) == {}
    assert best_thresholds(tables) == []
    nothing = report_tables([{**record("a"), "classes": {}}], ["m"], "dice")
    assert curve_figure(nothing) is None


def test_plain() -> None:
    assert plain('<a href="x">&') == '&lt;a href="x"&gt;&amp;'
