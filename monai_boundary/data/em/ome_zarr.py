# SPDX-License-Identifier: Apache-2.0
"""What OME-Zarr writes about an image pyramid: its levels, and their scale and translation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai_boundary.data.em.geometry import EMGeometry, nanometres
from monai_boundary.data.em.source import EMSource

__all__ = ["levels", "multiscale_geometry"]


def _pyramid(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first multiscale image of a group's attributes: at the root of them (0.4), or under ``ome`` (0.5)."""
    inner = attributes.get("ome")
    stated = (inner if isinstance(inner, Mapping) else attributes).get("multiscales")
    return stated[0] if isinstance(stated, (list, tuple)) and stated and isinstance(stated[0], Mapping) else {}


def levels(attributes: Mapping[str, Any]) -> list[str]:
    """Return the paths of a pyramid's arrays, the full resolution first; none for a group that is no pyramid.

    Example:
        >>> levels({"multiscales": [{"datasets": [{"path": "0"}, {"path": "1"}]}]}), levels({})
        (['0', '1'], [])
    """
    return [str(level["path"]) for level in _pyramid(attributes).get("datasets", ()) if "path" in level]


def multiscale_geometry(attributes: Mapping[str, Any], level: str, source: EMSource) -> EMGeometry:
    """Return spacing and offset in nm of one level, the last three axes; nothing where no axis states a unit.

    Args:
        attributes: of the group.
        level: path of the array in the group.
        source: named in errors and in the log.

    Raises:
        ValueError: if a scale is not a positive number.

    Example:
        >>> axes = [{"name": axis, "type": "space", "unit": "micrometer"} for axis in "zyx"]
        >>> scale = [{"type": "scale", "scale": [0.05, 0.004, 0.004]}]
        >>> stated = {"multiscales": [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}]}
        >>> multiscale_geometry(stated, "0", EMSource.parse("a.zarr")).spacing
        (50.0, 4.0, 4.0)
    """
    pyramid = _pyramid(attributes)
    chosen = next((d for d in pyramid.get("datasets", ()) if str(d.get("path")) == level), None)
    axes = [axis if isinstance(axis, Mapping) else {"name": axis} for axis in pyramid.get("axes", ())]
    if chosen is None or not axes:
        return EMGeometry()
    scale, shift = [1.0] * len(axes), [0.0] * len(axes)
    stated = False
    for step in [*chosen.get("coordinateTransformations", ()), *pyramid.get("coordinateTransformations", ())]:
        factors = step.get("scale", [1.0] * len(axes))
        moves = step.get("translation", [0.0] * len(axes))
        if len(factors) != len(axes) or len(moves) != len(axes):
            raise ValueError(f"`scale` in {source} needs {len(axes)} entries, as many as axes, got {step}.")
        stated = stated or "scale" in step
        scale = [s * f for s, f in zip(scale, factors, strict=True)]
        shift = [s * f + m for s, f, m in zip(shift, factors, moves, strict=True)]
    spatial = [k for k, axis in enumerate(axes) if axis.get("type", "space") == "space"][-3:]
    units = [nanometres(axes[k].get("unit"), source) for k in spatial]
    if not stated or not spatial or any(unit is None for unit in units):
        return EMGeometry()
    pairs = [(k, float(unit or 1.0)) for k, unit in zip(spatial, units, strict=True)]
    return EMGeometry.of([scale[k] * u for k, u in pairs], [shift[k] * u for k, u in pairs], source)
