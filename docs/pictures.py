# SPDX-License-Identifier: Apache-2.0
"""Draw the pictures of these pages with the library: ``python docs/pictures.py`` from the root of the repository."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib import pyplot as plt
from monai.losses import GeneralizedDiceLoss
from scipy import ndimage

from monai_boundary.data import LesionPhantom, make_em_phantom
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
    signed_distance_map,
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


def draw_signed_distance() -> None:
    """Draw a slice of the lesion phantom, its map in 3-D and by slice, and the loss's gradient beside Dice's."""
    spacing = (1.8, 1.8, 5.4)
    scan = LesionPhantom(shape=(96, 96, 24), spacing=spacing, imbalance=200, lesion_diameter_mm=9).draw(seed=4)
    lesions = scan.label == 1
    z = int(lesions.sum((0, 1)).argmax())
    volume = signed_distance_map(lesions, spacing)[..., z]
    section = signed_distance_map(lesions, spacing, section_axis=2)[..., z]
    scores = torch.full((1, 1, *lesions.shape), -2.0, requires_grad=True)
    truth = torch.from_numpy(lesions[None, None]).float()
    (dice,) = torch.autograd.grad(GeneralizedDiceLoss(sigmoid=True)(scores, truth), scores)
    figure, panels = plt.subplots(1, 4, figsize=(13, 3.5), layout="constrained")
    panels[0].imshow(scan.flair[..., z].T, cmap="gray", origin="lower")
    panels[0].contour(lesions[..., z].T, [0.5], colors="tab:red", linewidths=1)
    panels[0].set_title("slice and lesions")
    limit = 20.0
    for panel, phi, title in zip(
        panels[1:3], (volume, section), ("map in 3-D, mm", "map of the slice, mm"), strict=True
    ):
        drawn = panel.imshow(phi.T, cmap="RdBu_r", vmin=-limit, vmax=limit, origin="lower")
        panel.contour(phi.T, np.arange(5, 100, 5), colors="k", linewidths=0.3)
        panel.contour(lesions[..., z].T, [0.5], colors="k", linewidths=1)
        panel.set_title(title)
    figure.colorbar(drawn, ax=panels[1:3], shrink=0.8)
    change = dice[0, 0, ..., z].numpy()
    panels[3].imshow(change.T, cmap="RdBu_r", vmin=-np.abs(change).max(), vmax=np.abs(change).max(), origin="lower")
    panels[3].set_title("gradient of generalised Dice")
    for panel in panels:
        panel.set_axis_off()
    figure.savefig(PAGES / "concepts" / "signed-distance.png", dpi=90, metadata={"Software": None})


if __name__ == "__main__":
    mpl.use("Agg")
    draw_barrier_cut()
    draw_signed_distance()
