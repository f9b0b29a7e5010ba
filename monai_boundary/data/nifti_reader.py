# SPDX-License-Identifier: Apache-2.0
"""NIfTI files that cannot be read, and those of one patient that do not fit together, by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from monai.config import PathLike
from monai.data import NibabelReader
from monai.utils import ensure_tuple

from monai_boundary._typing import AnyArray

__all__ = ["NiftiReader", "check_nifti_grids"]

# what nibabel, gzip and the file system raise for files that are missing, truncated, damaged or none
_UNREADABLE = (nibabel.filebasedimages.ImageFileError, OSError, EOFError, ValueError, OverflowError)
_SAME_PLACE_MM = 1e-2


class NiftiReader(NibabelReader):
    """MONAI's reader of NIfTI files, which says what file cannot be read, and which of a list does not fit the first.

    ``LoadImaged(keys, reader=NiftiReader)`` (or its dotted path, in a bundle). A truncated ``.nii.gz`` opens without
    complaint and fails when its voxels are wanted, with an error that names no file; this one does.

    Args:
        channel_dim: see MONAI's ``NibabelReader``, as all others.
        as_closest_canonical: see ``channel_dim``.
        squeeze_non_spatial_dims: see ``channel_dim``.
        to_gpu: see ``channel_dim``.

    Raises:
        ValueError: when a file is read.

    Example:
        >>> NiftiReader().read("missing.nii.gz")
        Traceback (most recent call last):
        ...
        ValueError: `filename` needs a readable NIfTI file, got 'missing.nii.gz' (FileNotFoundError: ...
    """

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> Any:
        """Open a file or some."""
        names = ensure_tuple(data)
        for name in names:
            _opened(name)
        if len(names) > 1:
            check_nifti_grids({str(name): str(name) for name in names})
        return super().read(data, **kwargs)

    def get_data(self, img: Any) -> tuple[AnyArray, dict[str, Any]]:
        """Return voxels and meta data."""
        try:
            return super().get_data(img)
        except _UNREADABLE as error:
            for one, name in zip(ensure_tuple(img), self.filenames, strict=True):
                try:
                    np.asanyarray(one.dataobj)
                except _UNREADABLE as reason:
                    raise _unreadable(name, reason) from reason
            raise error


def check_nifti_grids(files: dict[str, str]) -> None:
    """Check by their headers that NIfTI files can be opened and share one grid: shape, and affine to 0.01 mm.

    Args:
        files: what each is -> path.

    Raises:
        ValueError: naming the file, and the other one that it does not fit.
    """
    first: tuple[str, Any] | None = None
    for what, path in files.items():
        image = _opened(path)
        if first is None:
            first = what, image
            continue
        name, other = first
        if image.shape != other.shape:
            raise ValueError(
                f"{what!r} needs the shape of {name!r}, {tuple(other.shape)}, got {tuple(image.shape)} in {path}."
            )
        apart = float(np.abs(image.affine - other.affine).max())
        if not apart <= _SAME_PLACE_MM:
            raise ValueError(
                f"{what!r} needs the affine of {name!r}, got one that differs by {apart:.4g} in {path}: bring both to "
                "one grid (`Orientation`, `ResampleToMatch`) and save them again."
            )


def _opened(path: PathLike) -> Any:
    try:
        return nibabel.load(Path(path))
    except _UNREADABLE as reason:
        raise _unreadable(path, reason) from reason


def _unreadable(path: PathLike, reason: BaseException) -> ValueError:
    return ValueError(f"`filename` needs a readable NIfTI file, got {str(path)!r} ({type(reason).__name__}: {reason}).")
