# SPDX-License-Identifier: Apache-2.0
"""TIF stacks: every section of every series in the order of the pages, with the geometry of Fiji and OME."""

from __future__ import annotations

import json
import logging
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from xml.etree import ElementTree

import numpy as np

from monai_boundary._typing import AnyArray
from monai_boundary.data.em.geometry import EMGeometry, nanometres, sidecar_geometry
from monai_boundary.data.em.picture import grey_samples
from monai_boundary.data.em.source import EMSource, require_em
from monai_boundary.data.em.stack import EMStack, naming_source

__all__ = ["TIF_SUFFIXES", "open_tif"]

TIF_SUFFIXES = (".tif", ".tiff")
logger = logging.getLogger(__name__)


@contextmanager
def open_tif(source: EMSource) -> Iterator[EMStack]:
    """Open a TIF as one stack.

    A file may hold several series (a loop that writes section by section makes one of each). Those of one size and type
    are one stack, in the order of their pages. Of several sizes the one with the most voxels is taken, and the others,
    such as a thumbnail, are named as skipped.

    Raises:
        ValueError: if the file is damaged or truncated, holds colours, more than three axes, pages that are missing,
            or series of which none is the largest.
    """
    with naming_source(source):
        file = require_em("tifffile").TiffFile(source.path)
    with file:
        with naming_source(source):
            _refuse_cut_tif(file, source)
            series = _chosen_series(file, source)
            stack = _one_series(file, series[0], source) if len(series) == 1 else _several_series(file, series, source)
        yield stack


def _plane(series: Any) -> tuple[int, ...]:
    """Size of a section; the samples of a colour are no axis of it."""
    shape = series.shape[:-1] if series.axes.endswith("S") and len(series.shape) > 2 else series.shape
    return tuple(int(n) for n in shape[-2:])


def _chosen_series(file: Any, source: EMSource) -> list[Any]:
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for series in file.series:
        if any(page is None for page in series.pages):
            raise ValueError(f"`source` needs a whole set of files, pages of {source} lie in files that are missing.")
        groups.setdefault((_plane(series), np.dtype(series.dtype).str, series.axes.endswith("S")), []).append(series)
    sizes = {key: sum(int(np.prod(s.shape)) for s in members) for key, members in groups.items()}
    largest = max(sizes, key=lambda key: sizes[key])
    rivals = [key for key in sizes if key != largest and key[0] == largest[0]]
    if rivals or (file.is_ome and len(groups[largest]) > 1):
        held = ", ".join(f"{s.shape} {s.dtype}" for s in file.series)
        raise ValueError(f"`source` needs one stack in a file, got several images in {source}: {held}.")
    skipped = [s for key, members in groups.items() if key != largest for s in members]
    if skipped:
        names = ", ".join(f"series {file.series.index(s)} of shape {s.shape}" for s in skipped[:5])
        logger.warning(f"Skipped in {source.path}: {names}; sections of {largest[0]} are taken.")
    return groups[largest]


def _one_series(file: Any, series: Any, source: EMSource) -> EMStack:
    pages = series.pages
    shape = tuple(int(n) for n in series.shape)
    samples = series.axes.endswith("S") and len(shape) > 2
    spatial = shape[:-1] if samples else shape
    if len(spatial) not in (2, 3):
        raise ValueError(f"`source` needs one stack of sections, got shape {shape} in {source}.")
    stated = _tif_geometry(file, len(spatial), source)
    depth = spatial[0] if len(spatial) == 3 else 1

    def fetch(part: slice) -> AnyArray:
        if len(spatial) == 2:
            found = np.asarray(series.asarray())
        elif len(pages) == depth:
            found = np.stack([pages[k].asarray() for k in range(part.start, part.stop)])
        elif series.dataoffset is not None:
            found = np.array(require_em("tifffile").memmap(source.path, mode="r")[part])
        else:
            found = np.asarray(series.asarray()[part])
        return grey_samples(found, source, f"of shape {shape}") if samples else found

    if len(spatial) == 2 and len(stated.spacing or ()) == 3:
        spatial = (1, *spatial)  # a stack of one section, as this package writes it
    geometry = sidecar_geometry(source.path).override(stated)
    return EMStack(source, spatial, np.dtype(series.dtype), geometry.last(len(spatial)), fetch)


