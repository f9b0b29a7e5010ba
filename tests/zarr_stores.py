# SPDX-License-Identifier: Apache-2.0
"""Stores written by the library itself, by zarr 3 or, on Python 3.10, by zarr 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from monai_boundary._typing import AnyArray

zarr = pytest.importorskip("zarr")
V2 = int(zarr.__version__.split(".")[0]) == 2


def make_group(path: object, zarr_format: int = 3) -> Any:
    """Return an empty group at a path; skip where zarr does not know the format."""
    if not V2:
        return zarr.open_group(str(path), mode="w", zarr_format=zarr_format)
    _needs(zarr_format == 2, "format 3")
    return zarr.open_group(str(path), mode="w")


def make_array(
    place: Any,
    name: str | None = None,
    *,
    data: AnyArray | None = None,
    chunks: Sequence[int],
    zarr_format: int | None = None,
    attributes: Mapping[str, Any] | None = None,
    compressors: Sequence[Any] | None = None,
    **options: Any,
) -> Any:
    """Return an array with every chunk of ``data``, or without any; skip where zarr does not know the format.

    Args:
        place: a path, or a group that gets the array ``name``.
        name: in the group.
        data: its content; else ``shape`` and ``dtype`` are among the options.
        chunks: shape of a chunk.
        zarr_format: of a path; None is the newest.
        attributes: of the array.
        compressors: numcodecs' for format 2, zarr's own for 3.
        **options: as ``zarr.create_array`` takes them.
    """
    if data is not None:
        options |= {"shape": data.shape, "dtype": data.dtype}
    options["chunks"] = [int(n) for n in chunks]
    if V2:
        _needs(zarr_format in (None, 2), "format 3")
        _needs(options.pop("shards", None) is None, "shards")
        if compressors is not None:
            (options["compressor"],) = compressors
        made = zarr.create(store=str(place), **options) if name is None else place.create(name, **options)
    else:
        if compressors is not None:
            options["compressors"] = compressors
        with zarr.config.set({"array.write_empty_chunks": True}):
            if name is None:
                made = zarr.create_array(str(place), zarr_format=zarr_format or 3, **options)
            else:
                made = place.create_array(name, **options)
    made.attrs.update(attributes or {})
    if data is not None:
        made[:] = data
    return made


def blosc(zarr_format: int) -> Sequence[Any]:
    """Return blosc as the compressors of a format."""
    if zarr_format == 2:
        from numcodecs import Blosc

        return [Blosc()]
    _needs(not V2, "format 3")
    return [zarr.codecs.BloscCodec()]


def _needs(known: bool, what: str) -> None:
    if not known:
        pytest.skip(f"zarr 2 does not know {what}")
