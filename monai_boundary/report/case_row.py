# SPDX-License-Identifier: Apache-2.0
"""A row of the table of cases in a third of a dictionary's memory: a report holds one for each case and class."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

_KEYS = ("method", "case", "class")


class CaseRow(Mapping[str, Any]):
    """Method, case, class, and scores by name; rows with the same scores share their names.

    Args:
        key: method, case and class.
        scores: name -> number, in the order of the columns.

    Example:
        >>> row = CaseRow(("ours", "p01", "tumour"), {"dice": 0.5, "missed": 0.0})
        >>> row["case"], row["dice"], list(row)
        ('p01', 0.5, ['method', 'case', 'class', 'dice', 'missed'])
    """

    __slots__ = ("_key", "_places", "_values")

    def __init__(self, key: tuple[str, str, str], scores: Mapping[str, float]) -> None:
        self._key = key
        self._places = _places(tuple(scores))
        self._values = array("d", scores.values())

    def __getitem__(self, name: str) -> Any:
        """Return a text or a score."""
        place = self._places[name]
        return self._key[place] if place < len(_KEYS) else self._values[place - len(_KEYS)]

    def __iter__(self) -> Iterator[str]:
        """Go through the names of the columns."""
        return iter(self._places)

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self._places)


@lru_cache(maxsize=64)
def _places(names: tuple[str, ...]) -> dict[str, int]:
    return {name: place for place, name in enumerate((*_KEYS, *names))}
