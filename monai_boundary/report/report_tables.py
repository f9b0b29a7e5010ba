# SPDX-License-Identifier: Apache-2.0
"""The tables of a report, from the records of its cases, and as files."""

from __future__ import annotations

import math
import os
from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from monai_boundary._tables import Row, write_json, write_table
from monai_boundary.report.case_files import CaseMatches
from monai_boundary.report.case_records import Record, told_infinity
from monai_boundary.report.case_row import CaseRow
from monai_boundary.report.case_scores import CURVE_POINTS, LESION_WISE, ClassScores, nothing_to_score
from monai_boundary.report.case_summary import rank_cases, summarise
from monai_boundary.report.detail_rows import DetailRows, write_details
from monai_boundary.report.lesion_sizes import LesionSizes
from monai_boundary.report.method_comparison import compare_methods, largest_differences
from monai_boundary.report.probability_scores import threshold_rows
from monai_boundary.report.score_names import CLASS_SCORES, COUNTED, INSTANCE_SCORES, SCORES, score_column

_COMPARED = {
    "dice": ("dice", "nsd", "hd95", "assd", "lesion_f1"),
    "pq": ("cremi_score", "voi_split", "voi_merge", "arand", "pq"),
}


class ReportTables(NamedTuple):
    """What a report says.

    Attributes:
        methods: in order; the first is what the others are compared with.
        unit: of lengths.
        volume_unit: of volumes.
        scores: names of the scores.
        rank_by: score that orders the cases.
        tolerance: of the surface Dice; NaN for instances.
        rows: one for each method, case and class, with all scores and counts.
        curves: surface Dice at each tolerance: (method, case, class) -> values; ``curve_points`` are the tolerances.
        curve_points: tolerances of the curves.
        thresholds: scores of probabilities at each threshold: (method, case, class) -> score -> values.
        details: the worst rows of each kind: ``lesions`` (components), ``lesion_wise`` (by a challenge's rules) and
            ``instances``; the files have all of them.
        detail_counts: how many rows of each kind there are.
        notes: what had to be done to cases: resampled, a grid not stated.
        absent: classes that no truth has.
        summary: by method and class.
        ranked: cases, the worst first.
        sizes: lesions found by their size.
        comparison: of several methods.
        differing: the cases in which they differ most.
    """

    methods: list[str]
    unit: str
    volume_unit: str
    scores: list[str]
    rank_by: str
    tolerance: float
    rows: Sequence[Mapping[str, Any]]
    curves: dict[tuple[str, str, str], Sequence[float]]
    curve_points: list[float]
    thresholds: dict[tuple[str, str, str], dict[str, Sequence[float]]]
    details: dict[str, list[Row]]
    detail_counts: dict[str, int]
    notes: list[Row]
    absent: list[str]
    summary: dict[str, dict[str, Any]]
    ranked: list[Row]
    sizes: list[Row]
    comparison: list[Row]
    differing: list[Row]


def report_tables(
    records: Iterable[Record],
    methods: Sequence[str],
    rank_by: str,
    has_table: bool = False,
    empty_policy: str = "diagonal",
) -> ReportTables:
    """Return the tables of scored cases. Records are read one by one; of their many small rows the worst are kept.

    Args:
        records: of the cases, as :func:`evaluate_case` writes them.
        methods: in order.
        rank_by: score that orders the cases.
        has_table: whether the classes were named; else a case has those that its labels have, and gets the others as
            empty in both.
        empty_policy: that of the scores.

    Raises:
        ValueError: if there is no record, or cases have different units.
    """
    found = _Collected()
    for record in records:
        found.add(record)
    unit, volume_unit = _one_unit(found.units)
    instances = rank_by in INSTANCE_SCORES
    known = {name for row in found.rows for name in row}
    of_kind = INSTANCE_SCORES if instances else CLASS_SCORES
    scores = [n for n in of_kind if n in known or (not known and n not in LESION_WISE)]
    points = [] if instances else list(CURVE_POINTS[unit])
    if not has_table:
        found.fill_absent_classes(nothing_to_score(scores, len(points)))
    rows = found.rows
    compared = next(names for first, names in _COMPARED.items() if (first == "pq") == instances)
    has_others = len({row["method"] for row in rows}) > 1 and any(row["method"] == methods[0] for row in rows)
    return ReportTables(
        methods=list(methods),
        unit=unit,
        volume_unit=volume_unit,
        scores=scores,
        rank_by=rank_by,
        tolerance=found.tolerance,
        rows=rows,
        curves=found.curves,
        curve_points=points,
        thresholds=found.thresholds,
        details=found.details.worst(),
        detail_counts=found.details.counts,
        notes=found.notes,
        absent=_without_truth(rows),
        summary=summarise(rows, scores, empty_policy),
        ranked=rank_cases(rows, rank_by),
        sizes=found.sizes.rows(),
        comparison=compare_methods(rows, compared, methods[0]) if has_others else [],
        differing=largest_differences(rows, rank_by, methods[0]) if has_others else [],
    )


