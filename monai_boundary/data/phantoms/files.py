# SPDX-License-Identifier: Apache-2.0
"""How the phantoms of patients get to disk: each file whole or not at all, and a finished data set only once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from monai_boundary._output_file import atomic_output
from monai_boundary._typing import AnyArray, DoubleArray

__all__ = ["head_affine", "write_once", "write_volume"]


def write_once(
    directory: Path, recorded: Mapping[str, Any], patients: Sequence[Sequence[Path]], write: Callable[[int], None]
) -> None:
    """Write a data set unless the folder already holds it, as recorded in ``phantom.json``.

    A run may be killed, repeated or resumed, and two processes may write at once.

    Args:
        directory: made when missing.
        recorded: the recipe; the same one is not written again, another one replaces the old files.
        patients: the files of each patient.
        write: called with each patient's number.

    Raises:
        ValueError: if ``directory`` holds other files than an earlier phantom's.
    """
    directory.mkdir(parents=True, exist_ok=True)
    note, text = directory / "phantom.json", json.dumps(recorded)
    if note.is_file() and note.read_text(encoding="utf-8") == text:
        return
    _remove_others(directory, {path for files in patients for path in files}, known=note.is_file())
    note.unlink(missing_ok=True)
    for k in range(len(patients)):
        write(k)
    # Written last: a killed run leaves no note, and the next one starts again.
    with atomic_output(note, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_volume(path: Path, voxels: AnyArray, affine: DoubleArray, qform_only: bool = False) -> None:
    """Write a NIfTI, whole or not at all; with its place in the qform alone where asked."""
    picture = nibabel.Nifti1Image(voxels, affine)
    if qform_only:
        picture.set_qform(affine, code=1)
        picture.set_sform(None, code=0)
    with atomic_output(path, overwrite=True) as temporary:
        picture.to_filename(temporary)


def head_affine(shape: Sequence[int], mm: Sequence[float], oblique: bool) -> DoubleArray:
    """From voxels to RAS+ mm, the head's centre at 0: stored as LAS, as most scanners' slices; or tilted."""
    affine = np.diag([-mm[0], mm[1], mm[2], 1.0])
    if oblique:
        nod, turn = np.deg2rad(14.0), np.deg2rad(6.0)
        about_x = np.array([[1, 0, 0], [0, np.cos(nod), -np.sin(nod)], [0, np.sin(nod), np.cos(nod)]])
        about_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
        affine[:3, :3] = about_z @ about_x @ affine[:3, :3]
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def _remove_others(directory: Path, wanted: set[Path], known: bool) -> None:
    """Remove the files of an earlier, larger phantom; what is not known to be a phantom stays."""
    others = [path for path in directory.rglob("*.nii.gz") if path not in wanted and not path.name.startswith(".")]
    if others and not known:
        raise ValueError(
            f"`directory` needs to be empty or to hold an earlier phantom, got {directory} with {others[0].name} in "
            f"{others[0].parent}."
        )
    for path in others:
        path.unlink(missing_ok=True)
    for folder in sorted((p for p in directory.rglob("*") if p.is_dir()), reverse=True):  # the inner ones first
        if not any(folder.iterdir()):
            folder.rmdir()
