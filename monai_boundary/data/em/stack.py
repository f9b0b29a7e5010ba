# SPDX-License-Identifier: Apache-2.0
"""One face over all that holds EM data: header first, sections on demand, and errors that name the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from monai_boundary._typing import AnyArray
from monai_boundary.data.em.geometry import EMGeometry
from monai_boundary.data.em.source import EMSource

__all__ = ["EMStack", "naming_source"]


@dataclass(frozen=True)
class EMStack:
    """An open stack: nothing but the header is in memory until :meth:`read` is called.

    Args:
        source: what was opened.
        shape: ``(z, y, x)``, or ``(y, x)``, of the *whole* dataset.
        dtype: type in the file.
        geometry: what the file states.
        fetch: from a slice along the first axis to the array of it.
        chunks: shape of the pieces that the file is stored in, along the axes of ``shape``; ``None`` where it has none
            (whole sections are then read).
        fetch_box: from slices along all axes to the array of them, where the file allows it.
        absent_chunks: from slices along all axes to the names of the chunks there that were never written, and read as
            the fill value; ``None`` where a file cannot have such.
    """

    source: EMSource
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    geometry: EMGeometry
    fetch: Callable[[slice], AnyArray]
    chunks: tuple[int, ...] | None = None
    fetch_box: Callable[[tuple[slice, ...]], AnyArray] | None = None
    absent_chunks: Callable[[tuple[slice, ...]], list[str]] | None = None

    def span(self) -> tuple[int, int]:
        """Return the first and one past the last section that the source asks for.

        Raises:
            ValueError: if the stack has no such section.
        """
        depth = self.shape[0] if len(self.shape) == 3 else 1
        start = self.source.start or 0
        stop = self.source.stop
        if stop is None:
            stop = depth if self.source.start is None else start + 1
        if stop > depth:
            raise ValueError(f"`source` needs sections within 0..{depth - 1}, got {str(self.source)!r}.")
        return start, stop

    @property
    def read_shape(self) -> tuple[int, ...]:
        """Shape of what :meth:`read` returns."""
        start, stop = self.span()
        if len(self.shape) == 2 or (self.source.start is not None and self.source.stop is None):
            return self.shape[-2:]
        return (stop - start, *self.shape[1:])

    @property
    def read_geometry(self) -> EMGeometry:
        """Geometry of what :meth:`read` returns: a block that starts at section k is k spacings further on."""
        ndim = len(self.read_shape)
        whole = self.geometry.last(3)
        start, _ = self.span()
        if ndim == 3 and start:
            spacing, offset = whole.spacing or (1.0,) * 3, whole.offset or (0.0,) * 3
            whole = EMGeometry(whole.spacing, (offset[0] + start * spacing[0], *offset[1:]))
        return whole.last(ndim)

    def read(self) -> AnyArray:
        """Return the asked sections, and only those, as they are in the file.

        Raises:
            ValueError: if the data cannot be read; the message names the file.
        """
        start, stop = self.span()
        with naming_source(self.source):
            return np.asarray(self.fetch(slice(start, stop))).reshape(self.read_shape)

    def read_box(self, box: tuple[slice, ...]) -> AnyArray:
        """Return a box of what :meth:`read` would return, and read no more than its chunks (or sections).

        Args:
            box: slices with start and stop, along the axes of ``read_shape``.

        Raises:
            ValueError: if the data cannot be read; the message names the file.
        """
        inside = self.file_box(box)
        shape = tuple(part.stop - part.start for part in box)
        with naming_source(self.source):
            if self.fetch_box is not None:
                return np.asarray(self.fetch_box(inside)).reshape(shape)
            sections = inside[0] if len(inside) == 3 else slice(0, 1)
            fetched = np.asarray(self.fetch(sections)).reshape(-1, *self.shape[-2:])
            return fetched[(slice(None), *inside[-2:])].reshape(shape)

    def file_box(self, box: tuple[slice, ...]) -> tuple[slice, ...]:
        """Return the slices along the axes of the file of a box of what :meth:`read` would return."""
        start, _ = self.span()
        if len(self.shape) == 2:
            return box
        if len(box) == 2:
            return (slice(start, start + 1), *box)
        return (slice(box[0].start + start, box[0].stop + start), *box[1:])


@contextmanager
def naming_source(source: EMSource) -> Iterator[None]:
    """Turn whatever a library raises on a damaged file into one error that names the file.

    Raises:
        ValueError: in place of any other error.
        ImportError: if a library is missing, as it came.
    """
    try:
        yield
    except (ImportError, ValueError) as error:
        if isinstance(error, ImportError) or str(source.path) in str(error):
            raise
        raise ValueError(f"`source` needs a readable file, could not read {source}: {error}.") from error
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
        raise ValueError(f"`source` needs a readable file, could not read {source}: {words}.") from error
