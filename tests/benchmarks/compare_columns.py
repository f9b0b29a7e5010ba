# SPDX-License-Identifier: Apache-2.0
"""Two scores of the same runs of a study, or of two arms, and whether they differ.

``python -m tests.benchmarks.compare_columns FILE ARM SCORE BASE [FOLD ...]`` prints the mean of SCORE less BASE over
the runs of ARM in a study's CSV (of those folds, where they are given), with its 95 % t interval and p of the paired t
test. BASE is a score of the same runs, such as that of another way to instances, or OTHER::SCORE of the runs of another
arm. Of several scores, ``cremi,voi_merge`` against ``OTHER::``, there is a line each, and p by Holm over them.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

from scipy import stats

from monai_boundary.report import paired_difference
from monai_boundary.report.method_comparison import holm_adjusted


def main(file: Path, arm: str, scores: str, base: str, *folds: str) -> None:
    """Print a line of JSON for each score."""
    with file.open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if not folds or row["fold"] in folds]
    other, _, its = base.rpartition("::")
    found = []
    for score in scores.split(","):
        name = its or score
        ours, theirs = (
            {(r["seed"], r["fold"]): float(r[column]) for r in rows if r["arm"] == who and r[column]}
            for who, column in ((arm, score), (other or arm, name))
        )
        both = [pair for pair in ours if pair in theirs]
        p = float(stats.ttest_rel([ours[pair] for pair in both], [theirs[pair] for pair in both]).pvalue)
        found.append(
            {
                "arm": arm,
                f"{score} less {base if its else base + name}": paired_difference(ours, theirs)._asdict(),
                "p": p,
            }
        )
    for line, adjusted in zip(found, holm_adjusted([line["p"] for line in found]), strict=True):
        sys.stdout.write(json.dumps({**line, "p_holm": adjusted}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
