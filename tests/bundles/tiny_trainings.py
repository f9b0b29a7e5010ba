# SPDX-License-Identifier: Apache-2.0
"""A training of seconds for every bundle: its options, and its data set."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from monai_boundary.data import (
    write_em_phantom,
    write_lesion_phantom,
    write_stroke_phantom,
    write_tumour_phantom,
)
from monai_boundary.data.phantoms.organ import write_organ_phantom

_UNET: dict[str, Any] = {"network_def::channels": [8, 16], "network_def::strides": [2]}
_STEPS: dict[str, Any] = {"epochs": 2, "iterations": 2, "batch_size": 2, "patch_size": [32, 32]}
# Three patients in three folds: two are trained on, and one is validated.
_PATIENTS: dict[str, Any] = {**_STEPS, "num_folds": 3}
_SOLID: dict[str, Any] = {**_PATIENTS, "epochs": 1, "patch_size": [16, 16, 16]}
OPTIONS: dict[str, dict[str, Any]] = {
    "em_neuron_boundary": {**_STEPS, **_UNET, "warmup_epochs": 1},
    "isles_stroke_boundary": {**_PATIENTS, **_UNET, "crops": 1, "cache": "disk"},
    "wmh_mri_boundary": {**_PATIENTS, **_UNET, "crops": 2, "epochs": 1},
    "brats_mri_boundary": {**_SOLID, "window": [32, 32, 16], "boundary_aware::channels": [8, 16]},
    "volume_boundary": {**_SOLID, "network_channels": [8, 16], "network_strides": [2]},
}
_WRITE = {
    "em_neuron_boundary": lambda folder: write_em_phantom(folder, shape=(6, 64, 64), seed=1),
    "isles_stroke_boundary": lambda folder: write_stroke_phantom(folder, patients=3, shape=(32, 32, 8)),
    "wmh_mri_boundary": lambda folder: write_lesion_phantom(folder, patients=3, shape=(32, 32, 8), imbalance=200),
    "brats_mri_boundary": lambda folder: write_tumour_phantom(folder, patients=3, shape=(32, 32, 16)),
    "volume_boundary": lambda folder: write_organ_phantom(folder, patients=3, shape=(32, 32, 16)),
}


def write_data(root: Path, bundles: Iterable[str] = tuple(OPTIONS)) -> dict[str, str]:
    """Return the data set of each bundle, written below ``root``."""
    found = {bundle: root / bundle for bundle in bundles}
    for bundle, folder in found.items():
        _WRITE[bundle](folder)
    return {bundle: str(folder) for bundle, folder in found.items()}