def write_report_tables(
    tables: ReportTables,
    records: Iterable[Record],
    settings: Mapping[str, Any],
    matches: Mapping[str, CaseMatches],
    failed: Sequence[Record],
    folder: str | os.PathLike[str],
) -> list[Path]:
    """Write the tables as CSV, and ``summary.json`` last, which tells that a report is finished.

    Args:
        tables: of :func:`report_tables`.
        records: of the cases once more, for the rows of lesions and instances, which are written one case at a time.
        settings: of the evaluation, for the summary.
        matches: by method, for the files without a partner.
        failed: records of the cases that failed.
        folder: of the report.

    Returns:
        The files.
    """
    place = Path(folder)
    files = [place / "cases.csv"]
    columns = list(dict.fromkeys(_column(name, tables) for row in tables.rows for name in row))
    write_table((_named(row, tables) for row in tables.rows), files[0], columns)
    files += write_details(records, place, tables.unit, tables.volume_unit)
    if tables.thresholds:
        files.append(place / "thresholds.csv")
        write_table(threshold_rows(tables.thresholds), files[-1])
    if tables.comparison:
        files.append(place / "comparison.csv")
        write_table(tables.comparison, files[-1])
    files.append(place / "summary.json")
    write_json(told_infinity(_summary(tables, settings, matches, failed)), files[-1])
    return files


def _summary(
    tables: ReportTables, settings: Mapping[str, Any], matches: Mapping[str, CaseMatches], failed: Sequence[Record]
) -> dict[str, Any]:
    named = {
        method: {
            name: {
                **of,
                "scores": {score_column(k, tables.unit, tables.volume_unit): v for k, v in of["scores"].items()},
            }
            for name, of in classes.items()
        }
        for method, classes in tables.summary.items()
    }
    alone = {
        method: {
            "predictions": [str(path) for path in found.predictions_alone],
            "truths": [str(path) for path in found.truths_alone],
        }
        for method, found in matches.items()
    }
    return {
        "worst_cases": [_named(row, tables) for row in tables.ranked],
        "methods": named,
        "failed": [{key: record[key] for key in ("method", "case", "error")} for record in failed],
        "unmatched": alone,
        "notes": tables.notes,
        "classes_without_truth": tables.absent,
        "lesions_by_size": tables.sizes,
        "comparison": tables.comparison,
        "largest_differences": tables.differing,
        "tolerance": tables.tolerance,
        "unit": tables.unit,
        "settings": dict(settings),
    }


def _named(row: Mapping[str, Any], tables: ReportTables) -> Row:
    """A row with the units in the names of its columns, counts as integers and gaps where nothing is defined."""
    named: Row = {}
    for key, value in row.items():
        name = _column(key, tables)
        named[name] = int(value) if key in COUNTED else "" if isinstance(value, float) and math.isnan(value) else value
    return named


def _column(name: str, tables: ReportTables) -> str:
    return score_column(name, tables.unit, tables.volume_unit) if name in SCORES else name


class _Collected:
    """What the records say, gathered one by one."""

    def __init__(self) -> None:
        self.rows: list[CaseRow] = []
        self.notes: list[Row] = []
        self.curves: dict[tuple[str, str, str], Sequence[float]] = {}
        self.thresholds: dict[tuple[str, str, str], dict[str, Sequence[float]]] = {}
        self.details, self.sizes = DetailRows(), LesionSizes()
        self.units: dict[tuple[str, str], str] = {}
        self.cases: dict[tuple[str, str], None] = {}
        self.tolerance = math.nan

    def add(self, record: Record) -> None:
        method, case = record["method"], record["case"]
        self.cases[method, case] = None
        self.units.setdefault((record["unit"], record["volume_unit"]), case)
        self.tolerance = record.get("tolerance", math.nan)
        self.notes += [{"method": method, "case": case, "note": note} for note in record["notes"]]
        for name, found in record["classes"].items():
            key, where = {"method": method, "case": case, "class": name}, (method, case, name)
            self.rows.append(CaseRow(where, {k: _number(v) for k, v in found["scores"].items()}))
            if "curve" in found:
                self.curves[where] = array("d", map(_number, found["curve"]))
            if "thresholds" in found:
                self.thresholds[where] = {k: array("d", map(_number, own)) for k, own in found["thresholds"].items()}
            self.details.add(key, found)
            self.sizes.add(method, name, found.get("lesions", ()), record["volume_unit"])

    def fill_absent_classes(self, nothing: ClassScores) -> None:
        """A class that some case has is, in the others, one that both lack."""
        # where no case has anything, a row still says so
        names = sorted({row["class"] for row in self.rows}, key=lambda name: (len(name), name)) or ["1"]
        by = {(row["method"], row["case"], row["class"]): row for row in self.rows}
        keys = [(method, case, name) for method, case in self.cases for name in names]
        self.rows = [by[key] if key in by else CaseRow(key, nothing.scores) for key in keys]
        self.curves = {key: self.curves.get(key, nothing.curve) for key in keys}


def _one_unit(units: Mapping[tuple[str, str], str]) -> tuple[str, str]:
    if not units:
        raise ValueError("`records` needs a scored case, got none.")
    if len(units) > 1:
        told = "; ".join(f"{unit} and {volume} ({case})" for (unit, volume), case in units.items())
        raise ValueError(f"cases need one unit of lengths and volumes, got {told}: `spacing` states one in mm for all.")
    return next(iter(units))


def _without_truth(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    names = dict.fromkeys(row["class"] for row in rows)
    there = {row["class"] for row in rows if row.get("volume_truth", row.get("objects_truth", 0)) > 0}
    return [name for name in names if name not in there]


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
