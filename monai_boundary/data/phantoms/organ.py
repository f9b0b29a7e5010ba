# SPDX-License-Identifier: Apache-2.0
"""An organ in two touching parts with a core in one of them, as a data set in the Decathlon's layout."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from monai_boundary._output_file import atomic_output
from monai_boundary._typing import FloatArray, UInt8Array
from monai_boundary._validation import check_spacing
from monai_boundary.data.phantoms.files import head_affine, write_once, write_volume
from monai_boundary.data.phantoms.smooth_noise import smooth_noise

__all__ = ["draw_organ", "write_organ_phantom"]

ORGAN_LABELS = {"0": "background", "1": "anterior", "2": "posterior"}
_GREY = (0.35, 0.75, 0.6)  # background, anterior, posterior


def write_organ_phantom(
    directory: str | Path,
    *,
    patients: int = 12,
    shape: tuple[int, int, int] = (32, 40, 24),
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.5),
    seed: int = 0,
) -> Path:
    """Draw phantoms and write them with a ``dataset.json``; a folder that holds the same ones is left as it is.

    Args:
        directory: where to write ``dataset.json``, ``imagesTr/organ_00.nii.gz``, ``labelsTr/organ_00.nii.gz`` and so
            on; made when missing.
        patients: number of patients.
        shape: ``(x, y, z)``, voxels.
        spacing: mm per voxel.
        seed: of the phantoms; each patient has a stream of its own.

    Returns:
        The folder.

    Raises:
        ValueError: if ``patients`` is below 1, or ``directory`` holds volumes that this function did not write.

    Example:
        >>> import tempfile
        >>> folder = write_organ_phantom(tempfile.mkdtemp(), patients=2, shape=(16, 16, 8))
        >>> sorted(path.name for path in folder.rglob("*") if path.is_file())[:2]
        ['dataset.json', 'organ_00.nii.gz']
    """
    if int(patients) != patients or patients < 1:
        raise ValueError(f"`patients` needs an integer >= 1, got {patients!r}.")
    mm = check_spacing(spacing, 3)
    folder = Path(directory)
    files = [[folder / part / f"organ_{k:02d}.nii.gz" for part in ("imagesTr", "labelsTr")] for k in range(patients)]
    affine = head_affine(shape, mm, oblique=False)

    def write(k: int) -> None:
        image, label = draw_organ(shape, mm, np.random.default_rng([seed, k]))
        write_volume(files[k][0], image, affine)
        write_volume(files[k][1], label, affine)

    recorded = {"organ": int(patients), "shape": list(shape), "spacing": list(mm), "seed": seed}
    write_once(folder, recorded, files, write)
    listed = [{"image": f"./imagesTr/{image.name}", "label": f"./labelsTr/{image.name}"} for image, _ in files]
    described = {"name": "Organ phantom", "modality": {"0": "MRI"}, "labels": ORGAN_LABELS, "training": listed}
    place, text = folder / "dataset.json", json.dumps(described, indent=1)
    if not place.is_file() or place.read_text(encoding="utf-8") != text:  # another run may be reading it
        with atomic_output(place, overwrite=True) as part:
            part.write_text(text, encoding="utf-8")
    return folder


def draw_organ(
    shape: tuple[int, int, int], mm: tuple[float, ...], rng: np.random.Generator
) -> tuple[FloatArray, UInt8Array]:
    """Return image and label of one patient: an ellipsoid with a bumpy border, cut in two by a bent plane.

    Args:
        shape: ``(x, y, z)``, voxels.
        mm: size of a voxel along each axis.
        rng: is advanced.

    Returns:
        Image, float32, in that patient's own units; label, uint8: 1 the anterior (+y), 2 the posterior part.

    Example:
        >>> image, label = draw_organ((16, 16, 8), (1.0, 1.0, 2.0), np.random.default_rng(0))
        >>> image.dtype.name, sorted(set(label.flat)) == [0, 1, 2]
        ('float32', True)
    """
    size = np.asarray(shape) * np.asarray(mm)
    axes = [(np.arange(n) + 0.5) * s - n * s / 2 for n, s in zip(shape, mm, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    radii = size * rng.uniform(0.26, 0.34, 3)
    centre = size * rng.uniform(-0.08, 0.08, 3)
    scale = tuple(float(s / 4 / m) for s, m in zip(size, mm, strict=True))
    reach = np.sqrt(sum(((c - m) / r) ** 2 for c, m, r in zip((x, y, z), centre, radii, strict=True)))
    inside = reach + 0.12 * smooth_noise(rng, shape, scale) < 1
    bend = (y - centre[1]) / radii[1] - rng.uniform(-0.2, 0.2) + 0.15 * smooth_noise(rng, shape, scale)
    label = np.where(inside, np.where(bend > 0, 1, 2), 0).astype(np.uint8)
    image = np.asarray(_GREY, np.float32)[label] + 0.08 * smooth_noise(rng, shape, scale)
    image += 0.06 * rng.standard_normal(shape, dtype=np.float32)
    return (rng.uniform(200, 900) * image).astype(np.float32), label
