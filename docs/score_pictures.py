# SPDX-License-Identifier: Apache-2.0
"""The drawn examples of the page on scores, and its tables; ``python docs/pictures.py`` draws them.

``python docs/score_pictures.py`` draws these alone, and prints the tables.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
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
from monai_boundary.report.probability_scores import THRESHOLDS, threshold_scores

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
    dot = truth | ((rows == 4) & (columns == 43))
    hole = truth & ~(np.hypot(rows - 22, columns - 18) < 3)
    bridge = truth | ((np.abs((rows - 22) * 22 - (columns - 18) * 14) < 40) & (rows > 22) & (rows < 36))
    shifted = large | (np.hypot(rows - 36, columns - 34) < 3)
    return {
        "2 mm too large": (truth, wide),
        "ragged": (truth, ragged),
        "a far speck": (truth, speck),
        "a far dot": (truth, dot),
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
    volume = compute_volume_difference(prediction, truth, 1.0).signed_volume_difference_percent
    return {
        "Dice": float(overlap),
        "IoU": float((truth & prediction).sum() / (truth | prediction).sum()),
        "HD (mm)": surface.hd_mm,
        "HD95 (mm)": surface.hd95_mm,
        "ASSD (mm)": surface.assd_mm,
        "surface Dice, 1 mm": surface.nsd[0],
        "boundary F, 1 mm": surface.boundary_f[0],
        "boundary IoU, 2 mm": surface.boundary_iou,
        "trimap IoU, 2 mm": compute_trimap_iou(prediction, truth, 1.0, widths_mm=(2.0,))[0],
        "volume difference (pixels)": abs(float(prediction.sum()) - float(truth.sum())),
        "volume difference (%)": abs(volume),
        "signed volume difference (%)": volume,
        "Betti error": compute_betti_error(prediction, truth).betti_error,
        "lesion recall": detection.recall,
        "lesion precision": detection.precision,
        "lesion F1": detection.f1,
        "Dice per component": parts.component_dice,
        "HD95 per component (mm)": parts.component_hd95_mm,
        "surface Dice per component": parts.component_nsd[0],
        "missed components": parts.missed_components,
        "BraTS lesion-wise Dice": wise.lesion_wise_dice,
        "BraTS lesion-wise HD95 (mm)": wise.lesion_wise_hd95_mm,
    }


def instance_examples() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return (truth, prediction) by what is wrong: nine instances in 49 x 49 pixels, with walls of one pixel."""
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
        "one split": (truth, split),
        "two merged": (truth, merged),
        "walls too thick": (truth, thick),
        "one missed": (truth, missed),
        "a speck inside": (truth, small),
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


PUNISHED_AND_FORGIVEN = {
    "dice": ("Dice", "2 mm too large", "small one missed"),
    "iou": ("IoU", "2 mm too large", "small one missed"),
    "hd": ("HD (mm)", "a far dot", "2 mm too large"),
    "hd95": ("HD95 (mm)", "a far speck", "a far dot"),
    "assd": ("ASSD (mm)", "2 mm too large", "small one 6 mm off"),
    "nsd": ("surface Dice, 1 mm", "2 mm too large", "a far speck"),
    "boundary_f": ("boundary F, 1 mm", "2 mm too large", "a far speck"),
    "boundary_iou": ("boundary IoU, 2 mm", "ragged", "a far speck"),
    "trimap_iou": ("trimap IoU, 2 mm", "ragged", "a hole"),
    "volume_difference": ("volume difference (pixels)", "2 mm too large", "small one 6 mm off"),
    "volume_difference_percent": ("volume difference (%)", "2 mm too large", "small one 6 mm off"),
    "signed_volume_difference": ("signed volume difference (%)", "a hole", "small one 6 mm off"),
    "betti_error": ("Betti error", "a hole", "small one 6 mm off"),
    "lesion_recall": ("lesion recall", "small one missed", "2 mm too large"),
    "lesion_precision": ("lesion precision", "a far dot", "a hole"),
    "lesion_f1": ("lesion F1", "small one missed", "2 mm too large"),
    "lesion_wise_dice": ("BraTS lesion-wise Dice", "a far dot", "a hole"),
    "lesion_wise_hd95": ("BraTS lesion-wise HD95 (mm)", "a far dot", "2 mm too large"),
    "component_dice": ("Dice per component", "small one missed", "a far speck"),
    "component_hd95": ("HD95 per component (mm)", "small one missed", "ragged"),
    "component_nsd": ("surface Dice per component", "2 mm too large", "a hole"),
    "missed_components": ("missed components", "small one missed", "a far speck"),
    "pq": ("PQ", "walls too thick", "a speck inside"),
    "sq": ("SQ", "walls too thick", "one missed"),
    "rq": ("RQ", "two merged", "walls too thick"),
    "missed_instances": ("missed instances", "one missed", "a speck inside"),
    "false_instances": ("false instances", "a speck inside", "one missed"),
    "voi_split": ("VOI split (bits)", "one split", "two merged"),
    "voi_merge": ("VOI merge (bits)", "two merged", "one missed"),
    "arand": ("adapted Rand error", "two merged", "a speck inside"),
    "ari": ("ARI", "two merged", "a speck inside"),
    "cremi_score": ("CREMI score", "walls too thick", "one missed"),
}
"""Score -> row of the tables, an example that it punishes, and one that it forgives."""


