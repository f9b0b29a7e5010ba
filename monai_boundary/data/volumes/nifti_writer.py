# SPDX-License-Identifier: Apache-2.0
"""Segmentations as NIfTI files that lie where the image lies, by everything that its header states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
from monai.config import PathLike

from monai_boundary._typing import AnyArray, DoubleArray, UInt8Array
from monai_boundary.data.output_files import atomic_output
from monai_boundary.data.volumes.nifti_reader import NIFTI_SUFFIXES

__all__ = ["HEADER_BYTES", "nifti_header", "write_nifti"]

HEADER_BYTES = 540  # of NIfTI-2; that of NIfTI-1 has 348, and is filled up with 0
_KINDS = (nibabel.Nifti1Image, nibabel.Nifti2Image)


def nifti_header(path: PathLike | None) -> UInt8Array:
    """Return the header of a NIfTI file as bytes, ``HEADER_BYTES`` of them; all 0 for a file of another format.

    An array of fixed length goes through MONAI's loaders like any other; `write_nifti` understands it.
    """
    block = b""
    if path is not None and str(path).lower().endswith(NIFTI_SUFFIXES) and Path(path).is_file():
        header: Any = nibabel.load(Path(path)).header
        block = header.as_byteswapped("<").binaryblock
    return np.frombuffer(block.ljust(HEADER_BYTES, b"\0"), dtype=np.uint8)


def write_nifti(
    path: PathLike,
    values: AnyArray,
    affine: npt.ArrayLike,
    header: npt.ArrayLike | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Write voxels, under the name ``path`` only when the file is whole.

    With the header of the image that they belong to, the file states what that one states about its place: qform and
    sform with their codes, voxel sizes and their unit. Without one, qform and sform are both ``affine``, in mm (of a
    sheared affine the sform alone, as a qform cannot hold it).

    Args:
        path: the file, ``.nii.gz`` or ``.nii``.
        values: (x, y, z) or (x, y, z, channels), in the type that is to be stored; of a header of two dimensions
            (x, y, 1), which are written as (x, y).
        affine: (4, 4), from voxels to mm; not looked at where there is a header.
        header: from `nifti_header`.
        overwrite: whether a file of this name may be replaced.

    Raises:
        ValueError: if the file is there and ``overwrite`` is false, or the header belongs to another shape.
        OSError: if writing fails, as on a full disk; the message names ``path``.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "mask.nii.gz"
        >>> write_nifti(file, np.ones((2, 3, 1), np.uint8), np.diag([1, 1, 5, 1]))
        >>> nibabel.load(file).affine.diagonal().tolist()
        [1.0, 1.0, 5.0, 1.0]
    """
    known = None if header is None else _header(np.asarray(header, dtype=np.uint8))
    image = (
        _from_affine(values, np.asarray(affine, dtype=np.float64)) if known is None else _from_header(values, *known)
    )
    with atomic_output(Path(path), overwrite) as file:
        nibabel.save(image, file)


def _header(block: UInt8Array) -> tuple[Any, Any] | None:
    """The kind of image and the header that bytes are; None for zeros."""
    for kind in _KINDS:
        size = kind.header_class.template_dtype.itemsize
        data = block.tobytes()[:size]
        if any(data) and kind.header_class.may_contain_header(data):
            return kind, kind.header_class(data, endianness="<", check=False)
    return None


def _from_header(values: AnyArray, kind: Any, header: Any) -> Any:
    if int(header["dim"][0]) == 2 and values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]  # an image of two dimensions was read as one slice
    shape = tuple(int(n) for n in header["dim"][1:4])
    if shape[: int(header["dim"][0])] != values.shape[: min(3, int(header["dim"][0]))]:
        raise ValueError(f"`values` needs the spatial shape of `header`, {shape}, got {values.shape}.")
    header.set_data_dtype(values.dtype)
    header.set_data_shape(values.shape)
    header.set_slope_inter(1, 0)
    header.set_intent("none")
    header["pixdim"][4:] = 1
    header["xyzt_units"] = int(header["xyzt_units"]) & 7  # of space; a mask has no time
    for name in (
        "cal_min",
        "cal_max",
        "toffset",
        "dim_info",
        "slice_duration",
        "slice_code",
        "slice_start",
        "slice_end",
    ):
        header[name] = 0
    for name in ("descrip", "aux_file"):
        header[name] = b""
    return kind(values, None, header)


def _from_affine(values: AnyArray, affine: DoubleArray) -> Any:
    image = nibabel.Nifti1Image(values, affine)
    image.set_sform(affine, code=1)
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if np.allclose(axes.T @ axes, np.eye(3), atol=1e-4):
        image.set_qform(affine, code=1)
    image.header.set_xyzt_units("mm")
    return image
