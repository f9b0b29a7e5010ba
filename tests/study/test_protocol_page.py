# SPDX-License-Identifier: Apache-2.0
"""What chooses and what confirms, in tables of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monai_boundary._tables import read_table
from monai_boundary.study import read_study, run_study, write_study_tables
from monai_boundary.study.protocol_page import study_parts
from tests.study.pretend_bundle import study


def test_only_what_confirms_is_the_result(bundle: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    content = study(bundle, folds=[0, 1, 2], seeds=[0], protocol={"choosing": {"folds": [0]}})
    plan = read_study(content)
    first = run_study(plan.restricted(folds=[0]), tmp_path)
    assert first.sentence.startswith("Not confirmed, of the runs that choose: ")
    assert "| confirming | none | the result: no share" in (tmp_path / "study.md").read_text()
    assert "## Confirming" not in (tmp_path / "study.md").read_text()
    result = run_study(plan, tmp_path, workers=2)
    assert "none, of 1 pair of runs" in caplog.text, "of those that choose, as none confirms"
    assert "4.29 standard deviations of a pair, of 2 pairs of runs" not in caplog.text
    page = (tmp_path / "study.md").read_text()
    assert page.startswith("| part | folds | what it is for |\n|---|---|---|\n| confirming | 1, 2 | the result")
    confirming, choosing = page.split("## Choosing")
    assert "seeds 0, folds 1, 2." in confirming
    assert "seeds 0, folds 0." in choosing
    assert result.sentence in confirming
    good = next(score for score in result.scores if (score.arm, score.metric) == ("good loss", "dice"))
    by_run = {(row["arm"], row["fold"]): row["dice"] for row in result.rows}
    expected = sum(by_run["good loss", fold] - by_run["plain", fold] for fold in (1, 2)) / 2
    assert good.difference.mean == pytest.approx(expected)
    assert good.runs == 2
    table = read_table(tmp_path / "study_case_differences.csv", text=["part", "arm", "base", "score", "seed"])
    assert {row["part"] for row in table} == {"confirming", "choosing"}
    assert len(result.rows) == 9
    assert json.loads((tmp_path / "study.json").read_text())["plan"]["protocol"] == {"choosing": {"folds": [0]}}
    (tmp_path / "study.md").unlink()
    write_study_tables(plan, tmp_path)
    assert (tmp_path / "study.md").read_text() == page


def test_parts(bundle: Path) -> None:
    rows = [{"seed": 0, "fold": 1}, {"seed": 0, "fold": 0}]
    plan = read_study(study(bundle, folds=[0, 1], protocol={"choosing": {"folds": [0]}}))
    assert study_parts(plan, rows) == ["confirming", "choosing"]
    assert study_parts(plan, rows[1:]) == ["choosing"]
    assert study_parts(read_study(study(bundle)), rows) == [None]
