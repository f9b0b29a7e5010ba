# SPDX-License-Identifier: Apache-2.0
"""Draw the pictures of gallery.md; run by ``python docs/gallery.py``."""

from __future__ import annotations

from pathlib import Path

import gallery  # beside this file
import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from PIL import Image
from torch import Tensor

from monai_boundary.ops import (
    anisotropic_potential,
    edge_masks,
    label_regions,
    region_cells,
    region_seeds,
    semantic_edges,
    signed_distance_map,
)

FOLDER = Path(__file__).parent / "gallery"
COLOURS = ListedColormap(["#f2f2f2", "#5b6770", "#7fb3d5", "#d9822b"])
README = ("cross-entropy", "SignedDistanceLoss", "BALoss", "EquipotentialLoss", "SEMEDALoss", "PersistentHomologyLoss")


def file_name(loss: str) -> str:
    """Return the file of a loss's picture."""
    return f"{loss.split(' ')[0].lower()}.png"


def show_label(panel: Axes, label: Tensor, title: str) -> None:
    """Draw classes."""
    panel.imshow(label.numpy(), cmap=COLOURS, vmin=0, vmax=3, interpolation="nearest")
    panel.set_title(title, fontsize=9)
    panel.set_axis_off()


def show_gain(panel: Axes, gain: Tensor, title: str, largest: float) -> None:
    """Draw gains (blue) and costs (red) of a step to the truth; their roots, so that small ones are seen."""
    values = np.sign(gain.numpy()) * np.sqrt(np.abs(gain.numpy()))
    limit = largest**0.5
    panel.imshow(values, cmap="RdBu", vmin=-limit, vmax=limit, interpolation="nearest")
    truth = gallery.draw_truth().numpy()
    for value in range(1, 4):
        panel.contour(truth == value, [0.5], colors="k", linewidths=0.3)
    panel.set_title(title, fontsize=9)
    panel.set_axis_off()


def save(figure: plt.Figure, name: str, dpi: int = 80) -> None:
    """Write a picture, in 64 colours, without a date or a version in it."""
    figure.savefig(FOLDER / name, dpi=dpi, metadata={"Software": None})
    plt.close(figure)
    with Image.open(FOLDER / name) as picture:
        picture.convert("RGB").quantize(64).save(FOLDER / name, optimize=True)


def draw_predictions() -> None:
    """Draw the truth and the predictions."""
    figure, panels = plt.subplots(1, 7, figsize=(12.6, 2.1), layout="constrained")
    for panel, (title, label) in zip(panels, gallery.predictions().items(), strict=True):
        show_label(panel, label, title)
        rows, columns = np.nonzero((label != gallery.draw_truth()).numpy())
        if len(rows):
            middle = (columns.mean(), rows.mean())
            panel.add_patch(plt.Circle(middle, 9, fill=False, color="tab:red", linewidth=1.2))
    save(figure, "predictions.png")


def draw_loss(name: str, looks: dict[str, gallery.Look]) -> None:
    """Draw where a loss finds each prediction wrong."""
    figure, panels = plt.subplots(1, 7, figsize=(12.6, 2.1), layout="constrained")
    largest = max(float(looked.gain.abs().max()) for looked in looks.values())
    for panel, (title, looked) in zip(panels, looks.items(), strict=True):
        show_gain(panel, looked.gain, title, largest)
    save(figure, file_name(name))


def draw_all_flaws() -> None:
    """Draw one prediction as some losses see it: the picture of the README."""
    known = gallery.losses()
    figure, panels = plt.subplots(2, 4, figsize=(9.6, 5.1), layout="constrained")
    flat = panels.ravel()
    show_label(flat[0], gallery.draw_truth(), "truth")
    show_label(flat[1], gallery.all_flaws(), "prediction: six flaws of 16 voxels")
    for panel, name in zip(flat[2:], README, strict=True):
        gain = gallery.look(known[name], gallery.all_flaws()).gain
        show_gain(panel, gain, name, float(gain.abs().max()))
    save(figure, "one-prediction.png")


def draw_targets() -> None:
    """Draw what the losses make of the truth."""
    truth = gallery.draw_truth()
    masks = gallery.one_hot(truth)
    tumour = (truth == 3).numpy()
    regions = label_regions((truth != 1).numpy())
    seeds, cells = region_seeds(regions), region_cells(regions)
    figure, panels = plt.subplots(1, 6, figsize=(12.6, 2.4), layout="constrained")
    show_label(panels[0], truth, "label")
    drawn = {
        "signed distance, tumour": (signed_distance_map(tumour, (1.0, 1.0)), "RdBu_r"),
        "regions' cells, seeds": (cells, "tab10"),
        "potential to the left, organ": (anisotropic_potential(masks, 7)[0, 0, 2], "viridis"),
        "edges of any class": (edge_masks(masks[:, 1:].bool(), side="both").any(1)[0], "gray_r"),
        "semantic edges": (semantic_edges(masks.bool())[0, 0], "gray_r"),
    }
    for panel, (title, (image, colours)) in zip(panels[1:], drawn.items(), strict=True):
        limits = {"vmin": -40, "vmax": 40} if colours == "RdBu_r" else {}
        panel.imshow(np.asarray(image, dtype=float), cmap=colours, interpolation="nearest", **limits)
        panel.set_title(title, fontsize=9)
        panel.set_axis_off()
    rows, columns = np.nonzero(seeds)
    panels[2].plot(columns, rows, "o", color="white", markeredgecolor="k", markersize=5)
    save(figure, "targets.png")


def draw_all(measured: dict[str, dict[str, gallery.Look]]) -> None:
    """Draw everything."""
    mpl.use("Agg")
    FOLDER.mkdir(exist_ok=True)
    draw_predictions()
    draw_targets()
    draw_all_flaws()
    for name, looks in measured.items():
        draw_loss(name, looks)
