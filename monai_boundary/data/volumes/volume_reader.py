# SPDX-License-Identifier: Apache-2.0
"""NIfTI, MHA, NRRD and pictures by one reader: the same array and affine from each; a damaged file is named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import SimpleITK
from monai.config import PathLike
from monai.data import ImageReader
from monai.data.utils import is_no_channel
from monai.utils import ensure_tuple

from monai_boundary._typing import AnyArray, DoubleArray
from monai_boundary.data.volumes.itk_checksum import check_itk_checksum
from monai_boundary.data.volumes.nifti_reader import NIFTI_SUFFIXES, NiftiReader, check_finite, check_grids
from monai_boundary.data.volumes.slice_image import one_slice_affine, palette_indices
from monai_boundary.data.volumes.volume_items import PICTURE_SUFFIXES, VOLUME_SUFFIXES

__all__ = ["VolumeReader", "read_volume"]


class _ItkFile(NamedTuple):
    """A file that SimpleITK reads, opened when its data are wanted."""

    name: str


class VolumeReader(ImageReader):
    """MONAI's reader of NIfTI, MHA and NRRD files, with the promises of `NiftiReader` for all of them.

    ``LoadImaged(keys, reader=VolumeReader)`` (or its dotted path, in a bundle). NIfTI goes through `NiftiReader`; MHA,
    MHD and NRRD through SimpleITK, which this package needs anyhow: MONAI's own ``ITKReader`` would need the package
    ``itk`` beside it. The same image gives the same array and affine in each format:

    - axes are x, y, z, and the affine leads to the patient's right, front and head (RAS) in mm, as in NIfTI; ITK's own
      world is LPS;
    - several values per voxel (a vector image, or a fourth axis) are channels;
    - colours of NIfTI and complex numbers are refused; a damaged or truncated file is an error that names it
      (the checksum of compressed voxels is compared, which ITK does not do; voxels that are not compressed have none);
    - the files of a list are stacked as channels if they lie on one grid to a tenth of a voxel, whatever the formats;
    - PNG and TIF are images of two dimensions, with voxels of 1 mm where they state none; colours are channels,
      but a palette's are not: its indices are the values.

    Args:
        channel_dim: axis of the channels in the files, ``"no_channel"``, or None to tell it by the number of axes.
        finite: whether NaN and infinity are an error, which says how many there are.
        slices: whether an image of two dimensions is a volume of one slice, (x, y, 1), instead of (x, y); ``file_axes``
            of the meta data says how many the file has.

    Raises:
        ValueError: when a file's data are wanted.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/a.mha"
        >>> image = SimpleITK.GetImageFromArray(np.zeros((5, 4, 3), np.uint8))
        >>> image.SetSpacing((1.0, 2.0, 3.0))
        >>> SimpleITK.WriteImage(image, path)
        >>> reader = VolumeReader()
        >>> values, meta = reader.get_data(reader.read(path))
        >>> values.shape, meta["affine"].diagonal().tolist()
        ((3, 4, 5), [-1.0, -2.0, 3.0, 1.0])
    """

    def __init__(self, channel_dim: str | int | None = None, finite: bool = False, slices: bool = False) -> None:
        super().__init__()
        self.slices = slices
        self.channel_dim = float("nan") if channel_dim == "no_channel" else channel_dim
        self.finite = finite
        self._nifti = NiftiReader(channel_dim, finite=finite)

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Tell whether all files are of a format that this reader knows.

        Args:
            filename: a file or some.
        """
        return all(str(name).lower().endswith(VOLUME_SUFFIXES) for name in ensure_tuple(filename))

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> Any:
        """Open a file or some, for ``get_data``.

        Args:
            data: a file or some.
            kwargs: of ``nibabel.load``.

        Raises:
            ValueError: for a file of another format, which another reader may know.
        """
        files: list[Any] = []
        for name in ensure_tuple(data):
            low = str(name).lower()
            if not low.endswith(VOLUME_SUFFIXES):
                raise ValueError(f"`filename` needs one of {', '.join(VOLUME_SUFFIXES)}, got {str(name)!r}.")
            is_nifti = low.endswith(NIFTI_SUFFIXES)
            files.append((str(name), self._nifti.read(name, **kwargs) if is_nifti else _ItkFile(str(name))))
        return files

    def get_data(self, img: Any) -> tuple[AnyArray, dict[str, Any]]:
        """Return voxels and meta data of what ``read`` returned; of some files stacked as channels.

        Args:
            img: of ``read``.

        Raises:
            ValueError: if a file cannot be read, or the files of a list lie on several grids.
        """
        names = [name for name, _ in img]
        read = [self._itk(file) if isinstance(file, _ItkFile) else self._nifti.get_data(file) for _, file in img]
        read = [_one_slice(*of) for of in read] if self.slices else read
        values, metas = [v for v, _ in read], [m for _, m in read]
        if len(read) == 1:
            return values[0], metas[0]
        check_grids({n: (v.shape, np.asarray(m["affine"])) for n, v, m in zip(names, values, metas, strict=True)})
        if is_no_channel(metas[0]["original_channel_dim"]):
            return np.stack(values), {**metas[0], "original_channel_dim": 0}
        return np.concatenate(values, axis=int(metas[0]["original_channel_dim"])), metas[0]

    def _itk(self, file: _ItkFile) -> tuple[AnyArray, dict[str, Any]]:
        values, affine, channels = _read_itk(file.name)
        if self.finite:
            check_finite(file.name, values)
        axis = self.channel_dim if self.channel_dim is not None else -1 if channels else float("nan")
        spatial = values.shape if is_no_channel(axis) else np.delete(values.shape, int(axis))
        return values, {
            "affine": affine,
            "original_affine": affine.copy(),
            "space": "RAS",
            "spatial_shape": np.asarray(spatial),
            "original_channel_dim": axis,
        }


