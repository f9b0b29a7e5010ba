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

from monai_boundary.data.output_files import check_new_outputs, check_output_folder, file_stem
from monai_boundary.data.volumes.nifti_reader import NIFTI_SUFFIXES
from monai_boundary.data.volumes.nifti_writer import write_nifti
from monai_boundary.data.volumes.slice_image import write_slice
from monai_boundary.data.volumes.volume_header import read_volume_header
from monai_boundary.data.volumes.volume_items import PICTURE_SUFFIXES
from monai_boundary.workflows.volumes.orientation import native_turn


class SaveVolumesd(MapTransform):
    """Write segmentations as NIfTI on the grid of the input image: its voxels, and what its header says of its place.

    The files are ``{case}_{postfix}.nii.gz``; of data without ``case`` the first image's file names it, with the
    folders before it where another one already has that name. Of an image of two dimensions the files have two: they
    are ``.mha`` or ``.nrrd`` as it is, and ``.png`` (probabilities: ``.tif``) of a picture. Needs ``image`` with its
    affine and ``native_affine``, as :func:`~monai_boundary.workflows.volume_transforms` gives them; with
    ``native_header`` the files state the qform, the sform and the unit of the input. Any orientation and a single slice
    will do. Of several channels the last one is written, or all. A file appears under its name when it is whole.

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
        self._named: dict[str, str] = {}

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data as they came, after writing."""
        d = dict(data)
        native = np.asarray(d["native_affine"], dtype=np.float64).reshape(4, 4)
        turn = native_turn(np.asarray(d["image"].affine, dtype=np.float64), native)
        source = str(d["image"].meta.get("filename_or_obj", "")) if isinstance(d["image"], MetaTensor) else ""
        case = str(d["case"]) if "case" in d else case_of(source, self._named)
        for key, postfix, dtype in self.key_iterator(d, self.postfix, self.output_dtype):
            values = torch.as_tensor(d[key]).as_subclass(torch.Tensor).detach().cpu().float().numpy()
            turned = nibabel.apply_orientation(np.moveaxis(values, 0, -1), turn)
            turned = (np.rint(turned) if np.dtype(dtype).kind in "iu" else turned).astype(np.dtype(dtype))
            path = segmentation_path(self.output_dir, case, postfix, source, dtype)
            if self._written.setdefault(path, source) != source:
                raise ValueError(f"`case` needs to differ, got {case!r} of {self._written[path]} and of {source}.")
            turned = turned if self.all_channels and turned.shape[-1] > 1 else turned[..., -1]
            if path.name.endswith(NIFTI_SUFFIXES):
                write_nifti(path, turned, native, d.get("native_header"), overwrite=self.overwrite)
            else:
                write_slice(path, turned, native, overwrite=self.overwrite)
        return d


def segmentation_path(folder: Path, case: str, postfix: str, source: str = "", dtype: str = "uint8") -> Path:
    """Return the file of a case's segmentation: a picture of a picture, the same of a flat MHA or NRRD, else NIfTI."""
    if Path(case).name != case:
        raise ValueError(f"`case` needs a name that a file can have, got {case!r}.")
    low = source.lower()
    suffix = ".nii.gz"
    if low.endswith(PICTURE_SUFFIXES):
        suffix = ".png" if np.dtype(dtype).kind in "iu" else ".tif"
    elif low.endswith((".mha", ".mhd", ".nrrd", ".nhdr")) and read_volume_header(source).axes == 2:
        suffix = ".mha" if low.endswith((".mha", ".mhd")) else ".nrrd"
    return folder / f"{case}_{postfix}{suffix}"


def case_of(source: str, taken: dict[str, str]) -> str:
    """Return the name of a case that has none: that of its file, with folders before it where another has that name.

    Args:
        source: the file; "" for an image that has none.
        taken: name -> file, of the cases before; this one is added.

    Example:
        >>> taken = {}
        >>> [case_of(f"data/{name}/FLAIR.nii.gz", taken) for name in ("p07", "p26", "p07")]
        ['FLAIR', 'p26_FLAIR', 'FLAIR']
    """
    if not source:
        return "case"
    path = Path(source)
    name = file_stem(path)
    for folder in path.absolute().parent.parts[:0:-1]:
        if taken.setdefault(name, source) == source:
            break
        name = f"{folder}_{name}"
    return name


def check_segmentations(
    items: Sequence[Mapping[str, Any]],
    output_dir: str | os.PathLike[str],
    postfix: str | Sequence[str] = "lesions",
    overwrite: bool = False,
) -> None:
    """Check, before the work, that the segmentations of all items can be written and replace nothing.

    Args:
        items: the cases, with their names under ``case``, or else files under ``image``.
        output_dir: folder, made when missing.
        postfix: ends of the names, one for each key or for all.
        overwrite: whether files that were there before may be replaced.

    Raises:
        ValueError: if the folder cannot be written, two segmentations would have one name, or one is there already.
    """
    folder = check_output_folder(Path(output_dir))
    ends = [postfix] if isinstance(postfix, str) else postfix
    taken: dict[str, str] = {}
    planned: list[Path] = []
    for item in items:
        source = _first_file(item.get("image"))
        case = str(item["case"]) if "case" in item else case_of(source, taken)
        for end in ends:  # a mask or a probability
            kinds = [segmentation_path(folder, case, end, source, dtype) for dtype in ("uint8", "float32")]
            planned += dict.fromkeys(kinds)
    check_new_outputs(planned, overwrite)


def _first_file(image: Any) -> str:
    """The file whose name an image has after it was loaded: the first that is there."""
    files = [image] if isinstance(image, (str, os.PathLike)) else image if isinstance(image, (list, tuple)) else []
    return next((str(file) for file in files if file), "")
