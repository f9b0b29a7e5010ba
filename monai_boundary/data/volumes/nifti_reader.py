# SPDX-License-Identifier: Apache-2.0
"""NIfTI files as they state it: voxel sizes in mm, checksums compared; those that cannot be read are named."""

from __future__ import annotations

import gzip
import logging
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nibabel
import numpy as np
from monai.config import PathLike
from monai.data import NibabelReader
from monai.data.utils import correct_nifti_header_if_necessary, is_no_channel
from monai.utils import ensure_tuple
from nibabel.spatialimages import HeaderDataError, HeaderTypeError, ImageDataError

from monai_boundary._typing import AnyArray, DoubleArray
from monai_boundary.ops.grid import SAME_GRID_VOXELS, affine_spacing, largest_offset

__all__ = ["NIFTI_SUFFIXES", "NiftiReader", "check_nifti_grids", "read_nifti"]

logger = logging.getLogger(__name__)

NIFTI_SUFFIXES = (".nii", ".nii.gz")
# what nibabel, gzip and the file system raise for files that are missing, truncated, damaged or none
_UNREADABLE = (
    nibabel.filebasedimages.ImageFileError,
    HeaderDataError,
    HeaderTypeError,
    ImageDataError,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    MemoryError,
)
# the spatial part of `xyzt_units` -> (name, mm); files that say nothing are in mm
_UNITS = {0: ("mm", 1.0), 1: ("metres", 1e3), 2: ("mm", 1.0), 3: ("micrometres", 1e-3)}


class _File(NamedTuple):
    """A file that was opened, or why it could not be."""

    name: str
    image: Any = None
    error: ValueError | None = None


class _NoVoxels(Exception):  # noqa: N818  # never leaves this file
    """The voxels of an image could not be read."""