def read_volume(path: PathLike) -> tuple[AnyArray, DoubleArray]:
    """Return the voxels of a file that `VolumeReader` knows, axes x, y, z[, channel], and its 4 x 4 affine in mm (RAS).

    An image of two dimensions is one slice.

    Args:
        path: of the file.

    Raises:
        ValueError: if it is missing, of another format, truncated or damaged, or holds colours or complex numbers.
    """
    reader = VolumeReader(slices=True)
    values, meta = reader.get_data(reader.read(path))
    return values, np.asarray(meta["affine"], dtype=np.float64)


def _one_slice(values: AnyArray, meta: dict[str, Any]) -> tuple[AnyArray, dict[str, Any]]:
    """A volume as it is; of an image of two dimensions the volume of one slice."""
    spatial = tuple(int(n) for n in meta["spatial_shape"])
    if len(spatial) > 2:
        return values, {**meta, "file_axes": 3}
    affine = one_slice_affine(np.asarray(meta["affine"], dtype=np.float64))
    new = {
        "affine": affine,
        "original_affine": affine.copy(),
        "spatial_shape": np.asarray((*spatial, 1)),
        "file_axes": 2,
    }
    return np.expand_dims(values, 2), {**meta, **new}


def _read_itk(name: str) -> tuple[AnyArray, DoubleArray, bool]:
    """Values with axes x, y, z and then channels; the affine; and whether there are channels."""
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(name)
    try:
        if not Path(name).is_file():
            raise FileNotFoundError("no such file")
        if not name.lower().endswith(PICTURE_SUFFIXES):
            check_itk_checksum(Path(name))
        indices = palette_indices(name)
        image = reader.Execute()
        values = SimpleITK.GetArrayFromImage(image) if indices is None else indices.T
        if values.dtype.kind not in "biuf":
            raise ValueError(f"one number for each voxel is needed, got values of type {values.dtype}")
    except (RuntimeError, OSError, ValueError, MemoryError) as reason:
        why = (str(reason).strip().splitlines() or [""])[-1].strip()
        if isinstance(reason, RuntimeError) and "No such file" in why:  # the last error of the system, not ITK's
            why = "the header is none, or the voxels end early"
        raise ValueError(
            f"`filename` needs a readable image, got {name!r} ({type(reason).__name__}: {why})."
        ) from reason
    ndim = image.GetDimension()
    vector = values.ndim > ndim
    order = [*range(ndim)[::-1], *([ndim] if vector else [])]
    space = min(ndim, 3)
    affine = np.eye(4)
    turn = np.asarray(image.GetDirection()).reshape(ndim, ndim) * np.asarray(image.GetSpacing())
    affine[:space, :space], affine[:space, 3] = turn[:space, :space], image.GetOrigin()[:space]
    affine[:2] *= -1  # ITK's world is LPS
    return np.ascontiguousarray(values.transpose(order)), affine, vector or ndim > 3
