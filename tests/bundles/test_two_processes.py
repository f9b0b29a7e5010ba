# SPDX-License-Identifier: Apache-2.0
"""The bundles by torchrun: two processes on the CPU train the network that one process trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from monai_boundary.data import write_em_phantom, write_stroke_phantom
from monai_boundary.workflows.runs.results import read_table
from tests.bundles import bundle_runs
from tests.handlers.tracking.mlflow_server import free_port

pytestmark = pytest.mark.slow
FILES = ["train.yaml", "multi_gpu_train.yaml"]
EM: dict[str, Any] = {"epochs": 2, "warmup_epochs": 1, "iterations": 2, "batch_size": 2, "patch_size": "[32,32]"}
ISLES: dict[str, Any] = {
    "epochs": 1,
    "iterations": 3,
    "crops": 2,
    "batch_size": 4,
    "patch_size": "[32,32]",
    "network_def::channels": "[8,16]",
    "network_def::strides": "[2]",
    "num_folds": 2,
}


def torchrun(where: Path, bundle: str, **options: Any) -> str:
    """Train with two processes, and return what they printed."""
    place = ["--nproc_per_node=2", "--master_addr=127.0.0.1", f"--master_port={free_port()}"]
    arguments = bundle_runs.command(bundle, FILES, **options)
    return bundle_runs.call(["-m", "torch.distributed.run", *place, *arguments], where)


def test_two_processes_train_one_membrane_network(tmp_path: Path) -> None:
    write_em_phantom(tmp_path / "data", shape=(6, 64, 64), seed=1)
    torchrun(tmp_path, "em_neuron_boundary", **EM, dataset_dir=tmp_path / "data", output_dir=tmp_path)
    rows = read_table(tmp_path / "metrics.csv")
    assert [row["epoch"] for row in rows] == [1, 2]
    assert all(np.isfinite(row["cremi_score"]) for row in rows)
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    assert not any(name.startswith("module.") for name in state), "it loads without DDP"


def test_two_processes_train_one_lesion_network(tmp_path: Path) -> None:
    write_stroke_phantom(tmp_path / "data", patients=3, shape=(32, 32, 8))
    # two patients for validation: each process needs one
    torchrun(tmp_path, "isles_stroke_boundary", **ISLES, dataset_dir=tmp_path / "data", output_dir=tmp_path)
    (row,) = read_table(tmp_path / "metrics.csv")
    assert np.isfinite(row["dice"])
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    assert not any(name.startswith("module.") for name in state), "it loads without DDP"
