# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from monai_boundary._tables import read_table
from monai_boundary.report.case_files import CaseMatches
from monai_boundary.report.report_tables import report_tables, write_report_tables
from tests.report.case_folders import ball
from tests.report.test_case_scores import score

EMPTY = ball() * 0


def record(case: str, pred: Any = None, true: Any = None, name: str = "1", **changes: Any) -> dict[str, Any]:
    masks = ball() if pred is None else pred, ball() if true is None else true
    found = score(*masks, empty_policy=changes.pop("empty_policy", "diagonal"))
    curve = [0.5] * 10
    about = {"method": "m", "case": case, "unit": "mm", "volume_unit": "ml", "notes": [], "tolerance": 1.0}
    return {**about, "classes": {name: {"scores": found.scores, "curve": curve, "lesions": found.lesions}}, **changes}


def test_a_class_that_a_case_lacks_is_empty_in_both() -> None:
    tables = report_tables([record("a"), record("b", name="2"), record("c", EMPTY, name="10")], ["m"], "dice")
    assert [(row["case"], row["class"]) for row in tables.rows][:3] == [("a", "1"), ("a", "2"), ("a", "10")]
    assert len(tables.rows) == 9
    assert tables.summary["m"]["2"]["both_empty"] == 2
    assert tables.summary["m"]["2"]["scores"]["dice"] == pytest.approx(
        {"mean": 1, "low": math.nan, "high": math.nan, "std": math.nan, "median": 1, "defined": 1}, nan_ok=True
    )
    assert tables.absent == []
    assert report_tables([record("a", name="x"), record("b", ball(), EMPTY, "y")], ["m"], "dice").absent == ["y"]


def test_null_is_nan() -> None:
    through = json.loads(json.dumps(record("a", EMPTY, EMPTY)).replace("NaN", "null"))
    assert math.isnan(report_tables([through], ["m"], "dice").rows[0]["dice"])


def test_units_that_differ_and_nothing_at_all() -> None:
    with pytest.raises(
        ValueError, match=r"cases need one unit .*mm and ml \(a\); nm and voxels \(b\): `spacing` states"
    ):
        report_tables([record("a"), record("b", unit="nm", volume_unit="voxels")], ["m"], "dice")
    with pytest.raises(ValueError, match="needs a scored case, got none"):
        report_tables([], ["m"], "dice")


def test_files(tmp_path: Path) -> None:
    records = [record("a"), record("b", EMPTY), record("c", EMPTY, EMPTY), record("b", method="n")]
    tables = report_tables(records, ["m", "n"], "dice")
    matches = {"m": CaseMatches([], [Path("x_pred.nii")], []), "n": CaseMatches([], [], [Path("y.nii")])}
    failed = [{"method": "m", "case": "d", "error": "why"}]
    files = write_report_tables(tables, records, {"truth": "t"}, matches, failed, tmp_path)
    assert [file.name for file in files] == ["cases.csv", "lesions.csv", "comparison.csv", "summary.json"]
    rows = read_table(files[0])
    assert [(row["method"], row["case"], row.get("dice"), row["missed"]) for row in rows] == [
        ("m", "a", 1, 0),
        ("m", "b", 0, 1),
        ("m", "c", None, 0),  # nothing is defined: a gap, and no 0
        ("n", "b", 1, 0),
    ]
    assert {"hd95_mm", "volume_truth_ml"} <= rows[0].keys()
    assert {row["kind"] for row in read_table(files[1])} == {"found", "missed"}
    assert "volume_ml" in read_table(files[1])[0]
    summary = json.loads(files[-1].read_text())
    assert next(iter(summary)) == "worst_cases"
    assert [row["case"] for row in summary["worst_cases"]] == ["b", "a", "b", "c"]
    assert summary["methods"]["m"]["1"]["missed"] == 1
    assert summary["methods"]["m"]["1"]["scores"]["hd95_mm"]["mean"] > 5
    assert summary["failed"] == failed
    assert summary["unmatched"] == {
        "m": {"predictions": ["x_pred.nii"], "truths": []},
        "n": {"predictions": [], "truths": ["y.nii"]},
    }
    assert summary["comparison"][0]["difference"] == 1
