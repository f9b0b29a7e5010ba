# SPDX-License-Identifier: Apache-2.0
"""Where the wrong voxels of segmentations lie: at the surface or away from it, at the outside or where classes touch.

``python -m tests.benchmarks.error_places PRED_DIR TRUTH_DIR [PICTURE]`` prints a line of JSON: shares of all wrong
voxels of all cases, by the distance from the nearest true border (mm, of the voxels' centres), and by what was taken
for what. Files are matched by the name of their case; labels are 0 for background and 1, 2, ... for classes. The
picture is of the fullest slice of six cases.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from monai_boundary.ops import signed_distance_map
from monai_boundary.report import CasePair, list_case_files, match_cases, read_label_volume

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


def draw(pairs: Sequence[CasePair], file: Path) -> None:
    """Draw the truth in grey, and over it what is wrong."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    colours = {"too much": "#d55e00", "too little": "#0072b2", "one class for another": "#f0e442"}
    figure = Figure(figsize=(9, 5), layout="constrained")
    for axes, pair in zip(figure.subplots(2, 3).flat, pairs, strict=True):
        pred, truth = (np.asarray(read_label_volume(path).values) for path in (pair.prediction, pair.truth))
        fullest = int((truth > 0).sum((1, 2)).argmax())  # of the first axis: both parts are in it
        rows, columns = (slice(max(0, k.min() - 3), k.max() + 4) for k in np.nonzero(truth[fullest]))
        pred, truth = pred[fullest, rows, columns], truth[fullest, rows, columns]
        shown = np.full((*truth.shape, 3), 255, np.uint8)
        shown[truth > 0] = np.uint8(255 - 60 * truth[truth > 0])[:, None]
        wrong = pred != truth
        kinds = (wrong & (truth == 0), wrong & (pred == 0), wrong & (pred > 0) & (truth > 0))
        for mask, colour in zip(kinds, colours.values(), strict=True):
            shown[mask] = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
        axes.imshow(shown.swapaxes(0, 1), origin="lower", interpolation="nearest")
        axes.set_title(pair.case, fontsize=9)
        axes.set_axis_off()
    handles = [Patch(color=colour, label=name) for name, colour in colours.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(file, dpi=100)


def main(pred_dir: Path, truth_dir: Path, picture: Path | None = None) -> None:
    """Count all cases, and print the shares."""
    total: Counter[str] = Counter()
    pairs = match_cases(list_case_files(pred_dir), list_case_files(truth_dir)).pairs
    if picture is not None:
        draw([pairs[k] for k in np.linspace(0, len(pairs) - 1, 6).astype(int)], picture)
    for pair in pairs:
        pred, truth = read_label_volume(pair.prediction), read_label_volume(pair.truth)
        total += places(np.asarray(pred.values), np.asarray(truth.values), truth.spacing)
    wrong = total.pop("wrong")
    shares = {"wrong over true": wrong / total.pop("truth"), **{name: n / wrong for name, n in total.items()}}
    sys.stdout.write(json.dumps({"cases": len(pairs), **{name: round(share, 4) for name, share in shares.items()}}))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
