# SPDX-License-Identifier: Apache-2.0
"""The tumour phantom as a data set on disk, in the layouts of BraTS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from monai_boundary._typing import AnyArray
from monai_boundary._validation import check_choice
from monai_boundary.data.phantoms.files import head_affine, write_once, write_volume
from monai_boundary.data.phantoms.tumour import TumourPhantom
from monai_boundary.data.volumes.brats import BRATS_MODALITIES, brats_datalist

__all__ = ["BRATS_LAYOUTS", "write_tumour_phantom"]

BRATS_LAYOUTS = ("brats2018", "brats2021", "brats2023")
_SUFFIXES = {
    "brats2018": ("t1ce", "t1", "t2", "flair", "seg"),
    "brats2021": ("t1ce", "t1", "t2", "flair", "seg"),
    "brats2023": ("t1c", "t1n", "t2w", "t2f", "seg"),
}
_FLIP_Y = np.diag([1.0, -1.0, 1.0, 1.0])  # BraTS stores LPS


def write_tumour_phantom(
    directory: str | Path,
    *,
    layout: str = "brats2021",
    patients: int = 6,
    shape: tuple[int, int, int] = (64, 64, 48),
    seed: int = 0,
    **recipe: Any,
) -> list[dict[str, Any]]:
    """Draw phantoms, write them as a data set, and return its datalist.

    Files are named and stored as in BraTS: int16 images in LPS orientation; until 2021 the enhancing tumour is 4 in a
    uint8 label, in 2023 it is 3, here in a float32 one (as resampled copies of it often are). Patients 3, 7, ... are
    low-grade: without enhancing tumour. Files are written once and whole, see
    :func:`~monai_boundary.data.write_lesion_phantom`.

    Args:
        directory: made when missing.
        layout: ``"brats2018"`` (``HGG/Brats18_P0_1/Brats18_P0_1_t1ce.nii.gz``), ``"brats2021"``
            (``BraTS2021_00000/BraTS2021_00000_t1ce.nii.gz``) or ``"brats2023"``
            (``BraTS-GLI-00000-000/BraTS-GLI-00000-000-t1c.nii.gz``). The voxels are the same in each.
        patients: number of patients.
        shape: ``(x, y, z)`` of each.
        seed: seed of the phantoms; each patient has a stream of its own.
        recipe: further arguments of :class:`~monai_boundary.data.TumourPhantom`; ``low_grade`` instead of the above.

    Returns:
        The items of :func:`~monai_boundary.data.brats_datalist` with all modalities.

    Raises:
        ValueError: if ``layout`` is another, ``patients`` is below 1, or ``directory`` holds patients that this
            function did not write.

    Example:
        >>> import tempfile
        >>> items = write_tumour_phantom(tempfile.mkdtemp(), patients=2, shape=(32, 32, 16))
        >>> [item["case"] for item in items], Path(items[0]["image"][0]).name
        (['BraTS2021_00000', 'BraTS2021_00001'], 'BraTS2021_00000_t1ce.nii.gz')
    """
    check_choice("layout", layout, BRATS_LAYOUTS)
    if int(patients) != patients or patients < 1:
        raise ValueError(f"`patients` needs an integer >= 1, got {patients!r}.")
    phantom, directory = TumourPhantom(shape=shape, **recipe), Path(directory)
    files = [_paths(directory, layout, k) for k in range(int(patients))]

    def write(k: int) -> None:
        own = recipe if "low_grade" in recipe else {**recipe, "low_grade": _is_low_grade(k)}
        scan = TumourPhantom(shape=shape, **own).draw(np.random.default_rng([seed, k]))
        affine = head_affine(phantom.shape, phantom.mm, oblique=False) @ _FLIP_Y
        affine[:3, 3] = -affine[:3, :3] @ ((np.array(phantom.shape) - 1) / 2)
        late = layout == "brats2023"
        label: AnyArray = np.where(scan.label == 4, 3, scan.label).astype(np.float32) if late else scan.label
        for path, voxels in zip(
            files[k], (*(np.rint(image).astype(np.int16) for image in scan[:4]), label), strict=True
        ):
            write_volume(path, np.ascontiguousarray(np.flip(voxels, 1)), affine)

    recorded = {
        "layout": layout,
        "patients": int(patients),
        "seed": seed,
        "recipe": repr(phantom),
        "given": sorted(recipe),
    }
    write_once(directory, recorded, files, write)
    return brats_datalist(directory, modalities=BRATS_MODALITIES)


def _is_low_grade(patient: int) -> bool:
    return patient % 4 == 3


def _paths(directory: Path, layout: str, patient: int) -> list[Path]:
    """The files of a patient: T1c, T1, T2, FLAIR and label."""
    grade = "LGG" if _is_low_grade(patient) else "HGG"
    folder, mark = {
        "brats2018": (directory / grade / f"Brats18_P{patient}_1", "_"),
        "brats2021": (directory / f"BraTS2021_{patient:05d}", "_"),
        "brats2023": (directory / f"BraTS-GLI-{patient:05d}-000", "-"),
    }[layout]
    return [folder / f"{folder.name}{mark}{suffix}.nii.gz" for suffix in _SUFFIXES[layout]]
