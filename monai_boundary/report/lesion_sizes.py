# SPDX-License-Identifier: Apache-2.0
"""Detection of lesions by their size, counted over the cases."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from monai_boundary._tables import Row

SIZE_EDGES = {"ml": (0.01, 0.1, 1.0, 10.0), "voxels": (10.0, 100.0, 1000.0, 10000.0)}


class LesionSizes:
    """Counts lesions of each size, by method and class, one case after the other."""

    def __init__(self) -> None:
        self._unit = "voxels"
        self._counts: dict[tuple[str, str], list[list[float]]] = {}

    def add(self, method: str, name: str, lesions: Iterable[Mapping[str, Any]], volume_unit: str) -> None:
        """Count the lesions of a class in a case.

        Args:
            method: whose prediction it is.
            name: of the class.
            lesions: rows with ``kind`` (found, missed, false), ``volume`` and ``covered``.
            volume_unit: ``"ml"`` or ``"voxels"``, that of all cases.
        """
        self._unit = volume_unit
        edges = SIZE_EDGES[volume_unit]
        for row in lesions:
            counts = self._counts.setdefault((method, name), [[0.0] * 4 for _ in range(len(edges) + 1)])
            here = counts[int(np.searchsorted(edges, row["volume"], side="right"))]
            if row["kind"] == "false":
                here[3] += 1
            else:
                here[0] += 1
                here[1] += row["kind"] == "found"
                here[2] += row["covered"]

    def rows(self) -> list[Row]:
        """Return a row for each size that has lesions.

        Returns:
            ``method``, ``class``, ``size``, ``lesions``, ``found``, ``recall``, ``covered`` (mean share of a lesion
            that is predicted) and ``false_alarms`` of that size.
        """
        edges = SIZE_EDGES[self._unit]
        between = [f"{a:g} to {b:g}" for a, b in pairwise(edges)]
        labels = [f"< {edges[0]:g}", *between, f">= {edges[-1]:g}"]
        return [
            {
                "method": method,
                "class": name,
                "size": f"{label} {self._unit}",
                "lesions": int(lesions),
                "found": int(found),
                "recall": found / lesions if lesions else math.nan,
                "covered": covered / lesions if lesions else math.nan,
                "false_alarms": int(alarms),
            }
            for (method, name), counts in self._counts.items()
            for label, (lesions, found, covered, alarms) in zip(labels, counts, strict=True)
            if lesions or alarms
        ]
