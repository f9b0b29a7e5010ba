# SPDX-License-Identifier: Apache-2.0
"""The lesion phantom as stroke data on disk, in the layouts of ISLES 2022 and ISLES 2018."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from monai_boundary._typing import AnyArray, DoubleArray, FloatArray
from monai_boundary._validation import check_choice
from monai_boundary.data.phantoms.files import head_affine, write_once, write_volume
from monai_boundary.data.phantoms.lesion import LesionPhantom
from monai_boundary.data.volumes.isles2018 import isles2018_datalist
from monai_boundary.data.volumes.isles2022 import isles2022_datalist

__all__ = ["STROKE_MODALITIES", "write_stroke_phantom"]

STROKE_MODALITIES = {"isles2022": ("dwi", "adc", "flair"), "isles2018": ("cbf", "cbv", "mtt", "tmax")}
# strokes are larger and rarer than white-matter lesions, and vary more
_RECIPE: dict[str, Any] = {"imbalance": 250.0, "lesion_diameter_mm": 12.0, "lesion_spread": 0.6, "mimics": 4}


def write_stroke_phantom(
    directory: str | Path,
    *,
    layout: str = "isles2022",
    patients: int = 6,
    shape: tuple[int, int, int] = (64, 64, 24),
    seed: int = 0,
    **recipe: Any,
) -> list[dict[str, Any]]:
    """Draw phantoms with stroke lesions, write them as a data set, and return its datalist.

    In ISLES 2022's layout (BIDS) the FLAIR lies on a grid of its own, as real ones do: finer in the slice, thicker and
    tilted slices. In ISLES 2018's layout (names of the SMIR) all perfusion maps share the label's grid. Files are
    written once and whole, see :func:`~monai_boundary.data.write_lesion_phantom`.

    Args:
        directory: made when missing.
        layout: ``"isles2022"`` or ``"isles2018"``.
        patients: number of patients.
        shape: ``(x, y, z)`` of the label and of all images but the FLAIR.
        seed: seed of the phantoms; each patient has a stream of its own.
        recipe: fields of :class:`~monai_boundary.data.LesionPhantom` instead of those for strokes: ``imbalance``,
            ``lesion_diameter_mm``, ``lesion_spread``, ``contrast``, ``mimics``, ``noise``, ...

    Returns:
        The items of :func:`~monai_boundary.data.isles2022_datalist` or
        :func:`~monai_boundary.data.isles2018_datalist`, with all modalities.

    Raises:
        ValueError: if ``layout`` is another, ``patients`` is below 1, or ``directory`` holds patients that this
            function did not write.

    Example:
        >>> import tempfile
        >>> (item,) = write_stroke_phantom(tempfile.mkdtemp(), patients=1, shape=(32, 32, 8))
        >>> item["case"], Path(item["flair"]).name
        ('sub-strokecase0001_ses-0001', 'sub-strokecase0001_ses-0001_flair.nii.gz')
    """
    check_choice("layout", layout, tuple(STROKE_MODALITIES))
    if int(patients) != patients or patients < 1:
        raise ValueError(f"`patients` needs an integer >= 1, got {patients!r}.")
    phantom = LesionPhantom(shape=shape, **{**_RECIPE, **recipe})
    directory, modalities = Path(directory), STROKE_MODALITIES[layout]
    files = [_paths(directory, layout, k) for k in range(int(patients))]

    def write(k: int) -> None:
        images, label = phantom.draw_modalities(modalities, np.random.default_rng([seed, k]))
        affine = head_affine(phantom.shape, phantom.mm, oblique=k % 3 == 2)
        write_volume(files[k][-1], label.astype(np.uint16), affine)  # as the challenge stores them
        for path, (name, voxels) in zip(files[k], images.items(), strict=False):
            write_volume(path, *(_on_own_grid(voxels, affine) if name == "flair" else (voxels, affine)))

    recorded = {"layout": layout, "patients": int(patients), "seed": seed, "recipe": repr(phantom)}
    write_once(directory, recorded, files, write)
    reader = isles2022_datalist if layout == "isles2022" else isles2018_datalist
    return reader(directory, modalities=modalities)


def _paths(directory: Path, layout: str, patient: int) -> Sequence[Path]:
    """The files of a patient: the modalities, then the label."""
    if layout == "isles2022":
        case = f"sub-strokecase{patient + 1:04d}"
        folder, stem = Path(case) / "ses-0001", f"{case}_ses-0001"
        images = [directory / "rawdata" / folder / f"{stem}_{name}.nii.gz" for name in STROKE_MODALITIES[layout]]
        return [*images, directory / "derivatives" / folder / f"{stem}_msk.nii.gz"]
    folder = directory / "TRAINING" / f"case_{patient + 1}"
    names = [f"CT_{'Tmax' if name == 'tmax' else name.upper()}" for name in STROKE_MODALITIES[layout]]
    stems = [f"SMIR.Brain.XX.O.{name}.{345000 + 10 * patient + k}" for k, name in enumerate([*names, "OT"])]
    return [folder / stem / f"{stem}.nii.gz" for stem in stems]


def _on_own_grid(voxels: FloatArray, affine: DoubleArray) -> tuple[AnyArray, DoubleArray]:
    """Return the image on another grid: voxels of two thirds in the slice, thicker slices, tilted by 5 degrees."""
    steps = np.array([2 / 3, 2 / 3, 1.5])
    shape = np.ceil(np.array(voxels.shape) / steps).astype(int)
    tilt = np.deg2rad(5.0)
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    turned = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    # from voxels of the new grid to voxels of the old one, through millimetres; both have the same centre
    matrix = np.diag(1 / sizes) @ turned @ np.diag(sizes * steps)
    offset = (np.array(voxels.shape) - 1) / 2 - matrix @ ((shape - 1) / 2)
    moved = ndimage.affine_transform(voxels, matrix, offset, output_shape=tuple(shape), order=1)
    to_old = np.eye(4)
    to_old[:3, :3], to_old[:3, 3] = matrix, offset
    return moved.astype(np.float32), affine @ to_old
