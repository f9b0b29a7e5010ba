# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from monai_boundary.inspection.inspection_figures import inspection_figures
from tests.inspection.records import dataset, record, structure


def test_figures_hold_what_was_measured() -> None:
    records = [
        record("a", classes={"a": structure(60)}),
        record("<b>", classes={"a": structure(30, 1, 1)}),
        {"case": "c", "patient": "c", "files": [], "findings": []},
    ]
    figures = inspection_figures(dataset(), records, ["a"])
    (volumes,) = figures["volumes"]["data"]
    assert (volumes["y"], volumes["text"]) == ([0.06, 0.032], ["a", "&lt;b&gt;"])
    (components,) = figures["components"]["data"]
    assert sum(components["y"]) == 4
    assert (components["x"][0], components["y"][0]) == ("1", 2)
    (grey,) = figures["intensities"]["data"]
    assert (grey["y"], grey["error_y"]["array"]) == ([5.0, 5.0], [3.0, 3.0])
    (shapes,) = figures["shapes"]["data"]
    assert (shapes["x"], shapes["y"]) == ([10, 10], [30, 30])


def test_nothing_to_draw() -> None:
    assert inspection_figures(dataset(), [], []) == {}
