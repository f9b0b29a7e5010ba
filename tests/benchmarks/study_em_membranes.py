# SPDX-License-Identifier: Apache-2.0
"""What BALoss adds on real EM: the bundle, trained further from one cross-entropy network per seed.

    python tests/benchmarks/study_em_membranes.py run --dataset_dir DATA --output_dir OUT
    python tests/benchmarks/study_em_membranes.py table --output_dir OUT

Every arm of a seed starts from the same network, sees the same crops and has the same further budget. A cell that is
finished (it has a ``cell.json``) is kept, so a killed study goes on where it was. ``table`` writes ``study.csv``,
``study.json`` and ``study.md``: mean and standard deviation over the seeds, and the paired differences to the arm
without BALoss.
"""

from __future__ import annotations

import csv
import json
import logging
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fire
import matplotlib.pyplot as plt
import monai
import torch

from monai_boundary.workflows import find_bundle_root

ARMS: dict[str, dict[str, Any]] = {
    "cross-entropy": {"alpha": 0.0},
    "per_region, thin": {"alpha": 1.0, "contour": "per_region"},
    "per_region, 7 wide": {"alpha": 1.0, "contour": "per_region", "contour_width": 7},
    "partition, thin": {"alpha": 1.0, "contour": "partition"},
    "partition, 7 wide": {"alpha": 1.0, "contour": "partition", "contour_width": 7},
    "leak, alpha 1": {"alpha": 1.0, "contour": "leak"},
    "leak, alpha 0.1": {"alpha": 0.1, "contour": "leak"},
}
BASE = "cross-entropy"
COLUMNS = {
    "VOI split at 0.5": ("fixed_threshold", "voi_split"),
    "VOI merge at 0.5": ("fixed_threshold", "voi_merge"),
    "ARI at 0.5": ("fixed_threshold", "ari"),
    "CREMI at 0.5": ("fixed_threshold", "cremi_score"),
    "CREMI at the training part's best": ("best_training_threshold", "cremi_score"),
    "ARI at the training part's best": ("best_training_threshold", "ari"),
    "CREMI area": ("validation", "area", "cremi_score"),
    "ARI area": ("validation", "area", "ari"),
}


def _config(name: str) -> str:
    return str(Path(find_bundle_root("em_neuron_boundary")) / "configs" / name)


