# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from monai_boundary._tables import read_table, write_json, write_table


def test_table_of_uneven_rows_comes_back(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"epoch": 1, "a": 0.5},
        {"epoch": 2, "b": math.nan},
        {"epoch": 3, "a": 1e-7, "c": "x"},
    ]
    write_table(rows, tmp_path / "t.csv")
    again = read_table(tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text().splitlines()[0] == "epoch,a,b,c"
    assert again[0] == rows[0]
    assert again[2] == rows[2]
    assert math.isnan(again[1]["b"])
    assert read_table(tmp_path / "none.csv") == []


def test_json_is_plain(tmp_path: Path) -> None:
    write_json(
        {"nan": math.nan, "path": Path("a"), "list": (1, True, None), "inf": {"x": math.inf}}, tmp_path / "t.json"
    )
    assert json.loads((tmp_path / "t.json").read_text()) == {
        "nan": None,
        "path": "a",
        "list": [1, True, None],
        "inf": {"x": None},
    }
    assert [p.name for p in tmp_path.iterdir()] == ["t.json"], "no temporary file is left"
