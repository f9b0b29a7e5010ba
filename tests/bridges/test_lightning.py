# SPDX-License-Identifier: Apache-2.0
"""The page's LightningModule in Lightning's own trainer."""

from __future__ import annotations

import csv
import runpy
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_boundary.transforms import SignedDistanceMap

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what it says while it is imported is its own affair
    lightning = pytest.importorskip("lightning", reason="lightning is not installed (extra `bridges`)")

pytestmark = pytest.mark.filterwarnings("ignore")


def item(seed: int) -> dict[str, torch.Tensor]:
    label = torch.zeros(1, 16, 16)
    label[:, 4 + seed : 10 + seed, 5:11] = 1
    noise = torch.rand(1, 16, 16, generator=torch.Generator().manual_seed(seed))
    return {"image": label + 0.3 * noise, "label": label, "sdm_label": SignedDistanceMap(num_classes=2)(label)}


def trained(module: Any, folder: Path, epochs: int, checkpoint: Path | None = None) -> list[dict[str, str]]:
    logger = lightning.pytorch.loggers.CSVLogger(folder, name="log", version=str(epochs))
    trainer = lightning.Trainer(
        default_root_dir=folder, accelerator="cpu", max_epochs=epochs, logger=logger, log_every_n_steps=1,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    loader = torch.utils.data.DataLoader([item(seed) for seed in range(4)], batch_size=2)
    trainer.fit(module, loader, ckpt_path=checkpoint)
    trainer.save_checkpoint(folder / "last.ckpt")
    with (folder / "log" / str(epochs) / "metrics.csv").open() as stream:
        return [row for row in csv.DictReader(stream) if row.get("weight/boundary_epoch")]


def test_terms_are_logged_and_the_schedule_goes_on(repo: Path, tmp_path: Path) -> None:
    name = repo / "docs" / "how-to" / "bridges" / "lightning_module.py"
    module = runpy.run_path(str(name))["BoundarySegmenter"]
    torch.manual_seed(0)
    first = trained(module(torch.nn.Conv2d(1, 2, 3, padding=1)), tmp_path, 2)
    assert [float(row["weight/boundary_epoch"]) for row in first] == pytest.approx([0.01, 0.02])
    assert {"loss/region_epoch", "loss/boundary_epoch"} <= first[0].keys()
    again = trained(module(torch.nn.Conv2d(1, 2, 3, padding=1)), tmp_path, 4, tmp_path / "last.ckpt")
    assert [float(row["weight/boundary_epoch"]) for row in again] == pytest.approx([0.03, 0.04])
    assert [float(row["weight/region_epoch"]) for row in again] == pytest.approx([0.98, 0.97])
