# SPDX-License-Identifier: Apache-2.0
"""The page of what the scores are checked against is true: its tests are there, and run as many cases as it says."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from monai_boundary import metrics

REPO = Path(__file__).resolve().parents[2]
PAGE = REPO / "docs/reference/checked-scores.md"
FEWEST = 200


class Check(NamedTuple):
    """A row of the first table: a score, what it is compared with, how often, and by which tests."""

    score: str
    oracle: str
    cases: int
    by: tuple[str, str]
    drawn: tuple[tuple[str, str], ...]


def _rows(columns: int) -> list[list[str]]:
    """Cells of the page's tables of so many columns, without their heads."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    return [row for row in cells if len(row) == columns and row[0] not in ("score", "input", "---")]


def _tests(text: str) -> tuple[tuple[str, str], ...]:
    return tuple(re.findall(r"`([\w/]+\.py)::(\w+)`", text))


def _checks() -> list[Check]:
    found: list[Check] = []
    for score, oracle, cases, by, drawn in _rows(5):
        name = re.search(r"metrics\.(\w+)`", score)
        (test,) = _tests(by)
        found.append(Check(name[1] if name else found[-1].score, oracle, int(cases), test, _tests(drawn)))
    return found


CHECKS = _checks()
BAD_INPUT = {row[0]: _tests(row[2]) for row in _rows(3)}


def _functions(file: Path) -> set[str]:
    return {node.name for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)}


def test_every_score_is_on_the_page_with_a_case_drawn_by_hand() -> None:
    names = {check.score for check in CHECKS}
    assert names >= {name for name in metrics.__all__ if name.startswith("compute_")}
    for name in names:
        drawn = [test for check in CHECKS if check.score == name for test in check.drawn]
        assert drawn, f"{name} has no case drawn by hand"
        for file, test in drawn:
            assert test in _functions(REPO / "tests/metrics" / file)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check.by[0]}-{check.by[1]}")
def test_a_comparison_runs_as_many_cases_as_the_page_says(check: Check) -> None:
    file, name = check.by
    module = importlib.import_module(f"tests.metrics.{file.removesuffix('.py')}")
    cases = getattr(getattr(module, name), "cases", 0)
    assert cases == check.cases
    assert cases >= FEWEST


def test_every_comparison_over_seeds_is_on_the_page() -> None:
    told = {check.by for check in CHECKS}
    for file in sorted((REPO / "tests/metrics").glob("test_*.py")):
        seeded = re.findall(r"^@each_seed\(.*\)\ndef (\w+)\(", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert told >= {(file.name, name) for name in seeded}


def test_versions_are_those_that_are_tested() -> None:
    tested = (REPO / "tests/constraints.txt").read_text(encoding="utf-8")
    recorded = (REPO / "tests/oracles/panoptica_values.py").read_text(encoding="utf-8")
    told = {pair for check in CHECKS for pair in re.findall(r"([a-z][a-z-]+) (\d+(?:\.\d+)+)", check.oracle)}
    assert len(told) >= 6
    for library, version in told:
        assert f"{library}=={version}" in (recorded if library == "panoptica" else tested), (library, version)


@pytest.mark.parametrize("line", BAD_INPUT)
def test_bad_input_has_its_test(line: str) -> None:
    assert BAD_INPUT[line]
    for file, test in BAD_INPUT[line]:
        assert test in _functions(REPO / "tests" / file)


def test_no_line_of_bad_input_is_lost() -> None:
    assert len(BAD_INPUT) == 16
