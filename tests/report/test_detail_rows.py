# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monai_boundary._tables import read_table
from monai_boundary.report.detail_rows import DetailRows, write_details

KEY = {"method": "m", "case": "a", "class": "1"}


def lesion(kind: str, volume: float, dice: float = 0.0) -> dict[str, Any]:
    scores = {} if kind == "false" else {"iou": dice / 2, "dice": dice, "hd95": 1.0, "nsd": dice}
    return {"kind": kind, "volume": volume, "covered": dice, **scores}


def test_the_worst_are_kept_however_many_there_are() -> None:
    details = DetailRows(kept=2)
    for k in range(50):
        rows = [lesion("missed", k), lesion("false", 100 - k), lesion("found", 1.0, dice=0.5 + k / 100)]
        details.add({**KEY, "case": str(k)}, {"lesions": rows})
    assert max(map(len, details._rows.values())) <= 8
    found = details.worst()["lesions"]
    assert [(row["kind"], row["case"]) for row in found] == [
        *(("missed", "49"), ("missed", "48"), ("false", "0"), ("false", "1"), ("found", "0"), ("found", "1")),
    ]
    assert details.counts == {"lesions": 150}
    assert list(details.worst()) == ["lesions"]


def test_a_table_that_is_cut_short_is_not_there(tmp_path: Path) -> None:
    def records() -> Iterator[dict[str, Any]]:
        yield {"method": "m", "case": "a", "classes": {"1": {"lesions": [lesion("missed", 1.5)]}}}
        raise KeyError("classes")

    with pytest.raises(KeyError):
        write_details(records(), tmp_path, "mm", "ml")
    assert not list(tmp_path.iterdir())


def test_files_hold_all_of_them(tmp_path: Path) -> None:
    instances = [
        {
            "kind": "missed",
            "true_id": 2**64 - 1,
            "predicted_id": 0,
            "iou": 0.1,
            "true_voxels": 5,
            "predicted_voxels": 0,
        },
        {"kind": "false", "true_id": 0, "predicted_id": 3, "iou": 0.0, "true_voxels": 0, "predicted_voxels": 4},
    ]
    classes = {"1": {"lesions": [lesion("missed", 1.5), lesion("false", 0.5)], "instances": instances}}
    records = [{"method": "m", "case": case, "classes": classes} for case in "ab"]
    files = write_details(records, tmp_path, "mm", "ml")
    assert [file.name for file in files] == ["lesions.csv", "instances.csv"]
    assert {path.name for path in tmp_path.iterdir()} == {"lesions.csv", "instances.csv"}
    rows = read_table(files[0])
    assert [(row["case"], row["kind"], row["volume_ml"]) for row in rows] == [
        *(("a", "missed", 1.5), ("a", "false", 0.5), ("b", "missed", 1.5), ("b", "false", 0.5)),
    ]
    assert rows[0]["hd95_mm"] == 1
    assert "dice" not in rows[1]
    assert str(2**64 - 1) in files[1].read_text()
    worst = DetailRows()
    worst.add(KEY, classes["1"])
    assert [row["kind"] for row in worst.worst()["instances"]] == ["missed", "false"]
