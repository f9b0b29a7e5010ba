# SPDX-License-Identifier: Apache-2.0
"""Stores written by the library itself, by zarr 3 or, on Python 3.10, by zarr 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numcodecs
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
    codec: str = "",
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
        codec: ``"none"``, ``"zstd"`` or ``"blosc"``; the format's default if not given.
        **options: as ``zarr.create_array`` takes them.
    """
    if data is not None:
        options |= {"shape": data.shape, "dtype": data.dtype}
    options["chunks"] = [int(n) for n in chunks]
    if V2:
        _needs(zarr_format in (None, 2), "format 3")
        _needs(options.pop("shards", None) is None, "shards")
        if codec:
            options["compressor"] = _codec(codec, 2)
        made = zarr.create(store=str(place), **options) if name is None else place.create(name, **options)
    else:
        version = (zarr_format or 3) if name is None else place.metadata.zarr_format
        if codec:
            options["compressors"] = _codec(codec, version)
        if name is None:
            options["zarr_format"] = version
        with zarr.config.set({"array.write_empty_chunks": True}):
            made = zarr.create_array(str(place), **options) if name is None else place.create_array(name, **options)
    made.attrs.update(attributes or {})
    if data is not None:
        made[:] = data
    return made


def chunk_files(folder: Path) -> list[Path]:
    """Return the files of an array's chunks, in either format."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name[0].isdigit())


def chunk_file(folder: Path, *place: int) -> Path:
    """Return the file of the chunk at a place in the grid of chunks, in either format."""
    named = map(str, place)
    return folder.joinpath("c", *named) if (folder / "zarr.json").is_file() else folder / ".".join(named)


def _codec(name: str, zarr_format: int) -> Any:
    if name == "none":
        return None
    if zarr_format == 2:
        return {"zstd": numcodecs.Zstd, "blosc": numcodecs.Blosc}[name]()
    return {"zstd": zarr.codecs.ZstdCodec, "blosc": zarr.codecs.BloscCodec}[name]()


def _needs(known: bool, what: str) -> None:
    if not known:
        pytest.skip(f"zarr 2 does not know {what}")
