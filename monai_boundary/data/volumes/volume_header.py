# SPDX-License-Identifier: Apache-2.0
"""What the header of a NIfTI, MHA, NRRD or picture file says of its voxels, without reading them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import nibabel
import numpy as np
import SimpleITK
from monai.config import PathLike

from monai_boundary._typing import DoubleArray
from monai_boundary.data.volumes.nifti_reader import NIFTI_SUFFIXES, affine_mm
from monai_boundary.data.volumes.slice_image import one_slice_affine, palette_indices

__all__ = ["VolumeHeader", "read_volume_header"]


class VolumeHeader(NamedTuple):
    """Shape and place of a file's voxels.

    Attributes:
        shape: voxels along x, y, z; an image of two dimensions has one slice.
        channels: values per voxel: of a vector image, or along a fourth axis.
        affine: 4 x 4, from voxels to mm (RAS).
        axes: how many the file has in space, 2 or 3.
    """

    shape: tuple[int, ...]
    channels: int
    affine: DoubleArray
    axes: int = 3


def read_volume_header(path: PathLike) -> VolumeHeader:
    """Return shape, number of channels and affine of a file.

    Args:
        path: of the file.

    Raises:
        ValueError: if its header cannot be read; the file is named.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/a.mha"
        >>> SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.zeros((5, 4, 3), np.uint8)), path)
        >>> read_volume_header(path)[:2]
        ((3, 4, 5), 1)
    """
    name = str(path)
    try:
        if not Path(name).is_file():
            raise FileNotFoundError("no such file")
        found = _nifti(name) if name.lower().endswith(NIFTI_SUFFIXES) else _itk(name)
        return (
            found if found.axes > 2 else found._replace(shape=(*found.shape, 1), affine=one_slice_affine(found.affine))
        )
    except (OSError, RuntimeError, ValueError, nibabel.filebasedimages.ImageFileError) as reason:
        why = (str(reason).strip().splitlines() or [""])[-1].strip()
        raise ValueError(f"`path` needs a readable image, got {name!r} ({type(reason).__name__}: {why}).") from reason


def _nifti(name: str) -> VolumeHeader:
    image = nibabel.load(name)
    shape = tuple(int(n) for n in image.shape)  # type: ignore[attr-defined]
    return VolumeHeader(shape[:3], int(np.prod(shape[3:])), affine_mm(image), min(len(shape), 3))


def _itk(name: str) -> VolumeHeader:
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(name)
    reader.ReadImageInformation()
    shape, ndim = reader.GetSize(), reader.GetDimension()
    space = min(ndim, 3)
    turn = np.asarray(reader.GetDirection()).reshape(ndim, ndim) * np.asarray(reader.GetSpacing())
    affine = np.eye(4)
    affine[:space, :space], affine[:space, 3] = turn[:space, :space], reader.GetOrigin()[:space]
    affine[:2] *= -1  # ITK's world is LPS
    channels = reader.GetNumberOfComponents() * int(np.prod(shape[3:]) if ndim > 3 else 1)
    channels = 1 if palette_indices(name) is not None else channels
    return VolumeHeader(tuple(int(n) for n in shape[:space]), int(channels), affine, space)
