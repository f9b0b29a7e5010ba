# SPDX-License-Identifier: Apache-2.0
"""Which cells of EM sections run into each other: counted, and drawn.

``python -m tests.benchmarks.merged_cells IMAGES LABELS PICTURE NAME=FILE ...`` prints a line of JSON for each FILE of
instances that the EM bundle's inference wrote for the sections of the folder IMAGES, one after the other. LABELS is a
folder with the membranes of the same sections, cells being the greater value. A true cell is *merged* where most of it
lies in an instance in which most of another true cell lies; ``share`` is of the true cells' pixels. The picture has a
row of panels for the first and the last section.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from monai_boundary.data import read_em_source
from monai_boundary.ops import label_regions

SMALLEST = 50  # pixels: a true region below is a crumb of the drawing
ORANGE = np.array([213, 94, 0])


def merged_cells(instances: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the ids of the true cells that share their main instance with another."""
    sizes = np.bincount(truth.ravel())
    main = {}
    for cell in np.flatnonzero(sizes >= SMALLEST):
        counts = np.bincount(instances[truth == cell], minlength=2)
        if cell > 0 and counts[1:].max() * 2 > sizes[cell]:
            main[cell] = 1 + int(counts[1:].argmax())
    often = np.bincount(list(main.values()), minlength=1)
    return np.array([cell for cell, instance in main.items() if often[instance] > 1], dtype=int)


def main(images: Path, labels: Path, picture: Path, files: dict[str, Path]) -> None:
    """Count all sections, and draw the first and the last."""
    from matplotlib.figure import Figure

    grey = np.asarray(read_em_source(images)[0])
    truths = [label_regions(section > 0) for section in np.asarray(read_em_source(labels)[0])]
    shown = np.linspace(0, len(grey) - 1, 2).astype(int)
    figure = Figure(figsize=(3.6 * (len(files) + 1), 7.6), layout="constrained")
    panels = figure.subplots(len(shown), len(files) + 1, squeeze=False)
    for row, k in zip(panels, shown, strict=True):
        row[0].imshow(grey[k], cmap="gray")
        row[0].set_title(f"section {k + 1} of {len(grey)}", fontsize=10)
    for column, (name, file) in enumerate(files.items(), 1):
        total = {"cells": 0, "merged": 0, "instances": 0}
        pixels = wrong_pixels = 0
        for k, (instances, truth) in enumerate(zip(np.asarray(read_em_source(file)[0]), truths, strict=True)):
            merged = merged_cells(instances, truth)
            wrong = np.isin(truth, merged)
            total["cells"] += int((np.bincount(truth.ravel())[1:] >= SMALLEST).sum())
            total["merged"] += merged.size
            total["instances"] += int((np.bincount(instances.ravel())[1:] >= SMALLEST).sum())
            pixels += int((truth > 0).sum())
            wrong_pixels += int(wrong.sum())
            if k in shown:
                axes = panels[shown.tolist().index(k)][column]
                colours = np.repeat((grey[k][..., None] / max(grey[k].max(), 1) * 255).astype(np.uint8), 3, -1)
                colours[wrong] = (0.5 * colours[wrong] + 0.5 * ORANGE).astype(np.uint8)
                axes.imshow(colours)
                axes.set_title(f"{name}: {merged.size} cells merged", fontsize=10)
        sys.stdout.write(json.dumps({"network": name, **total, "share": round(wrong_pixels / pixels, 4)}) + "\n")
    for axes in panels.flat:
        axes.set_axis_off()
    figure.savefig(picture, dpi=60)


if __name__ == "__main__":
    named = dict(argument.split("=", 1) for argument in sys.argv[4:])
    main(*map(Path, sys.argv[1:4]), {name: Path(file) for name, file in named.items()})
