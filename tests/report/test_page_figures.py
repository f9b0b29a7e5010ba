# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import pytest

from monai_boundary.report.page_figures import comparison_figure, curve_figure, distribution_figures, plain, size_figure
from monai_boundary.report.report_tables import report_tables
from tests.report.case_folders import ball
from tests.report.test_report_tables import EMPTY, record

RECORDS = [
    *(record(f"<c{k}>", ball(radius=2.0 + k / 4), method="a") for k in range(3)),
    *(record(f"<c{k}>", ball(radius=3.0), method="b<i>") for k in range(3)),
    record("<c4>", EMPTY, EMPTY, method="a"),
    record("<c5>", EMPTY, method="a"),
]
TABLES = report_tables(RECORDS, ["a", "b<i>"], "dice")


def figures() -> dict[str, Any]:
    found = {"curve": curve_figure(TABLES), "sizes": size_figure(TABLES), "comparison": comparison_figure(TABLES)}
    return {**distribution_figures(TABLES), **found}


@pytest.mark.parametrize("name", figures())
def test_plotly_knows_every_property(name: str) -> None:
    figure = figures()[name]
    go.Figure(figure["data"], figure["layout"])  # raises on what Plotly does not know


def test_what_is_shown() -> None:
    dice = distribution_figures(TABLES)["dice"]["data"]
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


def test_no_figure_of_nothing() -> None:
    tables = report_tables([record("a", EMPTY, EMPTY)], ["m"], "dice")
    assert size_figure(tables) is comparison_figure(tables) is None
    nothing = report_tables([{**record("a"), "classes": {}}], ["m"], "dice")
    assert curve_figure(nothing) is None


def test_plain() -> None:
    assert plain('<a href="x">&') == '&lt;a href="x"&gt;&amp;'