def print_scores(columns: dict[str, dict[str, float]]) -> None:
    """Print a table of the page: a row for each score, a column for each example."""
    print("| |", " | ".join(columns), "|")
    print("|---|" + "---|" * len(columns))
    for name in next(iter(columns.values())):
        cells = ["–" if np.isnan(scores[name]) else f"{scores[name]:.2f}" for scores in columns.values()]
        print(f"| {name} |", " | ".join(cells), "|")


def draw_masks(panel: Axes, truth: np.ndarray, prediction: np.ndarray, title: str) -> None:
    """Draw a prediction, and the outline of the truth."""
    panel.imshow(prediction, cmap="Oranges", vmin=0, vmax=1.6, interpolation="nearest")
    panel.contour(truth, [0.5], colors="tab:blue", linewidths=1.5)
    panel.set_title(title)
    panel.set_axis_off()


def draw_instances(panel: Axes, truth: np.ndarray, prediction: np.ndarray, title: str) -> None:
    """Draw predicted instances in colours, and the outlines of the true ones."""
    colours = np.where(prediction > 0, 1 + prediction * 5 % 12, 0)
    panel.imshow(np.ma.masked_equal(colours, 0), cmap="Set3", vmin=1, vmax=12, interpolation="nearest")
    panel.contour(truth > 0, [0.5], colors="tab:blue", linewidths=1)
    panel.set_title(title)
    panel.set_axis_off()


def draw_scores() -> None:
    """Draw the examples of the page on scores, and print its tables."""
    kinds = (
        (score_examples(), example_scores, draw_masks, (3, 3, (8.4, 8.8)), "choose-a-score.png"),
        (instance_examples(), instance_scores, draw_instances, (1, 5, (11, 2.6)), "choose-a-score-instances.png"),
    )
    for examples, scores, draw, (rows, columns, size), name in kinds:
        figure, panels = plt.subplots(rows, columns, figsize=size, layout="constrained")
        for panel, (title, pair) in zip(panels.flat, examples.items(), strict=True):
            draw(panel, *pair, title)
        save(figure, name)
        table = {title: scores(*pair) for title, pair in examples.items()}
        print_scores(table)
        for score, (row, punished, forgiven) in PUNISHED_AND_FORGIVEN.items():
            if punished in table and row in table[punished]:
                figure, panels = plt.subplots(1, 2, figsize=(4.6, 2.5), layout="constrained")
                for panel, word, title in zip(panels, ("punished", "forgiven"), (punished, forgiven), strict=True):
                    draw(panel, *examples[title], f"{word}: {table[title][row]:.2f}\n{title}")
                    panel.title.set_fontsize(9)
                save(figure, f"scores/{score}.png")
    draw_thresholds()


def draw_thresholds() -> None:
    """Draw a probability that is right at one threshold only, and its Dice over the threshold."""
    truth = score_examples()["ragged"][0]
    probability = np.where(truth, 0.42, 0.33)
    dice = threshold_scores(probability, truth)["dice"]
    figure, (shown, curve) = plt.subplots(1, 2, figsize=(4.6, 2.5), layout="constrained")
    draw_masks(shown, truth, probability, "probability:\n0.42 within, 0.33 around")
    curve.plot(THRESHOLDS, dice, marker=".")
    curve.set_title(f"punished: mean {np.mean(dice):.2f}\nforgiven: best {max(dice):.2f}")
    curve.set_xlabel("threshold", fontsize=8)
    curve.set_ylabel("Dice", fontsize=8)
    curve.tick_params(labelsize=7)
    for panel in (shown, curve):
        panel.title.set_fontsize(9)
    save(figure, "scores/thresholds.png")


def save(figure: Figure, name: str) -> None:
    """Write a picture of the how-to pages."""
    path = PAGES / "how-to" / name
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=80, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    draw_scores()
