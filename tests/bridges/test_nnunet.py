# SPDX-License-Identifier: Apache-2.0
"""nnU-Net's own command trains the trainer of the page, where nnU-Net is installed (extra `bridges`)."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("nnunetv2") is None, reason="nnunetv2 is not installed"),
    pytest.mark.timeout(1800),  # it starts processes that import all of it anew, for planning and for each part of it
]
NNUNET = "import sys; from nnunetv2.{} import {} as run; run()"
SHORT = """
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from boundary_trainer import nnUNetTrainerBoundary


class nnUNetTrainerBoundaryShort(nnUNetTrainerBoundary):
    def __init__(self, plans, configuration, fold, dataset_json, device):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs, self.num_iterations_per_epoch, self.num_val_iterations_per_epoch = 1, 3, 1
"""


def write_cases(folder: Path) -> None:
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for case in range(5):
        label = np.zeros((24, 28, 20), np.uint8)
        label[6 + case : 14 + case, 8:18, 5:12] = 1
        label[14 + case : 18 + case, 8:18, 5:12] = 2
        image = (label + 0.2 * rng.standard_normal(label.shape)).astype(np.float32)
        affine = np.diag([1.0, 1.0, 1.5, 1.0])
        nibabel.save(nibabel.Nifti1Image(image, affine), folder / "imagesTr" / f"c{case}_0000.nii.gz")
        nibabel.save(nibabel.Nifti1Image(label, affine), folder / "labelsTr" / f"c{case}.nii.gz")
    content = {"channel_names": {"0": "MRI"}, "labels": {"background": 0, "a": 1, "b": 2}, "numTraining": 5}
    (folder / "dataset.json").write_text(json.dumps({**content, "file_ending": ".nii.gz"}))


def test_nnunet_trains_with_maps_of_whole_cases(tmp_path: Path, repo: Path) -> None:
    write_cases(tmp_path / "raw" / "Dataset901_Boxes")
    trainers = tmp_path / "trainers"
    trainers.mkdir()
    source = repo / "docs" / "how-to" / "nnunet" / "boundary_trainer.py"
    (trainers / "boundary_trainer.py").write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    (trainers / "short.py").write_text(SHORT)
    environment = {
        **os.environ,
        **{f"nnUNet_{name}": str(tmp_path / name) for name in ("raw", "preprocessed", "results")},
        "nnUNet_extTrainer": str(trainers),
        "nnUNet_n_proc_DA": "1",  # the planner needs one
        "PYTHONPATH": os.pathsep.join([str(trainers), str(repo)]),
    }

    def run(module: str, name: str, *words: str) -> str:
        command = [sys.executable, "-c", NNUNET.format(module, name), *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    plan = "experiment_planning.plan_and_preprocess_entrypoints"
    run(plan, "plan_and_preprocess_entry", "-d", "901", "-c", "3d_fullres", "-np", "1", "-npfp", "1")
    environment["nnUNet_n_proc_DA"] = "0"  # batches are made in the process that trains, by what nnUNetv2_train calls
    words = ("901", "3d_fullres", "0", "-device", "cpu", "-tr", "nnUNetTrainerBoundaryShort")
    said = run("run.run_training", "run_training_entry", *words)
    assert "region " in said
    assert ", boundary " in said
    assert "Mean Validation Dice" in said  # whole cases, without the channels of the maps
    maps = sorted((tmp_path / "preprocessed" / "Dataset901_Boxes" / "3d_fullres_signed_distance").glob("*.npy"))
    assert len(maps) == 5
    label = np.load(maps[0])
    assert label.shape[0] == 2
    assert float(label[0].min()) == pytest.approx(-3.5, abs=0.01)  # the box of 8 x 10 x 7 voxels of 1, 1, 1.5 mm
