# SPDX-License-Identifier: Apache-2.0
"""Draw the pictures of these pages with the library: ``python docs/pictures.py`` from the root of the repository."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.patches import FancyBboxPatch
from monai.losses import GeneralizedDiceLoss
from scipy import ndimage
from score_pictures import draw_scores  # beside this file

from monai_boundary.data import LesionPhantom, make_em_phantom, make_tumour_phantom
from monai_boundary.losses import EdgeAwareLoss
from monai_boundary.networks import BoundaryAwareNet, fit_semantic_edge_net
from monai_boundary.ops import (
    anisotropic_potential,
    barrier_cut,
    barrier_partition,
    edge_masks,
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


def draw_network() -> None:
    """Draw the boundary-aware network: encoder, shape stream with its gates, pyramid, decoder, and the two heads."""
    figure, panel = plt.subplots(figsize=(11, 5.4), layout="constrained")
    main, stream, up, plain = "#cfe2f3", "#fce5cd", "#d9ead3", "#eeeeee"

    def box(x: float, y: float, text: str, colour: str, width: float = 1.5, height: float = 0.62) -> None:
        shape = FancyBboxPatch((x - width / 2, y - height / 2), width, height, boxstyle="round,pad=0.04", fc=colour)
        panel.add_patch(shape)
        panel.text(x, y, text, ha="center", va="center", fontsize=8.5)

    def arrow(start: tuple[float, float], end: tuple[float, float], text: str = "", style: str = "-") -> None:
        panel.annotate("", end, start, arrowprops={"arrowstyle": "->", "linestyle": style, "lw": 1.1})
        if text:
            panel.text((start[0] + end[0]) / 2 - 0.1, (start[1] + end[1]) / 2, text, ha="right", fontsize=7.5)

    levels = ["level 1\n16, full size", "level 2\n32, 1/2", "level 3\n64, 1/4", "level 4\n128, 1/8"]
    columns = [2.0, 4.3, 6.6, 8.9]
    box(0.2, 2.2, "image", plain, 0.9)
    arrow((0.7, 2.2), (1.2, 2.2))
    for number, (x, text) in enumerate(zip(columns, levels, strict=True)):
        box(x, 2.2, text, main)
        if number:
            arrow((columns[number - 1] + 0.8, 2.2), (x - 0.8, 2.2))
            box(x, 3.7, f"gate {number}" + ("" if number == 3 else "\nresidual block"), stream)
            arrow((x, 2.55), (x, 3.35), "1 x 1")
            arrow((columns[number - 1] + 0.8, 3.7), (x - 0.8, 3.7))
        if number < 3:
            box(x, 0.7, "decoder\nresidual block", up)
            arrow((x, 1.85), (x, 1.05), "skip", "--")
    box(2.0, 3.7, "1 x 1", stream)
    arrow((2.0, 2.55), (2.0, 3.35))
    box(11.2, 2.2, "dilated pyramid\nrates 1, 2, 4", main, 1.8)
    arrow((9.7, 2.2), (10.25, 2.2))
    arrow((9.7, 3.6), (11.0, 2.55), "")
    panel.text(10.65, 3.2, "pooled", fontsize=7.5)
    box(11.2, 4.6, "edge logits\n(training)", plain)
    arrow((9.4, 4.05), (10.4, 4.6), "1 x 1")
    arrow((11.2, 1.85), (7.4, 0.7))
    arrow((5.8, 0.7), (5.1, 0.7))
    arrow((3.5, 0.7), (2.8, 0.7))
    box(0.2, 0.7, "segmentation\nlogits", plain, 1.2)
    arrow((1.2, 0.7), (0.85, 0.7))
    panel.text(0.2, 3.7, "shape stream,\n16, full size", ha="center", va="center", fontsize=8.5, style="italic")
    panel.set_xlim(-0.6, 12.3)
    panel.set_ylim(0.2, 5.1)
    panel.set_axis_off()
    figure.savefig(PAGES / "concepts" / "boundary-aware-network.png", dpi=90, metadata={"Software": None})


def tumour_slices(patients: range) -> tuple[torch.Tensor, torch.Tensor]:
    """Return T1c slices in 0..1 around the tumour cores of phantoms, and the cores."""
    images, cores = [], []
    for patient in patients:
        (t1c, *_), label = make_tumour_phantom(seed=patient, low_grade=patient % 4 == 3)
        core = np.isin(label, (1, 4))
        shown = np.flatnonzero(core.any((0, 1)))
        for z in shown[np.linspace(0, len(shown) - 1, 10).round().astype(int)[1:-1]]:
            images.append((t1c[..., z] / np.percentile(t1c, 99.9)).clip(0, 1))
            cores.append(core[..., z])
    image, core = (torch.from_numpy(np.stack(each)[:, None].astype(np.float32)) for each in (images, cores))
    return image, core


def draw_attention() -> None:
    """Train the boundary-aware network on the tumour phantom, in the paper's setting, and draw its gates' maps."""
    torch.manual_seed(0)
    network, loss, steps = BoundaryAwareNet(2, 1, 1), EdgeAwareLoss(sigmoid=True), 300
    images, cores = tumour_slices(range(24))
    edges = edge_masks(cores, side="both").float()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, steps, power=0.9)
    for _ in range(steps):
        batch = torch.randint(len(images), (8,))
        optimizer.zero_grad()
        loss(network(images[batch]), cores[batch], edges=edges[batch]).backward()
        optimizer.step()
        scheduler.step()
    network.eval()
    images, cores = tumour_slices(range(100, 104))
    chosen = [4, 12, 28]  # three patients that it has not seen, the last one of low grade
    with torch.no_grad():
        maps = network.attention_maps(images[chosen])
        segmentation, edge = (head.sigmoid() for head in network.forward_heads(images[chosen]))
    titles = ["T1c, core", "gate 1", "gate 2", "gate 3", "edge head", "segmentation"]
    figure, panels = plt.subplots(len(chosen), 6, figsize=(13, 6.6), layout="constrained")
    for row, item in enumerate(chosen):
        drawn = [images[item, 0], *(alpha[row, 0] for alpha in maps), edge[row, 0], segmentation[row, 0]]
        for panel, picture, title in zip(panels[row], drawn, titles, strict=True):
            limits = {} if title.startswith("gate") else {"vmin": 0, "vmax": 1}
            panel.imshow(picture.T, cmap="magma" if title.startswith("gate") else "gray", origin="lower", **limits)
            panel.contour(cores[item, 0].T, [0.5], colors="tab:cyan", linewidths=0.7)
            low, high = float(picture.min()), float(picture.max())
            panel.set_title(f"{title}, {low:.2f} to {high:.2f}" if title.startswith("gate") else title, fontsize=10)
            panel.set_axis_off()
    figure.savefig(PAGES / "concepts" / "attention-maps.png", dpi=80, metadata={"Software": None})


if __name__ == "__main__":
    mpl.use("Agg")
    draw_scores()
    draw_barrier_cut()
    draw_signed_distance()
    draw_equipotential()
    draw_semantic_edges()
    draw_network()
    draw_attention()
