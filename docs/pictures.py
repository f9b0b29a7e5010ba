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
from monai_boundary.networks import fit_semantic_edge_net
from monai_boundary.ops import (
    anisotropic_potential,
    barrier_cut,
    barrier_partition,
    instances_to_membrane,
    label_regions,
    leak_contour,
    leaked_regions,
    line_region,
    partition_contours,
    quantise_probability,
    region_cells,
    region_seeds,
    semantic_edges,
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


def two_classes() -> tuple[torch.Tensor, torch.Tensor]:
    """Return a label of two touching shapes and a soft prediction of it that is off at the border, one-hot."""
    rows, columns = np.indices((48, 64))
    label = np.zeros((48, 64), dtype=int)
    label[(rows - 24) ** 2 + (columns - 22) ** 2 < 15**2 + 40 * np.sin(rows / 2)] = 1
    label[(np.abs(rows - 26) < 12) & (columns > 34) & (columns < 54)] = 2
    truth = torch.nn.functional.one_hot(torch.from_numpy(label), 3).movedim(-1, 0)[None]
    noise = ndimage.gaussian_filter(np.random.default_rng(2).standard_normal((3, 48, 64)), (0, 3, 3))
    logits = ndimage.gaussian_filter(6.0 * truth[0].numpy(), (0, 1.5, 1.5)) + 8 * noise
    return truth.bool(), torch.from_numpy(logits).float().softmax(0)[None]


def draw_equipotential() -> None:
    """Draw a class and its prediction, their energies to the left, and the lines that are compared."""
    truth, prediction = two_classes()
    w = 9
    columns = []
    for mask in (truth, prediction):
        fields = anisotropic_potential(mask.float(), w)[0, 0, 1]
        columns.append((mask[0, 1].float().numpy(), fields.numpy()))
    true_lines, found = (torch.from_numpy(field).flatten()[None] for _, field in columns)
    on_true = (true_lines >= 1) & (true_lines <= w // 2)
    on_found = line_region(found, true_lines.round().to(torch.uint8), w // 2)
    figure, panels = plt.subplots(2, 3, figsize=(11, 5.6), layout="constrained")
    for row, ((image, field), lines, name) in enumerate(
        zip(columns, (on_true, on_found), ("truth", "prediction"), strict=True)
    ):
        panels[row, 0].imshow(image, cmap="gray", vmin=0, vmax=1)
        panels[row, 0].set_title(f"{name}, one class")
        drawn = panels[row, 1].imshow(field, cmap="viridis", vmin=0, vmax=w // 2 + 1)
        panels[row, 1].set_title("energy to the left, w = 9")
        kept = np.ma.masked_where(~lines.view(field.shape).numpy(), field)
        panels[row, 2].imshow(np.zeros_like(field), cmap="gray_r", vmin=0, vmax=1)
        panels[row, 2].imshow(kept, cmap="viridis", vmin=0, vmax=w // 2 + 1)
        panels[row, 2].set_title(("true lines 1..4", "as many voxels, of the same ranks")[row])
        for panel in panels[row]:
            panel.set_axis_off()
    figure.colorbar(drawn, ax=panels[:, 1:], shrink=0.6)
    figure.savefig(PAGES / "concepts" / "equipotential.png", dpi=90, metadata={"Software": None})


def draw_semantic_edges() -> None:
    """Draw the semantic edges of a label, and where the edge network's layers find the prediction different."""
    truth, prediction = two_classes()
    net = fit_semantic_edge_net([truth[0]], num_classes=3, max_steps=200, progress=False)
    with torch.no_grad():
        found, wanted = net.features(prediction), net.features(truth.float())
    figure, panels = plt.subplots(1, 5, figsize=(15, 2.8), layout="constrained")
    images = {
        "truth": (truth[0].float().argmax(0), "viridis"),
        "its semantic edges": (semantic_edges(truth)[0, 0], "gray_r"),
        "prediction": (prediction[0].argmax(0), "viridis"),
        "first layer: difference": ((found[0] - wanted[0])[0].abs().mean(0), "magma"),
        "second layer: difference": ((found[1] - wanted[1])[0].abs().mean(0), "magma"),
    }
    for panel, (title, (image, colours)) in zip(panels, images.items(), strict=True):
        panel.imshow(image.numpy(), cmap=colours)
        panel.set_title(title)
        panel.set_axis_off()
    figure.savefig(PAGES / "concepts" / "semeda.png", dpi=90, metadata={"Software": None})


if __name__ == "__main__":
    mpl.use("Agg")
    draw_barrier_cut()
    draw_signed_distance()
    draw_equipotential()
    draw_semantic_edges()
