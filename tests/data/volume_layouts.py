# SPDX-License-Identifier: Apache-2.0
"""Tiny data sets of volumes in every layout, made on the spot, for the tests of readers, inspection and bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import SimpleITK

SHAPE = (12, 10, 8)


def blob(seed: int, shape: tuple[int, ...] = SHAPE) -> tuple[np.ndarray, np.ndarray]:
    """An image, and a label of two boxes, 1 and 2, that share one face of 3 voxels by the depth less 4."""
    rng = np.random.default_rng(seed)
    label = np.zeros(shape, np.uint8)
    inner = tuple(slice(2, n - 2) for n in shape[2:])
    label[(slice(2, 5), slice(2, 5), *inner)] = 1
    label[(slice(5, 7), slice(2, 5), *inner)] = 2
    return (label * 50 + rng.normal(100, 5, shape)).astype(np.float32), label


def save(path: Path, voxels: np.ndarray, affine: np.ndarray | None = None) -> Path:
    """Write an image in the format of its suffix, at one place in the world whatever the format."""
    place = np.diag([1.0, 1.0, 2.0, 1.0]) if affine is None else affine
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith((".nii", ".nii.gz")):
        nibabel.Nifti1Image(voxels, place).to_filename(path)
        return path
    image = SimpleITK.GetImageFromArray(voxels.T)
    ndim = voxels.ndim
    world = place.copy()
    world[:2] *= -1
    sizes = np.linalg.norm(world[:ndim, :ndim], axis=0)
    image.SetSpacing(sizes.tolist())
    image.SetDirection((world[:ndim, :ndim] / sizes).ravel().tolist())
    image.SetOrigin(world[:ndim, 3].tolist())
    SimpleITK.WriteImage(image, str(path), True)
    return path


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def write_decathlon(root: Path, cases: int = 3, suffix: str = ".nii.gz", **changes: Any) -> Path:
    """The Decathlon's layout: one channel, classes front 1 and back 2."""
    entries = []
    for k in range(cases):
        image, label = blob(k)
        save(root / "imagesTr" / f"case_{k}{suffix}", image)
        save(root / "labelsTr" / f"case_{k}{suffix}", label)
        entries.append({"image": f"./imagesTr/case_{k}{suffix}", "label": f"./labelsTr/case_{k}{suffix}"})
    content = {
        "name": "boxes",
        "modality": {"0": "MRI"},
        "labels": {"0": "background", "1": "front", "2": "back"},
        "training": entries,
        "test": [],
    }
    write_json(root / "dataset.json", {**content, **changes})
    return root


def write_nnunet(
    root: Path,
    cases: Sequence[str] = ("a_1", "b_2", "c_3"),
    channels: Sequence[str] = ("T1", "FLAIR"),
    ending: str = ".nii.gz",
    labels: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Path:
    """nnU-Net's layout, version 2."""
    for n, case in enumerate(cases):
        image, label = blob(n)
        for k in range(len(channels)):
            save(root / "imagesTr" / f"{case}_{k:04d}{ending}", image + k)
        save(root / "labelsTr" / f"{case}{ending}", label)
    content = {
        "channel_names": {str(k): name for k, name in enumerate(channels)},
        "labels": labels or {"background": 0, "front": 1, "back": 2},
        "numTraining": len(cases),
        "file_ending": ending,
    }
    write_json(root / "dataset.json", {**content, **changes})
    return root


def write_pairs(root: Path, names: Sequence[str], images: str = "images", labels: str = "labels") -> Path:
    """Two folders; a name has its suffix."""
    for n, name in enumerate(names):
        image, label = blob(n)
        save(root / images / name, image)
        save(root / labels / name, label)
    return root
