# SPDX-License-Identifier: Apache-2.0
"""What is written of each case as soon as it is scored, so that an evaluation that was stopped goes on."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_boundary._tables import write_json

Record = dict[str, Any]
RECORDS = "cases"
"""The folder of the records in that of a report."""


def fingerprint(settings: Mapping[str, Any], files: Sequence[Path]) -> str:
    """Return what tells a record from those of other settings, or of files that have changed since.

    Args:
        settings: all that changes the scores of a case.
        files: that the scores are taken from.
    """
    stated = json.dumps(settings, sort_keys=True, default=str)
    parts = [f"{path.resolve()} {_state(path)}" for path in files]
    return hashlib.sha256("\n".join([stated, *parts]).encode(errors="surrogateescape")).hexdigest()[:20]


def record_path(folder: str | os.PathLike[str], method: str, case: str) -> Path:
    """Return where the record of a case is; names that differ never share a file, whatever characters they have.

    Args:
        folder: of the report.
        method: whose prediction it is.
        case: its name.
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", f"{method}__{case}").strip("._")[:80]
    code = hashlib.sha256(f"{method}\0{case}".encode(errors="surrogateescape")).hexdigest()[:8]
    return Path(folder) / RECORDS / f"{plain}-{code}.json"


def read_record(path: Path, mark: str) -> Record | None:
    """Return a finished record, or None where there is none of these settings and files.

    Args:
        path: of :func:`record_path`.
        mark: of :func:`fingerprint`.
    """
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None
    return record if isinstance(record, dict) and record.get("mark") == mark and "error" not in record else None


def write_record(record: Record, path: Path) -> None:
    """Write a record whole or not at all.

    Args:
        record: with its ``mark``.
        path: of :func:`record_path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(record, path)


def told_infinity(content: Any) -> Any:
    """Return content in which infinity is the text ``"inf"``, which JSON can hold and ``float`` reads.

    Args:
        content: dictionaries and lists of numbers and texts.

    Example:
        >>> told_infinity({"hd95": math.inf, "dice": [0.0]})
        {'hd95': 'inf', 'dice': [0.0]}
    """
    if isinstance(content, Mapping):
        return {key: told_infinity(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [told_infinity(value) for value in content]
    return str(content) if isinstance(content, float) and math.isinf(content) else content


def _state(path: Path) -> str:
    """Size and time of a file; of a folder those of all that is in it; nothing of one that went away meanwhile."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path] if path.is_file() else []
    return " ".join(f"{p.name} {p.stat().st_size} {p.stat().st_mtime_ns}" for p in files)
