# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
import sys

import pytest

from monai_boundary.report.case_row import CaseRow

SCORES = {f"score{k}": k / 2 for k in range(30)}


def test_it_reads_as_a_dictionary() -> None:
    row = CaseRow(("m", "c", "1"), {"dice": 0.25, "hd95": math.nan})
    assert {**row, "hd95": 1} == {"method": "m", "case": "c", "class": "1", "dice": 0.25, "hd95": 1}
    assert (len(row), row.get("nsd"), "dice" in row) == (5, None, True)
    assert math.isnan(row["hd95"])
    with pytest.raises(KeyError):
        row["nsd"]


def test_it_is_small() -> None:
    """The names are shared; the numbers take eight bytes each."""
    rows = [CaseRow(("m", f"c{k}", "1"), SCORES) for k in range(2)]
    assert rows[0]._places is rows[1]._places
    assert sys.getsizeof(rows[0]) + sys.getsizeof(rows[0]._values) < sys.getsizeof(dict(rows[0])) / 2
