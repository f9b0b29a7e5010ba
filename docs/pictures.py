# SPDX-License-Identifier: Apache-2.0
"""Draw the pictures of these pages with the library: ``python docs/pictures.py`` from the root of the repository."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from scipy import ndimage

from monai_boundary.data import make_em_phantom
from monai_boundary.ops import (
    barrier_cut,
    barrier_partition,
    instances_to_membrane,
    label_regions,
    leak_contour,
    leaked_regions,
    partition_contours,
    quantise_probability,
    region_cells,
    region_seeds,
)

PAGES = Path(__file__).parent


def damaged(membrane: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a prediction of the membrane: blurred, noisy, with holes of three widths in its walls."""
    prediction = ndimage.gaussian_filter(membrane.astype(float), 0.7)
    walls = np.argwhere(membrane)
    for radius in (2, 4, 7) * 3:
        centre = walls[rng.integers(len(walls))]
        away = np.hypot(*(np.indices(membrane.shape) - centre[:, None, None]))
        prediction[away <= radius] *= 0.15
    return np.clip(0.9 * prediction + 0.05 + 0.03 * rng.standard_normal(membrane.shape), 0, 1)


def draw_barrier_cut() -> None:
    """Draw one prediction, and where each contour looks at it."""
    rng = np.random.default_rng(5)
    _, instances = make_em_phantom((128, 128), seed=3)
    membrane = instances_to_membrane(instances, thickness=2)
    image = quantise_probability(damaged(membrane, rng))
    regions = label_regions(~membrane)
    seeds, cells = region_seeds(regions), region_cells(regions)
    parts = barrier_partition(image, seeds)
    leaked = leaked_regions(parts, seeds, regions)
    marks = {
        "per_region": barrier_cut(image, seeds, cells)[0].mask(image.shape),
        "partition": partition_contours(parts).mask(image.shape),
        "leak": leak_contour(leaked, membrane),
    }
    figure, panels = plt.subplots(1, 4, figsize=(13, 3.5), layout="constrained")
    for panel, title in zip(panels, ["prediction and seeds", *marks], strict=True):
        panel.imshow(image, cmap="gray_r", interpolation="nearest")
        panel.set_title(title)
        panel.set_axis_off()
        if title in marks:
            panel.imshow(np.ma.masked_equal(marks[title], 0), cmap="autumn", alpha=0.8, interpolation="nearest")
    rows, columns = np.nonzero(seeds)
    panels[0].plot(columns, rows, ".", color="tab:blue", markersize=4)
    panels[3].imshow(np.ma.masked_equal(leaked, 0), cmap="winter", alpha=0.35, interpolation="nearest")
    figure.savefig(PAGES / "concepts" / "barrier-cut.png", dpi=90, metadata={"Software": None})


if __name__ == "__main__":
    mpl.use("Agg")
    draw_barrier_cut()
