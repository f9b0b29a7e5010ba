# SPDX-License-Identifier: Apache-2.0
"""Two scores of the same runs of a study, or of two arms, and whether they differ.

``python -m tests.benchmarks.compare_columns FILE ARM SCORE BASE [FOLD ...]`` prints the mean of SCORE less BASE over
the runs of ARM in a study's CSV (of those folds, where they are given), with its 95 % t interval. BASE is a score of
the same runs, such as that of another way to instances, or OTHER::SCORE of the runs of another arm.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

from monai_boundary.report import paired_difference


def main(file: Path, arm: str, score: str, base: str, *folds: str) -> None:
    """Print a line of JSON."""
    with file.open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if not folds or row["fold"] in folds]
    other, _, its = base.rpartition("::")
    ours, theirs = (
        {(r["seed"], r["fold"]): float(r[name]) for r in rows if r["arm"] == who and r[name]}
        for who, name in ((arm, score), (other or arm, its))
    )
    found = paired_difference(ours, theirs)
    sys.stdout.write(json.dumps({"arm": arm, f"{score} less {base}": found._asdict()}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
