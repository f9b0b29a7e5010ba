# SPDX-License-Identifier: Apache-2.0
"""What a run recorded, in a file that only grows: nothing is lost while no server answers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Journal:
    """Records as lines of JSON, in the order in which they were made.

    A process that is killed while it writes leaves a line that cannot be read: it is passed over, and its number stays
    taken, so that the numbers of the others do not change.

    Args:
        path: the file, made with the first record.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     journal = Journal(Path(folder) / "tracking.jsonl")
        ...     journal.append({"kind": "metrics", "dice": 0.5})
        ...     list(journal.read())
        [(0, {'kind': 'metrics', 'dice': 0.5})]
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def append(self, record: Mapping[str, Any]) -> None:
        """Add a record.

        Args:
            record: plain values; what JSON does not know becomes its string.

        Raises:
            OSError: if the file cannot be written.
        """
        line = json.dumps(record, default=str).encode() + b"\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            if file.tell() and not self._ends_whole():
                line = b"\n" + line
            file.write(line)

    def read(self, first: int = 0) -> Iterator[tuple[int, Record]]:
        """Yield each record with its number, 0, 1, ....

        Args:
            first: number of the first record that is wanted.
        """
        if not self.path.is_file():
            return
        for number, line in enumerate(self.path.read_bytes().splitlines()):
            if number < first:
                continue
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                yield number, record

    def _ends_whole(self) -> bool:
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
