# SPDX-License-Identifier: Apache-2.0
"""Images of two dimensions as volumes of one slice, and back to files of two dimensions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from monai.config import PathLike
from nibabel.orientations import io_orientation

from monai_boundary._extras import extras_named
from monai_boundary._output_file import atomic_output
from monai_boundary._typing import AnyArray, DoubleArray

__all__ = ["one_slice_affine", "palette_indices", "write_slice"]

_PALETTE = 3  # the colour type in the header of a PNG


def one_slice_affine(affine: DoubleArray) -> DoubleArray:
    """Return the affine of a volume of one slice, 1 mm thick where the file says nothing, across the third axis.

    A plane that lies otherwise in the patient (a sagittal slice) is called axial, with its voxel sizes and its place:
    networks of slices go across one axis of the patient, and a file of two dimensions has no other.

    Args:
        affine: 4 x 4, of a file of two dimensions.

    Example:
        >>> one_slice_affine(np.diag([0.5, 0.5, 0.0, 1.0])).diagonal().tolist()
        [0.5, 0.5, 1.0, 1.0]
    """
    found = np.array(affine, dtype=np.float64)
    if not found[:3, 2].any():
        across = np.cross(found[:3, 0], found[:3, 1])
        found[:3, 2] = across / (np.linalg.norm(across) or 1.0)
    if io_orientation(found)[2, 0] != 2:
        found[:3, :3] = np.diag(np.linalg.norm(found[:3, :3], axis=0))
    return found


def palette_indices(path: PathLike) -> AnyArray | None:
    """Return the indices (x, y) of a PNG with a palette, which are the ids where it is a label; None for other files.

    Args:
        path: of the file.

    Raises:
        ImportError: if Pillow is missing, naming what to install.
    """
    if not str(path).lower().endswith(".png"):
        return None
    with Path(path).open("rb") as file:
        if file.read(26)[25:] != bytes([_PALETTE]):
            return None
    with extras_named("a PNG with a palette"):
        from PIL import Image
    with Image.open(path) as picture:
        return np.asarray(picture).T


def write_slice(path: PathLike, values: AnyArray, affine: DoubleArray, *, overwrite: bool = False) -> None:
    """Write one slice as a file of two dimensions: MHA, NRRD, or a picture, which states no place.

    Args:
        path: the file; its suffix is its format.
        values: (x, y, 1) or (x, y, 1, channels).
        affine: 4 x 4, from voxels to mm (RAS).
        overwrite: whether a file of this name may be replaced.

    Raises:
        ValueError: if the file is there and ``overwrite`` is false.
        OSError: if writing fails; the message names ``path``.

    Example:
        >>> import tempfile
        >>> file = tempfile.mkdtemp() + "/mask.mha"
        >>> write_slice(file, np.ones((4, 3, 1), np.uint8), np.diag([-0.5, -0.5, 1, 1]))
        >>> image = SimpleITK.ReadImage(file)
        >>> image.GetSize(), image.GetSpacing()
        ((4, 3), (0.5, 0.5))
    """
    flat = np.ascontiguousarray(values[:, :, 0].swapaxes(0, 1))
    image: Any = SimpleITK.GetImageFromArray(flat, isVector=flat.ndim > 2)
    turn = -np.asarray(affine, dtype=np.float64)[:2]  # ITK's world is LPS
    sizes = np.linalg.norm(turn[:, :2], axis=0)
    image.SetSpacing(sizes.tolist())
    image.SetDirection((turn[:, :2] / sizes).ravel().tolist())
    image.SetOrigin(turn[:, 3].tolist())
    with atomic_output(path, overwrite) as file:
        SimpleITK.WriteImage(image, str(file), useCompression=True)