def _several_series(file: Any, members: Sequence[Any], source: EMSource) -> EMStack:
    """Make one stack of series of one plane: their sections in the order of the pages, which may alternate."""
    sections: list[tuple[int, int, Callable[[], AnyArray]]] = []
    samples = members[0].axes.endswith("S")
    for series in members:
        lead = tuple(int(n) for n in series.shape[: -3 if samples else -2])
        if len(lead) > 1:
            raise ValueError(f"`source` needs stacks of sections, got a series of {series.shape} in {source}.")
        depth = lead[0] if lead else 1
        for k in range(depth):
            if len(series.pages) == depth:
                sections.append((series.pages[k].index, 0, series.pages[k].asarray))
            else:  # one page stands for the whole series
                sections.append((series.pages[0].index, k, _plane_of(series, k)))
    sections.sort(key=lambda section: section[:2])
    plane = _plane(members[0])

    def fetch(part: slice) -> AnyArray:
        found = np.stack([np.asarray(read()) for *_, read in sections[part]])
        return grey_samples(found, source, f"of planes {plane}") if samples else found

    geometry = sidecar_geometry(source.path).override(_tif_geometry(file, 3, source))
    shape = (len(sections), *plane)
    return EMStack(source, shape, np.dtype(members[0].dtype), geometry.last(3), fetch)


def _plane_of(series: Any, index: int) -> Callable[[], AnyArray]:
    return lambda: np.asarray(series.asarray()[index])


def _refuse_cut_tif(file: Any, source: EMSource) -> None:
    """A truncated TIF loses its last pages in silence: the chain of pages must end with a zero."""
    last, kind, handle = file.pages[-1], file.tiff, file.filehandle
    last = getattr(last, "offset", 0)
    handle.seek(last)
    (count,) = struct.unpack(kind.tagnoformat, handle.read(kind.tagnosize))
    handle.seek(last + kind.tagnosize + count * kind.tagsize)
    (following,) = struct.unpack(kind.offsetformat, handle.read(kind.offsetsize))
    if following:
        raise ValueError(f"`source` needs a whole file, {source} is truncated after page {len(file.pages)}.")


def _tif_geometry(file: Any, ndim: int, source: EMSource) -> EMGeometry:
    """Geometry from this package's own description, from OME's, or from ImageJ's spacing, unit and resolution."""
    for described in file.shaped_metadata or ():
        if "spacing_nm" in described:
            return EMGeometry.of(described["spacing_nm"], described.get("offset_nm"), source)
    if file.is_ome:
        return _ome_geometry(file.ome_metadata, ndim, source)
    stated = file.imagej_metadata or {}
    with suppress(json.JSONDecodeError, TypeError, KeyError):
        ours = json.loads(stated["Info"])
        return EMGeometry.of(ours["spacing_nm"], ours["offset_nm"], source)
    scale = nanometres(stated.get("unit"), source)
    tags = file.pages[0].tags
    per_unit = [tags[name].value for name in ("YResolution", "XResolution") if name in tags]
    if scale is None or len(per_unit) < 2 or min(min(fraction) for fraction in per_unit) <= 0:
        return EMGeometry()
    plane = [
        (nanometres(stated.get(f"{axis}unit"), source) or scale) * below / above
        for axis, (above, below) in zip("yx", per_unit, strict=True)
    ]
    depth = (nanometres(stated.get("zunit"), source) or scale) * float(stated.get("spacing", 1.0))
    return EMGeometry.of([depth, *plane][-ndim:], None, source)


def _ome_geometry(text: str, ndim: int, source: EMSource) -> EMGeometry:
    """OME's physical sizes; micrometres unless it says otherwise, and 1 where it states none."""
    pixels = next((e for e in ElementTree.fromstring(text).iter() if e.tag.endswith("}Pixels")), None)
    if pixels is None or "PhysicalSizeX" not in pixels.attrib:
        return EMGeometry()
    sizes = []
    for axis in "ZYX"[-ndim:]:
        stated = pixels.get(f"PhysicalSize{axis}")
        scale = nanometres(pixels.get(f"PhysicalSize{axis}Unit", "µm"), source)
        if scale is None:
            return EMGeometry()
        sizes.append(1.0 if stated is None else scale * float(stated))
    return EMGeometry.of(sizes, None, source)
