# SPDX-License-Identifier: Apache-2.0
"""Makes the network that comes with ``em_neuron_boundary``, from the labelled FlyEM FIB-25 sample of 110 sections.

    python bundles/train_em_network.py fib25.hdf WORK          # trains, scores, and writes models/
    python bundles/train_em_network.py fib25.hdf WORK --score  # scores on data that the training never saw, alone

The file is in CREMI's layout (``volumes/raw``, ``volumes/labels/neuron_ids``). Sections 0 to 83 are for learning, the
last 14 of them to choose the epoch; 8 sections are left out; 92 to 109 are the test, which chooses nothing. Two
trainings follow one another: a membrane of one voxel, then one of three, at last with the boundary-aware loss. Both can
be stopped and started again. What is written is half precision, with its SHA-256 and the settings that inference needs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import torch

BUNDLE = Path(__file__).resolve().parent / "em_neuron_boundary"
PARTS = {"learn.h5": (0, 84), "test.h5": (92, 110)}
COMMON = {
    "fold": 5,
    "num_folds": 6,
    "network_channels": [16, 32, 64, 128, 128],
    "patch_size": [128, 128],
    "batch_size": 4,
    "contour": "leak",
    "lr": 0.001,
    "val_interval": 5,
    "patience": 0,
}
FIRST = {"epochs": 25, "warmup_epochs": 25}
SECOND = {"epochs": 30, "warmup_epochs": 20, "membrane_thickness": 3.0}
KEPT = ("bundle", "spatial_dims", "network_channels", "patch_size", "overlap", "membrane_thickness", "architecture")


def cut(source: Path, work: Path) -> None:
    """Write the sections for learning and for the test to files of their own."""
    work.mkdir(parents=True, exist_ok=True)
    with h5py.File(source) as whole:
        for name, (first, last) in PARTS.items():
            with h5py.File(work / name, "w") as part:
                for dataset in ("volumes/raw", "volumes/labels/neuron_ids"):
                    made = part.create_dataset(dataset, data=whole[dataset][first:last], compression="gzip")
                    made.attrs["resolution"] = [10.0, 10.0, 10.0]


def run(config: str, **options: Any) -> None:
    """Run a configuration of the bundle in a process of its own."""
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    file = str(BUNDLE / "configs" / f"{config}.yaml")
    subprocess.run([sys.executable, "-m", "monai.bundle", "run", "--config_file", file, *words], check=True)


def train(work: Path) -> None:
    """Train twice: the second training starts where the first one ended, not at its best epoch."""
    data = {"dataset_dir": work / "learn.h5"}
    run("train", output_dir=work / "first", **data, **COMMON, **FIRST)
    ended = torch.load(work / "first" / "checkpoint.pt", weights_only=True)["network"]
    torch.save(ended, work / "first.pt")
    run("train", output_dir=work / "second", init_checkpoint=work / "first.pt", **data, **COMMON, **SECOND)


def ship(work: Path, models: Path) -> None:
    """Write the network in half precision, its hash, and the settings that inference takes from beside it."""
    models.mkdir(exist_ok=True)
    held = torch.load(work / "second" / "model.pt", weights_only=True)
    half = {name: value.half() if value.is_floating_point() else value for name, value in held.items()}
    torch.save(half, models / "model.pt")
    digest = hashlib.sha256((models / "model.pt").read_bytes()).hexdigest()
    (models / "model.pt.sha256").write_text(f"{digest}  model.pt\n", encoding="utf-8")
    settings = json.loads((work / "second" / "settings.json").read_text(encoding="utf-8"))
    kept = {name: settings[name] for name in KEPT if name in settings}
    (models / "settings.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def score(work: Path, models: Path) -> None:
    """Choose the threshold on the sections for learning, and score the file that is shipped on the test."""
    run(
        "evaluate",
        ckpt_path=models / "model.pt",
        output_dir=work / "scored",
        dataset_dir=work / "learn.h5",
        test_dir=work / "test.h5",
        fold=COMMON["fold"],
        num_folds=COMMON["num_folds"],
    )
    # the evaluation leaves its threshold in its own folder
    shutil.copyfile(work / "scored" / "model_evaluated.json", models / "model_evaluated.json")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("source", type=Path, help="the labelled sample, HDF5 in CREMI's layout")
    parser.add_argument("work", type=Path, help="folder of the trainings")
    parser.add_argument("--score", action="store_true", help="score the network that is there, train nothing")
    given = parser.parse_args()
    cut(given.source, given.work)
    if not given.score:
        train(given.work)
        ship(given.work, BUNDLE / "models")
    score(given.work, BUNDLE / "models")


if __name__ == "__main__":
    main()
