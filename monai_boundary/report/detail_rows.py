# SPDX-License-Identifier: Apache-2.0
"""Rows of single lesions and instances: all of them as files, and the worst of them for the page."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from monai_boundary._output_file import atomic_output
from monai_boundary._tables import Row
from monai_boundary.report.case_records import Record

KEPT = 100
DETAILS = {
    "lesions": ("kind", "volume", "covered", "iou", "dice", "hd95", "nsd"),
    "lesion_wise": ("kind", "volume_mm3", "predicted_components", "dice", "hd95_mm", "counts"),
    "instances": ("kind", "true_id", "predicted_id", "iou", "true_voxels", "predicted_voxels"),
}
"""Columns of each table of details, after method, case and class."""

_KEYS = ("method", "case", "class")
_UNITS = {"volume": "volume", "hd95": "length"}


class DetailRows:
    """Of all lesions and instances the worst ones: a bounded number, however many cases there are.

    Those that were missed and those that are false are kept by their size, the largest first; those that were found by
    their overlap, the smallest first.

    Args:
        kept: how many of each kind.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self.kept = kept
        self.counts: dict[str, int] = {}
        self._rows: dict[tuple[str, str], list[tuple[float, int, Row]]] = defaultdict(list)

    def add(self, key: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        """Look at the rows of a class in a case.

        Args:
            key: method, case and class.
            found: what the record says of the class.
        """
        for table in DETAILS:
            for row in found.get(table, ()):
                self.counts[table] = self.counts.get(table, 0) + 1
                own = self._rows[table, row["kind"]]
                own.append((_badness(row), self.counts[table], {**key, **row}))
                if len(own) > 4 * self.kept:
                    own[:] = sorted(own, key=lambda entry: entry[:2])[: self.kept]

    def worst(self) -> dict[str, list[Row]]:
        """Return the tables that have rows: what was missed, what is false, and what was found."""
        order = ("missed", "false", "found", "match")
        tables: dict[str, list[Row]] = {}
        for table, kind in sorted(self._rows, key=lambda key: order.index(key[1])):
            chosen = sorted(self._rows[table, kind], key=lambda entry: entry[:2])[: self.kept]
            tables.setdefault(table, []).extend(row for _, _, row in chosen)
        return {table: tables[table] for table in DETAILS if table in tables}


def write_details(records: Iterable[Record], folder: Path, unit: str, volume_unit: str) -> list[Path]:
    """Write ``lesions.csv``, ``lesion_wise.csv`` and ``instances.csv`` as far as there are such rows, case by case.

    Args:
        records: of the cases.
        folder: of the report.
        unit: of lengths.
        volume_unit: of volumes.

    Returns:
        The files, each there whole or not at all.
    """
    units = {"length": unit, "volume": volume_unit}
    writers: dict[str, Any] = {}
    with ExitStack() as stack:
        for record in records:
            for name, found in record["classes"].items():
                key = {"method": record["method"], "case": record["case"], "class": name}
                for table in DETAILS:
                    for row in found.get(table, ()):
                        if table not in writers:
                            writers[table] = _writer(folder / f"{table}.csv", table, units, stack)
                        writers[table].writerow({**key, **row})
    return [folder / f"{table}.csv" for table in DETAILS if table in writers]


def _writer(path: Path, table: str, units: Mapping[str, str], stack: ExitStack) -> Any:
    """Open a table and write its heads; it gets its name when the stack ends well."""
    part = stack.enter_context(atomic_output(path, overwrite=True))
    file = stack.enter_context(part.open("w", newline="", encoding="utf-8"))
    writer = csv.DictWriter(file, (*_KEYS, *DETAILS[table]))
    heads = {name: f"{name}_{units[_UNITS[name]]}" if name in _UNITS else name for name in DETAILS[table]}
    writer.writerow({key: key for key in _KEYS} | heads)
    return writer


def _badness(row: Mapping[str, Any]) -> float:
    """What sorts the rows of one kind, the worst first."""
    if row["kind"] in ("found", "match"):
        return float(row["dice"] if "dice" in row else row["iou"])
    return -float(next(row[name] for name in ("volume", "volume_mm3", "true_voxels") if name in row)) or -float(
        row.get("predicted_voxels", 0)
    )