def _train(folder: Path, dataset_dir: str, seed: int, iterations: int, common: dict[str, Any], **options: Any) -> Path:
    """Train one network for ``iterations`` steps, validated at the end only; return the network of the last step."""
    epochs = max(1, iterations // 100)
    monai.bundle.run(
        config_file=_config("train.yaml"),
        dataset_dir=dataset_dir,
        output_dir=str(folder),
        seed=seed,
        iterations=min(100, iterations),
        epochs=epochs,
        val_interval=epochs,
        pictures_interval=epochs,
        warmup_epochs=0,
        patience=0,
        **common,
        **options,
    )
    return folder / "model.pt"


def _cell_name(arm: str) -> str:
    return arm.replace(", ", "_").replace(" ", "_")


def run(
    dataset_dir: str,
    output_dir: str,
    seeds: Sequence[int] = (0, 1, 2),
    arms: Sequence[str] = tuple(ARMS),
    warmup: int = 1200,
    further: int = 400,
    batch_size: int = 2,
    lr: float = 0.001,
) -> None:
    """Train and evaluate every missing cell; seeds first, so that an interrupted study has whole seeds."""
    logging.basicConfig(level=logging.INFO)
    root, common = Path(output_dir), {"batch_size": batch_size, "patch_size": [192, 192], "lr": lr}
    for seed in seeds:
        start = root / f"seed{seed}" / "start"
        if not (start / "model.pt").exists():
            _train(start, dataset_dir, seed, warmup, common, alpha=0.0)
        for arm in arms:
            folder = root / f"seed{seed}" / _cell_name(arm)
            if (folder / "cell.json").exists():
                continue
            began = time.perf_counter()
            options = {**common, "init_checkpoint": str(start / "model.pt"), **ARMS[arm]}
            _train(folder, dataset_dir, seed, further, options)
            seconds = time.perf_counter() - began
            monai.bundle.run(
                config_file=_config("evaluate.yaml"),
                dataset_dir=dataset_dir,
                output_dir=str(folder),
                method="components",  # as the page's scores are
                pictures=2,
            )
            cell = {"arm": arm, "seed": seed, "training_seconds": seconds, "further": further, "warmup": warmup}
            (folder / "cell.json").write_text(json.dumps({**cell, **common, **ARMS[arm]}), encoding="utf-8")


def _cells(root: Path) -> list[dict[str, Any]]:
    rows = []
    for path in sorted(root.glob("seed*/*/cell.json")):
        row = json.loads(path.read_text(encoding="utf-8"))
        scores = json.loads((path.parent / "evaluation" / "evaluation.json").read_text(encoding="utf-8"))
        for name, keys in COLUMNS.items():
            value: Any = scores
            for key in keys:
                value = value[key]
            row[name] = float("nan") if value is None else value
        row["threshold"] = scores["best_training_threshold"]["threshold"]
        rows.append(row)
    return rows


def table(output_dir: str) -> None:
    """Write all finished cells as CSV and JSON, their table as Markdown, and the threshold curves as a picture."""
    root = Path(output_dir)
    rows = _cells(root)
    if not rows:
        raise SystemExit(f"no finished cell in {root}")
    with (root / "study.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(k for row in rows for k in row)))
        writer.writeheader()
        writer.writerows(rows)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    about = {"commit": commit.stdout.strip(), "torch": torch.__version__, "threads": torch.get_num_threads()}
    (root / "study.json").write_text(json.dumps({"about": about, "cells": rows}, indent=1), encoding="utf-8")
    shown = ["CREMI at 0.5", "CREMI at the training part's best", "CREMI area", "ARI area"]
    parts = [
        _markdown(rows, [c for c in COLUMNS if "0.5" in c]),
        _markdown(rows, [c for c in COLUMNS if "0.5" not in c]),
    ]
    parts.append(_differences(rows, shown))
    (root / "study.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    _draw_curves(root, rows)
    logging.getLogger(__name__).info("wrote %s and study.png", root / "study.md")


def _draw_curves(root: Path, rows: list[dict[str, Any]]) -> None:
    """Draw ARI and CREMI score against the threshold, the mean over the seeds of every arm (the paper's Fig. 6)."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), constrained_layout=True)
    for column, axis in zip(("ari", "cremi_score"), axes, strict=True):
        for arm in ARMS:
            curves = []
            for row in rows:
                if row["arm"] != arm:
                    continue
                place = root / f"seed{row['seed']}" / _cell_name(arm) / "evaluation" / "threshold_curve.csv"
                with place.open(newline="", encoding="utf-8") as file:
                    points = [point for point in csv.DictReader(file) if point["part"] == "validation"]
                thresholds = [float(point["threshold"]) for point in points]
                curves.append([float(point[column]) for point in points])
            if curves:
                mean = [statistics.mean(values) for values in zip(*curves, strict=True)]
                axis.plot(thresholds, mean, "k--" if arm == BASE else "-", label=arm)
        axis.set_xlabel("threshold on the membrane's probability")
        axis.set_ylabel({"ari": "ARI (higher is better)", "cremi_score": "CREMI score (lower is better)"}[column])
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    figure.savefig(root / "study.png", dpi=110)


def _of(rows: list[dict[str, Any]], arm: str, column: str) -> dict[int, float]:
    return {row["seed"]: row[column] for row in rows if row["arm"] == arm}


def _spread(values: Sequence[float]) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else float("nan")
    return f"{statistics.mean(values):.3f} ± {deviation:.3f}"


def _markdown(rows: list[dict[str, Any]], columns: Sequence[str]) -> str:
    lines = ["| arm | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for arm in ARMS:
        if _of(rows, arm, columns[0]):
            lines.append(f"| {arm} | " + " | ".join(_spread([*_of(rows, arm, c).values()]) for c in columns) + " |")
    return "\n".join(lines)


def _differences(rows: list[dict[str, Any]], columns: Sequence[str]) -> str:
    """Return the paired differences to the base arm: mean, and in brackets that of every seed."""
    lines = ["| difference to cross-entropy | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for arm in ARMS:
        cells = []
        for column in columns:
            ours, base = _of(rows, arm, column), _of(rows, BASE, column)
            pairs = [ours[seed] - base[seed] for seed in sorted(ours.keys() & base.keys())]
            if pairs:
                cells.append(f"{statistics.mean(pairs):+.3f} ({', '.join(f'{d:+.3f}' for d in pairs)})")
        if arm != BASE and cells:
            lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    fire.Fire({"run": run, "table": table})
