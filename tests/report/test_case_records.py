# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
import os
from pathlib import Path

from monai_boundary.report.case_records import fingerprint, read_record, record_path, write_record


def test_a_file_that_went_away_has_a_mark(tmp_path: Path) -> None:
    """The report of the others is written; a file that comes back is another one."""
    file = tmp_path / "a.nii"
    gone = fingerprint({}, [file])
    file.write_text("back")
    assert fingerprint({}, [file]) != gone


def test_names_never_share_a_file(tmp_path: Path) -> None:
    names = ["a/b", "a_b", "../x", "<script>", "ü", "x" * 300, "x" * 301, "", "con\n"]
    paths = {record_path(tmp_path, method, name) for method in ("m", "m__a") for name in names}
    assert len(paths) == 2 * len(names)
    assert {path.parent for path in paths} == {tmp_path / "cases"}
    assert all(path.name.isascii() and len(path.name) < 120 for path in paths)


def test_a_record_is_of_its_settings_and_files(tmp_path: Path) -> None:
    file = tmp_path / "a.nii"
    file.write_text("1")
    mark = fingerprint({"tolerance": 1.0}, [file])
    assert mark == fingerprint({"tolerance": 1.0}, [file])
    assert mark != fingerprint({"tolerance": 2.0}, [file])
    os.utime(file, (1, 1))
    assert mark != fingerprint({"tolerance": 1.0}, [file])
    path = record_path(tmp_path, "m", "a")
    assert read_record(path, mark) is None
    write_record({"mark": mark, "score": math.nan}, path)
    assert read_record(path, mark) == {"mark": mark, "score": None}
    assert read_record(path, "other") is None


def test_a_folder_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_text("1")
    mark = fingerprint({}, [tmp_path])
    (tmp_path / "2.png").write_text("1")
    assert mark != fingerprint({}, [tmp_path])


def test_failures_and_halves_are_no_records(tmp_path: Path) -> None:
    path = record_path(tmp_path, "m", "a")
    write_record({"mark": "x", "error": "why"}, path)
    assert read_record(path, "x") is None
    path.write_text('{"mark": "x"')
    assert read_record(path, "x") is None
    path.write_bytes(b"\xff\xfe")
    assert read_record(path, "x") is None
