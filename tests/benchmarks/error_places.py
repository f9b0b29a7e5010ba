# SPDX-License-Identifier: Apache-2.0
"""Where the wrong voxels of segmentations lie: at the surface or away from it, at the outside or where classes touch.

``python -m tests.benchmarks.error_places PRED_DIR TRUTH_DIR`` prints a line of JSON: shares of all wrong voxels of all
cases, by the distance from the nearest true border (mm, of the voxels' centres), and by what was taken for what.
Files are matched by the name of their case; labels are 0 for background and 1, 2, ... for classes.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from monai_boundary.ops import signed_distance_map
from monai_boundary.report import list_case_files, match_cases, read_label_volume

STEPS = (0.6, 1.0, 2.0, 4.0)


def places(pred: np.ndarray, truth: np.ndarray, spacing: tuple[float, ...]) -> Counter[str]:
    """Count the wrong voxels of a case."""
    wrong = pred != truth
    inner = wrong & (pred > 0) & (truth > 0)
    found = Counter(wrong=int(wrong.sum()), truth=int((truth > 0).sum()))
    found["one class for another"] = int(inner.sum())
    found["too much"] = int((wrong & (truth == 0)).sum())
    found["too little"] = int((wrong & (pred == 0)).sum())
    distances = [np.abs(signed_distance_map(truth == k, spacing)) for k in np.unique(truth[truth > 0])]
    nearest = np.min(distances, axis=0)[wrong] if distances else np.full(found["wrong"], np.inf)
    for step in STEPS:
        found[f"within {step:g} mm"] = int((nearest <= step).sum())
    return found


def main(pred_dir: Path, truth_dir: Path) -> None:
    """Count all cases, and print the shares."""
    total: Counter[str] = Counter()
    pairs = match_cases(list_case_files(pred_dir), list_case_files(truth_dir)).pairs
    for pair in pairs:
        pred, truth = read_label_volume(pair.prediction), read_label_volume(pair.truth)
        total += places(np.asarray(pred.values), np.asarray(truth.values), truth.spacing)
    wrong = total.pop("wrong")
    shares = {"wrong over true": wrong / total.pop("truth"), **{name: n / wrong for name, n in total.items()}}
    sys.stdout.write(json.dumps({"cases": len(pairs), **{name: round(share, 4) for name, share in shares.items()}}))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
