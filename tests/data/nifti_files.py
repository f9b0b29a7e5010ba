# SPDX-License-Identifier: Apache-2.0
"""Real NIfTI files in the layouts of data sets, for the tests of the readers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np

OBLIQUE = np.array([[-1.9, -0.1, 0.5, 60.0], [-0.1, 1.9, -3.2, -50.0], [-0.1, 0.5, 7.3, -20.0], [0.0, 0.0, 0.0, 1.0]])
LAS = np.diag([-1.0, 1.0, 8.0, 1.0])
LPS = np.array([[-1.0, 0, 0, 0], [0, -1.0, 0, 5.0], [0, 0, 8.0, 0], [0, 0, 0, 1.0]])


def write(path: Path, voxels: Any = None, affine: np.ndarray = LAS, qform_only: bool = False) -> Path:
    """Write a volume (6 x 6 x 3 unless given); with its place in the qform alone where asked."""
    values = np.arange(6 * 6 * 3, dtype=np.float32).reshape(6, 6, 3) if voxels is None else np.asarray(voxels)
    image = nibabel.Nifti1Image(values, affine)
    if qform_only:
        image.set_qform(affine, code=1)
        image.set_sform(None, code=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.to_filename(path)
    return path


def label(*ids: int) -> np.ndarray:
    """A label of 6 x 6 x 3 that holds these ids and 0."""
    voxels = np.zeros((6, 6, 3), dtype=np.uint8)
    voxels[1, 1 : 1 + len(ids), 1] = ids
    return voxels
