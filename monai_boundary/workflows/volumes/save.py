# SPDX-License-Identifier: Apache-2.0
"""Segmentations as files, on the grid of the input image."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import ensure_tuple_rep

from monai_boundary._typing import AnyArray, DoubleArray
from monai_boundary.data.output_files import check_new_outputs, check_output_folder
from monai_boundary.data.volumes.nifti_writer import write_nifti
from monai_boundary.ops.grid import SAME_GRID_VOXELS


class SaveVolumesd(MapTransform):
    """Write segmentations as NIfTI on the grid of the input image: its voxels, and what its header says of its place.

    The files are ``{case}_{postfix}.nii.gz``. Needs ``image`` with its affine, ``case`` and ``native_affine``, as
    :func:`~monai_boundary.workflows.volume_transforms` gives them; with ``native_header`` the files state the qform,
    the sform and the unit of the input. Any orientation and a single slice will do. Of several channels the last one
    is written, or all. A file appears under its name when it is whole.

    Args:
        keys: masks or probabilities, (C, x, y, z), on the grid of ``image``.
        output_dir: folder, made when missing.
        postfix: ends of the names, one for each key or for all.
        output_dtype: ``"uint8"`` for masks, ``"float32"`` for probabilities; one for each key or for all.
        all_channels: write every channel, (x, y, z, C) in the file, instead of the last one.
        allow_missing_keys: do not raise for keys that the data lacks.
        overwrite: whether files that were there before may be replaced. The output of another input that this
            transform wrote never is.

    Raises:
        ValueError: when called: if a file is there already, ``case`` is no name of a file, or ``image`` lies on
            another grid than ``native_affine`` says.
        OSError: when called, if a file cannot be written; it is named.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | os.PathLike[str],
        postfix: str | Sequence[str] = "lesions",
        output_dtype: str | Sequence[str] = "uint8",
        all_channels: bool = False,
        allow_missing_keys: bool = False,
        overwrite: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_dir = Path(output_dir)
        self.postfix = ensure_tuple_rep(postfix, len(self.keys))
        self.all_channels = all_channels
        self.output_dtype = ensure_tuple_rep(output_dtype, len(self.keys))
        self.overwrite = overwrite
        self._written: dict[Path, str] = {}  # -> the image that it belongs to

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data as they came, after writing."""
        d = dict(data)
        native = np.asarray(d["native_affine"], dtype=np.float64).reshape(4, 4)
        turn = _turn(np.asarray(d["image"].affine, dtype=np.float64), native)
        source = str(d["image"].meta.get("filename_or_obj", "")) if isinstance(d["image"], MetaTensor) else ""
        for key, postfix, dtype in self.key_iterator(d, self.postfix, self.output_dtype):
            values = torch.as_tensor(d[key]).as_subclass(torch.Tensor).detach().cpu().float().numpy()
            turned = nibabel.apply_orientation(np.moveaxis(values, 0, -1), turn)
            turned = (np.rint(turned) if np.dtype(dtype).kind in "iu" else turned).astype(np.dtype(dtype))
            path = segmentation_path(self.output_dir, str(d["case"]), postfix)
            if self._written.setdefault(path, source) != source:
                raise ValueError(f"`case` needs to differ, got {d['case']!r} of {self._written[path]} and of {source}.")
            turned = turned if self.all_channels and turned.shape[-1] > 1 else turned[..., -1]
            write_nifti(path, turned, native, d.get("native_header"), overwrite=self.overwrite)
        return d


def segmentation_path(folder: Path, case: str, postfix: str) -> Path:
    """Return the file of a case's segmentation."""
    if Path(case).name != case:
        raise ValueError(f"`case` needs a name that a file can have, got {case!r}.")
    return folder / f"{case}_{postfix}.nii.gz"


def check_segmentations(
    items: Sequence[Mapping[str, Any]],
    output_dir: str | os.PathLike[str],
    postfix: str | Sequence[str] = "lesions",
    overwrite: bool = False,
) -> None:
    """Check, before the work, that the segmentations of all items can be written and replace nothing.

    Args:
        items: the cases, with their names under ``case``.
        output_dir: folder, made when missing.
        postfix: ends of the names, one for each key or for all.
        overwrite: whether files that were there before may be replaced.

    Raises:
        ValueError: if the folder cannot be written, two segmentations would have one name, or one is there already.
    """
    folder = check_output_folder(Path(output_dir))
    ends = [postfix] if isinstance(postfix, str) else postfix
    check_new_outputs([segmentation_path(folder, str(item["case"]), end) for item in items for end in ends], overwrite)


def _turn(affine: DoubleArray, native: DoubleArray) -> AnyArray:
    """The flips and the permutation of axes (as nibabel's) that bring voxels with one affine to the grid of another."""
    steps = np.linalg.solve(native, affine)[:3, :3]
    axes = np.abs(steps).argmax(axis=0)
    turned = np.zeros((3, 3))
    turned[axes, range(3)] = np.sign(steps[axes, range(3)])
    if sorted(axes.tolist()) != [0, 1, 2] or np.abs(steps - turned).max() > SAME_GRID_VOXELS:
        raise ValueError(
            f"`image` needs the grid of `native_affine` {native.tolist()}, flipped or turned, got {affine.tolist()}."
        )
    return np.stack([axes, turned[axes, range(3)]], axis=1)
