# SPDX-License-Identifier: Apache-2.0
"""The spacing and offset of EM data in nm, from what a file states or a file beside it."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_boundary._validation import check_spacing

__all__ = ["GEOMETRY_FILE", "EMGeometry"]

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
