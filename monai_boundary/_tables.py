# SPDX-License-Identifier: Apache-2.0
"""Tables and numbers as files, each written whole or not at all, in more than one room."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_boundary._output_file import atomic_output

Row = dict[str, Any]


def write_table(
    rows: Iterable[Mapping[str, Any]], path: str | os.PathLike[str], columns: Sequence[str] | None = None
) -> None:
    """Write rows as CSV. The columns are those of all rows, in the order in which they first appear; gaps are empty.

    Where the columns are told, rows are taken one by one.
    """
    if columns is None:
        rows = list(rows)
        columns = list(dict.fromkeys(name for row in rows for name in row))
    with atomic_output(path, overwrite=True) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def read_table(path: str | os.PathLike[str], text: Collection[str] = ()) -> list[Row]:
    """Return the rows of :func:`write_table`, numbers as numbers, the rest as text, no gaps; no file is no rows.

    Args:
        path: of the table.
        text: columns that are text whatever they look like: a case may be called 007.
    """
    if not Path(path).is_file():
        return []
    with Path(path).open(newline="", encoding="utf-8") as file:
        return [
            {name: entry if name in text else _number(entry) for name, entry in row.items() if entry != ""}
            for row in csv.DictReader(file)
        ]


def write_json(content: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write ``content`` as JSON; NaN becomes null, and what JSON does not know becomes its string."""
    text = json.dumps(_plain(content), indent=2, allow_nan=False)
    with atomic_output(path, overwrite=True) as part:
        part.write_text(text + "\n", encoding="utf-8")


def flat_names(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested dictionaries as one, with dotted names.

    Example:
        >>> flat_names({"loss": {"w": 9}, "seed": 0})
        {'loss.w': 9, 'seed': 0}
    """
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flat_names(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def plain_name(name: str) -> str:
    """Return what MLflow takes as a name: letters, digits, and some signs.

    Example:
        >>> plain_name("train::lr (mm²)")
        'train.lr _mm__'
    """
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-./ ") else "_" for c in name.replace("::", "."))


def _number(text: str) -> Any:
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() and "." not in text else value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)
