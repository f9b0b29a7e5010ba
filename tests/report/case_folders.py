# SPDX-License-Identifier: Apache-2.0
"""Folders of tiny segmentations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np


def ball(shape: Sequence[int] = (12, 12, 8), centre: Sequence[float] = (5, 5, 4), radius: float = 3.0) -> Any:
    """Return a ball of ones, uint8."""
    grid = np.indices(shape) - np.reshape(centre, (-1, *(1,) * len(shape)))
    return (np.sqrt((grid**2).sum(axis=0)) <= radius).astype(np.uint8)


def write_nifti(
    path: Path, values: Any, spacing: Sequence[float] = (1.0, 1.0, 2.0), origin: Sequence[float] = (0, 0, 0)
) -> Path:
    """Write a segmentation with a plain affine."""
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = origin
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    return path


def write_cases(folder: Path, cases: Mapping[str, Any], end: str = ".nii.gz") -> Path:
    """Write a folder of segmentations by name."""
    for name, values in cases.items():
        write_nifti(folder / f"{name}{end}", values)
    return folder
