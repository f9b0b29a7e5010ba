# SPDX-License-Identifier: Apache-2.0
"""The drawn examples of the page on scores, and its tables; ``python docs/pictures.py`` draws them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from scipy import ndimage

from monai_boundary.metrics import (
    compute_betti_error,
    compute_component_scores,
    compute_cremi_score,
    compute_instance_matching,
    compute_lesion_detection,
    compute_lesion_wise_scores,
    compute_surface_scores,
    compute_trimap_iou,
    compute_volume_difference,
)

PAGES = Path(__file__).parent


def score_examples() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return (truth, prediction) by what is wrong: 48 x 48 pixels of 1 mm, a large structure and a small one."""
    rows, columns = np.indices((48, 48))
    large, small = np.hypot(rows - 22, columns - 18) < 12, np.hypot(rows - 36, columns - 40) < 3
    truth = large | small
    wide = (np.hypot(rows - 22, columns - 18) < 14) | (np.hypot(rows - 36, columns - 40) < 5)
    angle = np.arctan2(rows - 22, columns - 18)
    ragged = (np.hypot(rows - 22, columns - 18) < 12 + 2.5 * np.sign(np.sin(14 * angle))) | small
    speck = truth | ((np.abs(rows - 4) < 2) & (np.abs(columns - 43) < 2))
    hole = truth & ~(np.hypot(rows - 22, columns - 18) < 3)
    bridge = truth | ((np.abs((rows - 22) * 22 - (columns - 18) * 14) < 40) & (rows > 22) & (rows < 36))
    shifted = large | (np.hypot(rows - 36, columns - 34) < 3)
    return {
        "2 mm too large": (truth, wide),
        "ragged": (truth, ragged),
        "a far speck": (truth, speck),
        "a hole": (truth, hole),
        "a bridge": (truth, bridge),
        "small one missed": (truth, large),
        "small one 6 mm off": (truth, shifted),
        "all missed": (truth, np.zeros_like(truth)),
    }


def example_scores(truth: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """Return the scores that the page on scores compares."""
    surface = compute_surface_scores(prediction, truth, 1.0, (1.0,), boundary_width_mm=2.0)
    parts = compute_component_scores(prediction, truth, 1.0, (1.0,))
    detection = compute_lesion_detection(prediction, truth)
    # BraTS's rules are for volumes: the drawing is the middle of seven such slices
    volumes = [np.repeat(mask[..., None], 7, axis=2) for mask in (prediction, truth)]
    wise = compute_lesion_wise_scores(*volumes, 1.0, challenge="met")
    overlap = 2 * (truth & prediction).sum() / (truth.sum() + prediction.sum())
    return {
        "Dice": float(overlap),
        "HD (mm)": surface.hd_mm,
        "HD95 (mm)": surface.hd95_mm,
        "ASSD (mm)": surface.assd_mm,
        "surface Dice, 1 mm": surface.nsd[0],
        "boundary F, 1 mm": surface.boundary_f[0],
        "boundary IoU, 2 mm": surface.boundary_iou,
        "trimap IoU, 2 mm": compute_trimap_iou(prediction, truth, 1.0, widths_mm=(2.0,))[0],
        "volume difference (%)": compute_volume_difference(prediction, truth, 1.0).signed_volume_difference_percent,
        "Betti error": compute_betti_error(prediction, truth).betti_error,
        "lesion recall": detection.recall,
        "lesion precision": detection.precision,
        "lesion F1": detection.f1,
        "Dice per component": parts.component_dice,
        "HD95 per component (mm)": parts.component_hd95_mm,
        "missed components": parts.missed_components,
        "BraTS lesion-wise Dice": wise.lesion_wise_dice,
        "BraTS lesion-wise HD95 (mm)": wise.lesion_wise_hd95_mm,
    }


def instance_examples() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return (truth, prediction) by what is wrong: nine cells in 49 x 49 pixels, with walls of one pixel."""
    truth = np.zeros((49, 49), np.int64)
    for k in range(9):
        row, column = 16 * (k // 3), 16 * (k % 3)
        truth[row + 1 : row + 16, column + 1 : column + 16] = k + 1
    split, merged, thick, missed, small = (truth.copy() for _ in range(5))
    split[17:32, 24] = 0
    split[17:32, 25:32] = 10
    merged[20:28, 16] = merged[17:32, 1:16] = 5
    thick[ndimage.grey_erosion(truth, size=(5, 5)) != truth] = 0
    missed[truth == 5] = 0
    small[2:4, 2:4] = 11
    return {
        "a cell split": (truth, split),
        "two merged": (truth, merged),
        "walls too thick": (truth, thick),
        "a cell missed": (truth, missed),
        "a speck in a cell": (truth, small),
    }


def instance_scores(truth: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """Return the scores of instances that the page on scores compares."""
    cremi, matching = compute_cremi_score(prediction, truth), compute_instance_matching(prediction, truth)
    return {
        "VOI split (bits)": cremi.voi_split,
        "VOI merge (bits)": cremi.voi_merge,
        "adapted Rand error": cremi.arand,
        "ARI": cremi.ari,
        "CREMI score": cremi.cremi_score,
        "PQ": matching.pq,
        "SQ": matching.sq,
        "RQ": matching.rq,
        "missed instances": matching.missed_instances,
        "false instances": matching.false_instances,
    }


def print_scores(columns: dict[str, dict[str, float]]) -> None:
    """Print a table of the page: a row for each score, a column for each example."""
    print("| |", " | ".join(columns), "|")
    print("|---|" + "---|" * len(columns))
    for name in next(iter(columns.values())):
        cells = ["–" if np.isnan(scores[name]) else f"{scores[name]:.2f}" for scores in columns.values()]
        print(f"| {name} |", " | ".join(cells), "|")


def draw_scores() -> None:
    """Draw the examples of the page on scores, and print its table."""
    examples = score_examples()
    figure, panels = plt.subplots(2, 4, figsize=(11, 5.8), layout="constrained")
    for panel, (title, (truth, prediction)) in zip(panels.flat, examples.items(), strict=True):
        panel.imshow(prediction, cmap="Oranges", vmin=0, vmax=1.6, interpolation="nearest")
        panel.contour(truth, [0.5], colors="tab:blue", linewidths=1.5)
        panel.set_title(title)
        panel.set_axis_off()
    figure.savefig(PAGES / "how-to" / "choose-a-score.png", dpi=80, metadata={"Software": None})
    plt.close(figure)
    print_scores({title: example_scores(*pair) for title, pair in examples.items()})
    cells = instance_examples()
    figure, panels = plt.subplots(1, 5, figsize=(11, 2.6), layout="constrained")
    for panel, (title, (truth, prediction)) in zip(panels.flat, cells.items(), strict=True):
        colours = np.where(prediction > 0, 1 + prediction * 5 % 12, 0)
        panel.imshow(np.ma.masked_equal(colours, 0), cmap="Set3", vmin=1, vmax=12, interpolation="nearest")
        panel.contour(truth > 0, [0.5], colors="tab:blue", linewidths=1)
        panel.set_title(title)
        panel.set_axis_off()
    figure.savefig(PAGES / "how-to" / "choose-a-score-instances.png", dpi=80, metadata={"Software": None})
    plt.close(figure)
    print_scores({title: instance_scores(*pair) for title, pair in cells.items()})
