# SPDX-License-Identifier: Apache-2.0
"""A folder of truths, and a copy that is wrong in a known way: ``python tests/benchmarks/perturb_labels.py FROM TO``.

Classes (NIfTI) are moved by a voxel along an axis that is drawn for each case, and where there are more than three
components, one in four is left out. Ids of objects (TIF) are moved by a voxel along the last axis; of ten one joins the
next id, one is cut in two at its middle, and one is left out. What is moved out at one side comes in at the other.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nibabel
import numpy as np
import tifffile
from scipy import ndimage

SEED = 0


def perturbed_classes(labels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Return classes (x, y, z), moved and with components left out."""
    moved = np.roll(labels, 1, axis=int(draw.integers(0, 3)))
    components, count = ndimage.label(moved > 0)
    if count > 3:
        moved[np.isin(components, draw.choice(np.arange(1, count + 1), count // 4, replace=False))] = 0
    return moved


def perturbed_ids(ids: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Return ids of objects, moved, joined, cut and left out."""
    moved = np.roll(ids, 1, axis=-1)
    present = draw.permutation(np.unique(moved[moved > 0]))
    new = int(moved.max()) + 1
    for number, which in enumerate(present[: len(present) // 10 * 3]):
        mask = moved == which
        if number % 3 == 0:
            moved[mask] = 0
        elif number % 3 == 1:
            moved[mask] = present[-1 - number]
        else:
            rows = np.indices(ids.shape)[0]
            moved[mask & (rows > np.median(rows[mask]))] = new
            new += 1
    return moved


def main(source: str, target: str, pattern: str = "*") -> None:
    """Write the copy of every file below ``source`` whose name fits the pattern."""
    draw, out = np.random.default_rng(SEED), Path(target)
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(Path(source).rglob(pattern)):
        if path.name.endswith(".nii.gz"):
            image = nibabel.load(path)
            labels = np.rint(np.asarray(image.dataobj)).astype(np.uint8)
            name = path.parent.name if path.name == "lesion.nii.gz" else path.name.removesuffix(".nii.gz")
            moved = nibabel.Nifti1Image(perturbed_classes(labels, draw), image.affine)
            nibabel.save(moved, out / f"{name}_pred.nii.gz")
        elif path.suffix == ".tif":
            tifffile.imwrite(out / path.name, perturbed_ids(tifffile.imread(path), draw), photometric="minisblack")


if __name__ == "__main__":
    main(*sys.argv[1:])
