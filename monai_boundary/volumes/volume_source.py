# SPDX-License-Identifier: Apache-2.0
"""A volume in a file or store, of which blocks are read: small enough to be sent to another machine."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from monai_boundary._typing import AnyArray
from monai_boundary._validation import check_choice, check_same_shape, check_spacing
from monai_boundary.data.em.open import open_em_stack
from monai_boundary.data.em.source import EMSource
from monai_boundary.ops.grid import SAME_GRID_VOXELS

ABSENT_CHUNKS = ("error", "fill")
_NAMED = 3
_SAME_SIZE = 1e-3  # of a voxel's side: headers round


@dataclass(frozen=True)
class VolumeSource:
    """What is known of a volume before its voxels are read.

    ``source`` is as `EMSource` reads it, with an absolute path; ``chunks`` are those of the file, from the first voxel
    on, or ``None``; ``spacing`` and ``offset`` are nm per axis or ``None``; ``absent_chunks`` says what is done about
    chunks that were never written.
    """

    source: str
    shape: tuple[int, ...]
    dtype: str
    chunks: tuple[int, ...] | None
    spacing: tuple[float, ...] | None
    offset: tuple[float, ...] | None
    absent_chunks: str = "error"

    def read(self, box: tuple[slice, ...]) -> AnyArray:
        """Return a box of the volume, as it is stored.

        Args:
            box: slices with start and stop along every axis.

        Raises:
            ValueError: if a chunk is damaged, or absent where that is an error; the message names it.
        """
        with self.opened() as read:
            return read(box)

    @contextmanager
    def opened(self) -> Iterator[Callable[[tuple[slice, ...]], AnyArray]]:
        """Give :meth:`read` of a volume that is open, for as long as the ``with`` lasts: for several boxes."""
        with open_em_stack(self.source) as stack:

            def read(box: tuple[slice, ...]) -> AnyArray:
                if self.absent_chunks == "error" and stack.absent_chunks is not None:
                    absent = stack.absent_chunks(stack.file_box(box))
                    if absent:
                        more = f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else ""
                        raise ValueError(
                            f"`source` needs every chunk, {self.source} lacks {', '.join(absent[:_NAMED])}{more}; "
                            "where chunks of nothing but the fill value were never written: absent_chunks='fill'."
                        )
                return stack.read_box(box)

            yield read

    def digest(self) -> str:
        """Return a hash of what the volume is: its name, shape and type, and size and time of each of its files.

        The voxels are not read: a file whose content changed, but neither size nor time, is taken for the same.
        """
        found = hashlib.sha256(repr((self.source, self.shape, self.dtype)).encode())
        for file in _files(EMSource.parse(self.source).path):
            about = file.stat()
            found.update(f"{file}\0{about.st_size}\0{about.st_mtime_ns}\n".encode())
        return found.hexdigest()


def open_volume(source: str | os.PathLike[str], absent_chunks: str = "error") -> VolumeSource:
    """Return what a file or store states of its volume; no voxel is read.

    Args:
        source: ``path[::dataset][@first:stop]``: Zarr (version 2 or 3, OME-Zarr), HDF5, TIF, a folder of pictures,
            NIfTI. Blocks of the first two are read by their chunks, those of the others by whole sections.
        absent_chunks: ``"error"``, or ``"fill"``: chunks that were never written hold the fill value.

    Raises:
        ValueError: if it is no 3-D volume of numbers, is not there or damaged, or the choice is unknown.
        ImportError: if the library for the format is missing.
    """
    check_choice("absent_chunks", absent_chunks, ABSENT_CHUNKS)
    named = EMSource.parse(source if isinstance(source, str) else Path(source))
    named = EMSource(named.path.absolute(), named.dataset, named.start, named.stop)
    with open_em_stack(named) as stack:
        shape, geometry = stack.read_shape, stack.read_geometry
        if len(shape) != 3:
            raise ValueError(f"`source` needs a volume (z, y, x), got shape {shape} in {named}.")
        if 0 in shape or stack.dtype.kind not in "buif":
            raise ValueError(f"`source` needs voxels that are numbers, got {stack.dtype} of shape {shape} in {named}.")
        chunks, (start, _) = stack.chunks, stack.span()
        if chunks is not None and (len(chunks) != 3 or start % chunks[0]):
            chunks = None
        return VolumeSource(
            str(named), shape, stack.dtype.name, chunks, geometry.spacing, geometry.offset, absent_chunks
        )


def voxel_size(
    spacing: Sequence[float] | float | None, *volumes: VolumeSource, needed_for: str | None = None
) -> tuple[float, ...] | None:
    """Return the voxel size in nm: the given one, or that of the first volume that states one.

    Args:
        spacing: nm per axis, in array order.
        *volumes: in the order in which they are asked.
        needed_for: what cannot be done without, for the error.

    Raises:
        ValueError: if there is none and it is needed, or the given one does not fit.
    """
    stated = spacing if spacing is not None else next((v.spacing for v in volumes if v.spacing is not None), None)
    if stated is None and needed_for is not None:
        raise ValueError(f"`spacing` needs 3 entries (nm per axis) for {needed_for}: no volume states any.")
    return None if stated is None else check_spacing(stated, 3, unit="nm")


def check_one_volume_grid(name: str, volume: VolumeSource, of: str, other: VolumeSource, given: bool) -> None:
    """Refuse two volumes that are not voxel by voxel the same place; what one of them does not state is not compared.

    Args:
        name: what the error calls the first.
        volume: the first.
        of: what it calls the other.
        other: the other.
        given: whether a voxel size was given for both: then only the shapes are compared.

    Raises:
        ValueError: if the shapes differ, or the stated voxel sizes by more than 0.1 %, or the stated offsets by more
            than a tenth of a voxel.
    """
    check_same_shape(name, volume.shape, of, other.shape)
    if given or volume.spacing is None or other.spacing is None:
        return
    pairs = list(zip(volume.spacing, other.spacing, strict=True))
    differing = []
    if any(abs(a - b) > _SAME_SIZE * b for a, b in pairs):
        differing.append(f"voxels of {_listed(volume.spacing)} against {_listed(other.spacing)} nm")
    if volume.offset is not None and other.offset is not None:
        apart = (abs(a - b) / size for a, b, size in zip(volume.offset, other.offset, other.spacing, strict=True))
        if max(apart) > SAME_GRID_VOXELS:
            differing.append(f"offsets of {_listed(volume.offset)} against {_listed(other.offset)} nm")
    if differing:
        raise ValueError(
            f"`{name}` needs the grid of `{of}`, got {' and '.join(differing)}. If the voxels are the same all the "
            "same, give `spacing`: it counts for both."
        )


def _listed(sizes: Sequence[float]) -> str:
    return ", ".join(f"{size:g}" for size in sizes)


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, inner, names in os.walk(path):
        inner.sort()
        for name in sorted(names):
            yield Path(folder) / name
