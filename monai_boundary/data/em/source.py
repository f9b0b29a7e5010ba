# SPDX-License-Identifier: Apache-2.0
"""One string names EM data, ``path[::dataset][@section]`` or ``...[@first:stop]``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from monai_boundary._extras import pip_line

__all__ = ["EMSource"]

_RANGE = re.compile(r"@(\d+)(?::(\d+))?$")


@dataclass(frozen=True)
class EMSource:
    """A file, folder or store, the dataset within, and which sections of it.

    Args:
        path: PNG or TIF file, folder of such files, HDF5 file, Zarr store.
        dataset: dataset of an HDF5 file or array of a Zarr store, such as ``volumes/raw``.
        start: first section (index along z), or ``None`` for everything.
        stop: one past the last section; ``None`` with a ``start`` means that section alone, as a 2-D image.

    Example:
        >>> EMSource.parse("sample_A.hdf::volumes/raw@12")
        EMSource(path=PosixPath('sample_A.hdf'), dataset='volumes/raw', start=12, stop=None)
        >>> str(EMSource.parse("stack.tif").block(4, 8))
        'stack.tif@4:8'
    """

    path: Path
    dataset: str | None = None
    start: int | None = None
    stop: int | None = None

    @classmethod
    def parse(cls, text: str | Path | EMSource) -> EMSource:
        """Read the string form. A file whose name really ends in ``@3`` is taken by its name when it exists.

        Raises:
            ValueError: if the range is empty.
        """
        if isinstance(text, EMSource):
            return text
        name = str(text)
        if Path(name).exists():
            return cls(Path(name))
        start = stop = None
        found = _RANGE.search(name)
        if found:
            start, stop = int(found[1]), None if found[2] is None else int(found[2])
            if stop is not None and stop <= start:
                raise ValueError(f"`source` needs first < stop in '@first:stop', got {name!r}.")
            name = name[: found.start()]
        path, _, dataset = name.partition("::")
        return cls(Path(path), dataset.strip("/") or None, start, stop)

    def section(self, index: int) -> EMSource:
        """Return the source of one section of this volume, counted from the source's own first section."""
        return replace(self, start=(self.start or 0) + index, stop=None)

    def block(self, start: int, stop: int) -> EMSource:
        """Return the source of the sections ``start`` (included) to ``stop`` (excluded), counted likewise."""
        first = self.start or 0
        return replace(self, start=first + start, stop=first + stop)

    def __str__(self) -> str:
        dataset = f"::{self.dataset}" if self.dataset else ""
        if self.start is None:
            return f"{self.path}{dataset}"
        return f"{self.path}{dataset}@{self.start}" + (f":{self.stop}" if self.stop is not None else "")


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that counts: ``s2.png`` before ``s10.png``."""
    parts = re.split(r"(\d+)", name.lower())
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part)


def require_em(module: str) -> Any:
    """Import one of the libraries of the ``em`` extra, or say how to install it.

    Raises:
        ImportError: if it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"{module} is needed for this file: {pip_line('em')}") from error