class NiftiReader(NibabelReader):
    """MONAI's reader of NIfTI files, which takes files at their word and says which one cannot be read.

    ``LoadImaged(keys, reader=NiftiReader)`` (or its dotted path, in a bundle). Unlike MONAI's own reader:

    - a ``.nii.gz`` is read to its end, where its checksum is compared: a flipped bit is an error, as is a truncated
      file; MONAI's reader loads most damaged files without a word;
    - the affine is in mm, whatever unit the header states (``xyzt_units``: metres, micrometres; none is taken for mm);
    - colours and complex numbers are refused;
    - the files of a list are stacked if they lie on one grid to a tenth of a voxel
      (``SAME_GRID_VOXELS`` of ``ops.grid``), where MONAI's reader refuses the last digit of a header;
    - where qform and sform state different places, a warning says so, and which one counts (the sform, as nibabel's).

    All errors name the file. They come from ``get_data``, not from ``read``: MONAI's ``LoadImage`` answers an error of
    the latter by trying its other readers, which would load the damaged file.

    Args:
        channel_dim: axis of the file's channels, for ``EnsureChannelFirst``; None where it has none.
        as_closest_canonical: turn the array so that its axes run as near to RAS as flips and transposes can.
        squeeze_non_spatial_dims: drop axes of length 1 after the third, (256, 256, 30, 1) to (256, 256, 30).
        to_gpu: read onto the GPU, with kvikio and cupy.
        finite: whether NaN and infinity are an error, which says how many there are.
        kwargs: given to ``nibabel.load`` for files that are not compressed, for example ``mmap=False``.

    Raises:
        ValueError: when a file's data are wanted.

    Example:
        >>> reader = NiftiReader()
        >>> reader.get_data(reader.read("missing.nii.gz"))
        Traceback (most recent call last):
        ...
        ValueError: `filename` needs a readable NIfTI file, got 'missing.nii.gz' (FileNotFoundError: ...
    """

    def __init__(
        self,
        channel_dim: str | int | None = None,
        as_closest_canonical: bool = False,
        squeeze_non_spatial_dims: bool = False,
        to_gpu: bool = False,
        finite: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(channel_dim, as_closest_canonical, squeeze_non_spatial_dims, to_gpu, **kwargs)
        self.finite = finite
        self._said: set[str] = set()

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> Any:
        """Open a file or some, for ``get_data``.

        Raises:
            ValueError: for a file of another format, which another reader may know.
        """
        self.filenames = ensure_tuple(data)
        for name in self.filenames:
            if not str(name).lower().endswith(NIFTI_SUFFIXES):
                raise ValueError(f"`filename` needs NIfTI files ({', '.join(NIFTI_SUFFIXES)}), got {str(name)!r}.")
        files = [self._open(str(name), {**self.kwargs, **kwargs}) for name in self.filenames]
        return files if len(files) > 1 else files[0]

    def get_data(self, img: Any) -> tuple[AnyArray, dict[str, Any]]:
        """Return voxels and meta data of what ``read`` returned; of some files stacked as channels."""
        files: list[_File] = [img] if isinstance(img, _File) else list(img)
        for file in files:
            if file.error is not None:
                raise file.error
        _check_grids({file.name: file.image for file in files})
        values, metas = zip(*(self._one(file) for file in files), strict=True)
        if len(values) == 1:
            return values[0], metas[0]
        meta = metas[0]
        if is_no_channel(meta["original_channel_dim"]):
            meta["original_channel_dim"] = 0
            return np.stack(values), meta
        return np.concatenate(values, axis=int(meta["original_channel_dim"])), meta

    def _open(self, name: str, options: dict[str, Any]) -> _File:
        try:
            image = _whole(name, options)
            _check_voxel_type(image)
            _unit(image)
            self._say_two_places(name, image)
            return _File(name, correct_nifti_header_if_necessary(image))
        except _UNREADABLE as reason:
            return _File(name, error=_unreadable(name, reason))

    def _one(self, file: _File) -> tuple[AnyArray, dict[str, Any]]:
        try:
            values, meta = super().get_data(file.image)
        except _NoVoxels as error:
            raise _unreadable(file.name, error.__cause__) from error.__cause__
        if self.finite:
            check_finite(file.name, values)
        unit, mm = _unit(file.image)
        if mm != 1:
            self._say(unit, f"{file.name} is in {unit}, by its header: its voxel sizes are converted to mm.")
        return values, meta

    def _get_affine(self, img: Any) -> DoubleArray:
        return affine_mm(img)

    def _get_array_data(self, img: Any, filename: Any) -> Any:
        try:
            return super()._get_array_data(img, filename)
        except _UNREADABLE as reason:
            raise _NoVoxels from reason

    def _say_two_places(self, name: str, image: Any) -> None:
        if not (int(image.header["qform_code"]) and int(image.header["sform_code"])):
            return
        try:
            apart = largest_offset(image.get_qform(), image.get_sform(), image.shape[:3]) * _unit(image)[1]
            voxel = min(affine_spacing(affine_mm(image), 3, sheared=True))
        except (ValueError, HeaderDataError):
            return  # one of them is none: the other one counts
        if apart > SAME_GRID_VOXELS * voxel:
            self._say(name, f"{name} states two places, up to {apart:.4g} mm apart: the sform is used, not the qform.")

    def _say(self, what: str, message: str) -> None:
        if what not in self._said:
            self._said.add(what)
            logger.warning(message)


def read_nifti(path: PathLike) -> tuple[AnyArray, DoubleArray]:
    """Return the voxels of a NIfTI file, scaled as its header says, and its affine in mm.

    Raises:
        ValueError: as `NiftiReader`: for a missing, truncated or damaged file, for colours and complex numbers.
    """
    reader = NiftiReader()
    values, meta = reader.get_data(reader.read(path))
    return values, np.asarray(meta["affine"], dtype=np.float64)


def check_nifti_grids(files: dict[str, str]) -> None:
    """Check by their headers that NIfTI files can be opened and share one grid: shape, and place to 0.1 voxels.

    Args:
        files: what each is -> path.

    Raises:
        ValueError: naming the file, and the other one that it does not fit.
    """
    images = {}
    for what, path in files.items():
        try:
            images[what] = nibabel.load(Path(path))
            _check_voxel_type(images[what])
            _unit(images[what])
        except _UNREADABLE as reason:
            raise _unreadable(path, reason) from reason
    _check_grids(images, files)


def check_finite(name: str, values: AnyArray) -> None:
    """Check that there is neither NaN nor infinity.

    Raises:
        ValueError: with the name and the numbers of both.
    """
    if values.dtype.kind != "f" or bool(np.isfinite(values).all()):
        return
    nan, infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
    raise ValueError(
        f"{name} needs finite values, got {nan} NaN and {infinite} infinite of {values.size} voxels: replace them "
        "(by 0, outside of the head) and save the file again."
    )


def affine_mm(image: Any) -> DoubleArray:
    """Return the affine of a NIfTI image in mm, whatever unit its header states."""
    affine = np.array(image.affine, dtype=np.float64)
    affine[:3] *= _unit(image)[1]
    return affine


def _whole(name: str, options: dict[str, Any]) -> Any:
    """Open a file; a compressed one is read to its end, where gzip compares the checksum."""
    if not name.lower().endswith(".gz"):
        return nibabel.load(name, **options)
    with gzip.open(name) as file:
        data = file.read()
    for kind in (nibabel.Nifti1Image, nibabel.Nifti2Image):
        if kind.header_class.may_contain_header(data[: kind.header_class.template_dtype.itemsize]):
            return kind.from_bytes(data)
    raise nibabel.filebasedimages.ImageFileError("no NIfTI header")


def _check_voxel_type(image: Any) -> None:
    kind = image.get_data_dtype()
    if kind.names is not None or kind.kind not in "biuf":
        what = "colours" if kind.names is not None else f"values of type {kind}"
        raise ValueError(f"one number for each voxel is needed, got {what}")


def _unit(image: Any) -> tuple[str, float]:
    """The unit of a header's spatial part, and its mm."""
    code = int(image.header["xyzt_units"]) & 7
    if code not in _UNITS:
        raise ValueError(f"`xyzt_units` needs metres, mm or micrometres, got code {code}")
    return _UNITS[code]


def _check_grids(images: dict[str, Any], files: dict[str, str] | None = None) -> None:
    check_grids({what: (tuple(image.shape), affine_mm(image)) for what, image in images.items()}, files)


def check_grids(grids: dict[str, tuple[tuple[int, ...], DoubleArray]], files: dict[str, str] | None = None) -> None:
    """Check that all images lie on the grid of the first: shape, and place to 0.1 voxels.

    Args:
        grids: what each is -> its shape and affine in mm.
        files: what each is -> path, for the message.

    Returns:
        None.

    Raises:
        ValueError: naming the image that does not fit.
    """
    (first, (shape, affine)), *rest = grids.items()
    for what, (other, place) in rest:
        where = f" in {files[what]}" if files else ""
        if other != shape:
            raise ValueError(f"{what!r} needs the shape of {first!r}, {shape}, got {other}{where}.")
        apart = largest_offset(place, affine, shape[:3])
        if not apart <= SAME_GRID_VOXELS * min(affine_spacing(affine, min(3, len(shape)), sheared=True)):
            raise ValueError(
                f"{what!r} needs the affine of {first!r}, got one that differs by up to {apart:.4g} mm{where}: bring "
                "both to one grid (`Orientation`, `ResampleToMatch`) and save them again."
            )


def _unreadable(path: PathLike, reason: BaseException | None) -> ValueError:
    return ValueError(f"`filename` needs a readable NIfTI file, got {str(path)!r} ({type(reason).__name__}: {reason}).")
