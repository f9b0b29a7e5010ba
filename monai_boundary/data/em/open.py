# SPDX-License-Identifier: Apache-2.0
"""Open whatever holds EM data: pictures, folders of pictures, TIF stacks, NIfTI, HDF5 and Zarr."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from monai_boundary._typing import AnyArray
from monai_boundary.data.em.arrays import HDF5_SUFFIXES, is_zarr, open_hdf5, open_zarr
from monai_boundary.data.em.geometry import EMGeometry, sidecar_geometry
from monai_boundary.data.em.nifti import NIFTI_SUFFIXES, open_nifti
from monai_boundary.data.em.picture import PICTURE_SUFFIXES, list_pictures, open_picture
from monai_boundary.data.em.source import EMSource
from monai_boundary.data.em.stack import EMStack, naming_source
from monai_boundary.data.em.tif import TIF_SUFFIXES, open_tif

__all__ = ["open_em_stack", "read_em_source"]


@contextmanager
def open_em_stack(source: EMSource | str | Path) -> Iterator[EMStack]:
    """Open ``source`` (see :class:`EMSource`) for reading.

    Yields:
        The stack. Its file is closed when the block ends.

    Raises:
        ValueError: if the file is missing, damaged, of an unknown kind, or lacks the dataset (those it holds are
            listed).
        ImportError: if the library for the format is missing.
    """
    source = EMSource.parse(source)
    suffix = source.path.suffix.lower()
    if not source.path.exists():
        raise ValueError(f"`source` needs an existing file or folder, got {str(source)!r}.")
    if is_zarr(source.path):
        opener = open_zarr
    elif source.path.is_dir():
        opener = _open_folder
    elif suffix in HDF5_SUFFIXES:
        opener = open_hdf5
    elif suffix in TIF_SUFFIXES:
        opener = open_tif
    elif source.path.name.lower().endswith(NIFTI_SUFFIXES):
        opener = open_nifti
    elif suffix in PICTURE_SUFFIXES:
        opener = open_picture
    else:
        known = " ".join((*PICTURE_SUFFIXES, *HDF5_SUFFIXES, *NIFTI_SUFFIXES, ".zarr"))
        raise ValueError(f"`source` needs one of {known} or a folder, got {str(source)!r}.")
    with opener(source) as stack:
        yield stack


def read_em_source(source: EMSource | str | Path) -> tuple[AnyArray, EMGeometry]:
    """Return the array of ``source``, as stored, and its geometry (``None`` where none is stated)."""
    with open_em_stack(source) as stack:
        return stack.read(), stack.read_geometry


@contextmanager
def _open_folder(source: EMSource) -> Iterator[EMStack]:
    files = list_pictures(source.path)
    if not files:
        raise ValueError(f"`source` needs a folder with pictures ({' '.join(PICTURE_SUFFIXES)}), got {source.path}.")
    with open_em_stack(EMSource(files[0])) as first:
        plane, dtype = first.shape, first.dtype
    if len(plane) != 2:
        raise ValueError(f"`source` needs a folder of single sections, got the stack {files[0]} of shape {plane}.")

    def fetch(part: slice) -> AnyArray:
        return _stacked(files[part], plane)

    # what a section states is the size in its plane: how far apart sections lie has to be said
    yield EMStack(source, (len(files), *plane), dtype, sidecar_geometry(source.path).last(3), fetch)


def _stacked(files: Sequence[Path], plane: tuple[int, ...]) -> AnyArray:
    """Read sections of one shape; an error names the section."""
    sections = []
    for file in files:
        with naming_source(EMSource(file)):
            sections.append(read_em_source(EMSource(file))[0])
        if sections[-1].shape != plane:
            raise ValueError(f"`source` needs sections of one shape, {plane}, got {sections[-1].shape} in {file}.")
    return np.stack(sections)
