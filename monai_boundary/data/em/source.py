# SPDX-License-Identifier: Apache-2.0
"""One string names EM data, ``path[::dataset][@section]`` or ``...[@first:stop]``; and the geometry of data, in nm."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from monai_boundary._validation import check_spacing

__all__ = ["GEOMETRY_FILE", "EMGeometry", "EMSource"]

GEOMETRY_FILE = "em_geometry.json"
"""Optional file beside (or one folder above) pictures, which cannot hold a spacing themselves:
``{"spacing_nm": [50, 4, 4], "offset_nm": [0, 0, 0]}``, z, y, x."""

_PER_UNIT_NM = {
    1e-1: ("å", "angstrom", "angstroms", "angström"),
    1e0: ("nm", "nanometer", "nanometers", "nanometre", "nanometres"),
    1e3: ("um", "µm", "μm", "\\u00b5m", "micron", "microns", "micrometer", "micrometers", "micrometre", "micrometres"),
    1e6: ("mm", "millimeter", "millimeters", "millimetre", "millimetres"),
    1e7: ("cm", "centimeter", "centimeters", "centimetre", "centimetres"),
    1e9: ("m", "meter", "meters", "metre", "metres"),
    2.54e7: ("in", "inch", "inches", '"'),
}
_UNIT_NM = {name: scale for scale, names in _PER_UNIT_NM.items() for name in names}
_NO_UNIT = ("", "none", "null", "pixel", "pixels", "px", "voxel", "voxels", "arbitrary")
logger = logging.getLogger(__name__)

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


@dataclass(frozen=True)
class EMGeometry:
    """Spacing and offset in nanometres, in array order (z, y, x or y, x); ``None`` where a file states none."""

    spacing: tuple[float, ...] | None = None
    offset: tuple[float, ...] | None = None

    @classmethod
    def of(cls, spacing: Any, offset: Any, where: object) -> EMGeometry:
        """Return checked geometry from what a file holds; the error names the file.

        Raises:
            ValueError: if an entry is not a positive number, or the two lengths differ.
        """
        try:
            sizes = None if spacing is None else tuple(float(s) for s in spacing)
            shift = None if offset is None else tuple(float(s) for s in offset)
        except (TypeError, ValueError):
            raise ValueError(f"`spacing` in {where} needs numbers, got {spacing!r} and offset {offset!r}.") from None
        if sizes is not None:
            check_spacing(sizes, len(sizes), f"spacing in {where}", "nm")
        if sizes is not None and shift is not None and len(sizes) != len(shift):
            raise ValueError(
                f"`offset` in {where} needs {len(sizes)} entries (nm per axis), got {len(shift)}: {shift}."
            )
        return cls(sizes, shift)

    def last(self, ndim: int) -> EMGeometry:
        """Return the geometry of the last ``ndim`` axes; axes that are not stated get spacing 1 and offset 0."""

        def cut(values: tuple[float, ...] | None, fill: float) -> tuple[float, ...] | None:
            return None if values is None else ((fill,) * ndim + values)[-ndim:]

        return EMGeometry(cut(self.spacing, 1.0), cut(self.offset, 0.0))

    def override(self, other: EMGeometry) -> EMGeometry:
        """Return this geometry with what ``other`` states instead."""
        return EMGeometry(other.spacing or self.spacing, other.offset or self.offset)


def sidecar_geometry(path: Path) -> EMGeometry:
    """Return what a file beside ``path`` states.

    That is BIDS' JSON of the same name (``PixelSize``, x and y), or the :data:`GEOMETRY_FILE` in its folder or the
    folder above.
    """
    own = path.with_suffix(".json")
    if path.is_file() and own.is_file():
        stated = _read_object(own)
        scale = nanometres(stated.get("PixelSizeUnits", "mm"), own) if "PixelSize" in stated else None
        if scale is not None:
            return EMGeometry.of([scale * float(size) for size in stated["PixelSize"][1::-1]], None, own)
    folders = [path, path.parent] if path.is_dir() else [path.parent, path.parent.parent]
    for folder in folders:
        file = folder / GEOMETRY_FILE
        if file.is_file():
            stated = _read_object(file)
            return EMGeometry.of(stated.get("spacing_nm"), stated.get("offset_nm"), file)
    return EMGeometry()


def _read_object(file: Path) -> dict[str, Any]:
    try:
        stated = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"`{file.name}` needs a JSON object, could not read {file}: {error}.") from error
    if not isinstance(stated, dict):
        raise ValueError(f"`{file.name}` needs a JSON object, could not read {file}: it holds {type(stated).__name__}.")
    return stated


def nanometres(unit: Any, where: object) -> float | None:
    """Return nanometres per unit of length, or ``None`` where no unit is stated; of an unknown one the log says so.

    Example:
        >>> nanometres("microns", "a.tif"), nanometres("pixel", "a.tif")
        (1000.0, None)
    """
    name = ("" if unit is None else str(unit)).strip().strip("\x00").lower()
    if name not in _UNIT_NM and name not in _NO_UNIT:
        logger.warning(f"The unit {str(unit)!r} of {where} is not known: give the spacing in nm (--spacing).")
    return _UNIT_NM.get(name)


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
        raise ImportError(f'{module} is needed for this file: pip install "monai-boundary[em]"') from error
