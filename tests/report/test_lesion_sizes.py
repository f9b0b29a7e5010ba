# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

import pytest

from monai_boundary.report.lesion_sizes import LesionSizes


def lesion(kind: str, volume: float, covered: float = 0.0) -> dict[str, Any]:
    return {"kind": kind, "volume": volume, "covered": covered}


def test_by_hand_over_two_cases() -> None:
    sizes = LesionSizes()
    sizes.add("m", "1", [lesion("missed", 0.005), lesion("found", 0.1, 0.5)], "ml")
    sizes.add("m", "1", [lesion("found", 0.5, 1.0), lesion("false", 20.0)], "ml")
    sizes.add("m", "2", [], "ml")
    found = sizes.rows()
    assert [(r["class"], r["size"], r["lesions"], r["found"], r["false_alarms"]) for r in found] == [
        ("1", "< 0.01 ml", 1, 0, 0),
        ("1", "0.1 to 1 ml", 2, 2, 0),
        ("1", ">= 10 ml", 0, 0, 1),
    ]
    assert [r["recall"] for r in found] == pytest.approx([0, 1, math.nan], nan_ok=True)
    assert found[1]["covered"] == 0.75
    assert LesionSizes().rows() == []
