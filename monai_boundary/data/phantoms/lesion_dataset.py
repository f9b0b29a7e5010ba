# SPDX-License-Identifier: Apache-2.0
"""The lesion phantom as a data set on disk, in the layout of the WMH 2017 challenge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from monai_boundary._typing import AnyArray, DoubleArray
from monai_boundary.data.phantoms.files import head_affine, write_once, write_volume
from monai_boundary.data.phantoms.lesion import LesionPhantom
from monai_boundary.data.phantoms.lesion_mask import mask_files
from monai_boundary.data.volumes.wmh import wmh_datalist

__all__ = ["write_lesion_phantom"]

SITES = ("SiteA", "SiteB")


def write_lesion_phantom(
    directory: str | Path,
    *,
    patients: int = 6,
    shape: tuple[int, int, int] = (64, 64, 24),
    seed: int = 0,
    lesion_masks: str | Path | None = None,
    **recipe: Any,
) -> list[dict[str, Any]]:
    """Draw phantoms, write them as a data set, and return its datalist.

    The files do what real ones do. Patients 2, 5, ... have oblique slices; the T1 of patients 1, 4, ... is stored in
    another orientation than their FLAIR (LPS and LAS, of the same shape); patients 1, 3, ... have a qform and no sform;
    patients 0, 4, ... have other pathology, label 2. Each file is written whole or not at all, and a folder that
    already holds the phantom of the same arguments is left as it is: a run may be killed, repeated or resumed, and two
    processes may write at once.

    Args:
        directory: where to write ``SiteA/0/pre/FLAIR.nii.gz``, ``SiteA/0/pre/T1.nii.gz``, ``SiteA/0/wmh.nii.gz``,
            ``SiteB/1/...``; made when missing.
        patients: number of patients, on two sites in turn.
        shape: ``(x, y, z)`` of each.
        seed: seed of the phantoms; each patient has a stream of its own.
        lesion_masks: a folder of masks of real patients (NIfTI); the first patient has the lesions of the first mask by
            name, and so on. No two patients have the same mask: some may be left over, none may be missing.
        recipe: further arguments of :class:`~monai_boundary.data.LesionPhantom`; ``other_pathology`` instead of the
            above.

    Returns:
        The items of :func:`~monai_boundary.data.wmh_datalist` with FLAIR and T1.

    Raises:
        ValueError: if ``patients`` is below 1 or above the number of masks, or ``directory`` holds patients that this
            function did not write.

    Example:
        >>> import tempfile
        >>> items = write_lesion_phantom(tempfile.mkdtemp(), patients=2, shape=(32, 32, 8))
        >>> [item["patient"] for item in items], [item["site"] for item in items]
        (['SiteA-0', 'SiteB-1'], ['SiteA', 'SiteB'])
    """
    if int(patients) != patients or patients < 1:
        raise ValueError(f"`patients` needs an integer >= 1, got {patients!r}.")
    masks = [] if lesion_masks is None else mask_files(lesion_masks)
    if masks and patients > len(masks):
        raise ValueError(f"`patients` needs at most the {len(masks)} masks of {lesion_masks}, got {patients}.")
    drawn: list[dict[str, Any]] = [{"lesion_mask": str(mask)} for mask in masks] or [{}] * int(patients)
    phantom = LesionPhantom(shape=shape, **recipe, **drawn[0])
    directory = Path(directory)

    def write(k: int) -> None:
        own = recipe if "other_pathology" in recipe else {**recipe, "other_pathology": k % 4 == 0}
        _write_patient(_paths(directory, k), LesionPhantom(shape=shape, **own, **drawn[k]), seed, k)

    recorded = {"patients": int(patients), "seed": seed, "recipe": repr(phantom), "given": sorted(recipe)}
    if masks:
        recorded["lesion_masks"] = [str(mask) for mask in masks[: int(patients)]]
    write_once(directory, recorded, [_paths(directory, k) for k in range(int(patients))], write)
    return wmh_datalist(directory)


def _paths(directory: Path, patient: int) -> tuple[Path, Path, Path]:
    folder = directory / SITES[patient % len(SITES)] / str(patient)
    return folder / "pre" / "FLAIR.nii.gz", folder / "pre" / "T1.nii.gz", folder / "wmh.nii.gz"


def _write_patient(paths: tuple[Path, Path, Path], phantom: LesionPhantom, seed: int, patient: int) -> None:
    scan = phantom.draw(np.random.default_rng([seed, patient]))
    affine = head_affine(phantom.shape, phantom.mm, oblique=patient % 3 == 2)
    grids: list[tuple[AnyArray, DoubleArray]] = [(scan.flair, affine), (scan.t1, affine), (scan.label, affine)]
    if patient % 3 == 1:
        grids[1] = _flipped(scan.t1, affine, axis=1)
    for path, (voxels, place) in zip(paths, grids, strict=True):
        write_volume(path, voxels, place, qform_only=patient % 2 == 1)


def _flipped(voxels: AnyArray, affine: DoubleArray, axis: int) -> tuple[AnyArray, DoubleArray]:
    """Return the same image stored the other way round along an axis."""
    place = affine.copy()
    place[:3, 3] += affine[:3, axis] * (voxels.shape[axis] - 1)
    place[:3, axis] *= -1
    return np.ascontiguousarray(np.flip(voxels, axis)), place
