# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from monai_boundary.handlers.tracking.journal import Journal


def test_records_come_back_in_order_with_their_numbers(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a" / "tracking.jsonl")
    assert list(journal.read()) == []
    for k in range(3):
        journal.append({"kind": "metrics", "step": k, "path": Path("x")})
    assert [number for number, _ in journal.read()] == [0, 1, 2]
    assert list(Journal(journal.path).read(2)) == [(2, {"kind": "metrics", "step": 2, "path": "x"})]


def test_a_line_that_was_cut_off_is_passed_over_and_keeps_its_number(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "tracking.jsonl")
    journal.append({"kind": "a"})
    with journal.path.open("a") as file:
        file.write('{"kind": "cut')  # killed while it wrote
    journal.append({"kind": "b"})
    assert list(journal.read()) == [(0, {"kind": "a"}), (2, {"kind": "b"})]
