# SPDX-License-Identifier: Apache-2.0
"""Stacks in NIfTI: axes x, y, z turned back to z, y, x, and a gzip stream that is checked to its end."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from monai_boundary._typing import AnyArray
from monai_boundary.data.em.geometry import EMGeometry
from monai_boundary.data.em.source import EMSource
from monai_boundary.data.em.stack import EMStack, naming_source

__all__ = ["NIFTI_SUFFIXES", "open_nifti"]

NIFTI_SUFFIXES = (".nii", ".nii.gz")


@contextmanager
def open_nifti(source: EMSource) -> Iterator[EMStack]:
    """NIfTI holds x, y, z; the axes are turned back. Only a unit of micrometres is taken for EM geometry.

    Raises:
        ValueError: if the file is damaged (of ``.nii.gz`` the checksum is compared), or has more than three axes.
    """
    import nibabel

    with naming_source(source):
        if source.path.suffix.lower() == ".gz":
            _check_gzip(source.path)
        image: Any = nibabel.load(source.path)
        stored = image.dataobj
        shape = tuple(int(n) for n in image.shape)[::-1]
        if len(shape) not in (2, 3):
            raise ValueError(f"`source` needs one stack of sections, got shape {shape} in {source}.")
        geometry = EMGeometry()
        if image.header.get_xyzt_units()[0] == "micron":
            # The header holds float32: its shortest decimal is the number that was meant.
            shortest = np.vectorize(lambda v: float(str(np.float32(v))) * 1000)
            sizes, shift = shortest(image.header.get_zooms()), shortest(image.affine[: len(shape), 3])
            geometry = EMGeometry.of(sizes[::-1], shift[::-1], source)

    def fetch(part: slice) -> AnyArray:
        return np.asarray(stored[..., part] if len(shape) == 3 else stored[...]).T

    yield EMStack(source, shape, np.dtype(image.get_data_dtype()), geometry.last(len(shape)), fetch)


def _check_gzip(path: Path) -> None:
    """Read to the end: Python compares checksum and length only there, and nibabel stops before it."""
    with gzip.open(path) as stream:
        while stream.read(1 << 22):
            pass
