# SPDX-License-Identifier: Apache-2.0
"""Segmentations by the mean probability of several networks: how much is left to gain without another loss?

``python -m tests.benchmarks.average_networks OUT FOLDER FOLDER ...`` takes the probabilities that
``inference.yaml --save_probability true`` of ``volume_boundary`` wrote, a folder for each network, and writes the
labels of the greatest mean; exclusive classes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nibabel
import numpy as np

ENDING = "_probability.nii.gz"


def main(out: Path, *folders: Path) -> None:
    """Average all cases of the first folder, which all others have too."""
    out.mkdir(parents=True, exist_ok=True)
    for file in sorted(folders[0].glob(f"*{ENDING}")):
        images = [nibabel.load(folder / file.name) for folder in folders]
        mean = np.mean([np.asarray(image.dataobj, dtype=np.float32) for image in images], axis=0)
        labels = mean.squeeze().argmax(-1).astype(np.uint8)
        name = f"{file.name.removesuffix(ENDING)}_seg.nii.gz"
        nibabel.save(nibabel.Nifti1Image(labels, images[0].affine), out / name)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
