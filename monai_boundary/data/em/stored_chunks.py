# SPDX-License-Identifier: Apache-2.0
"""The chunks of an HDF5 or Zarr array: which a box touches, which were never written, and which are cut short."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

from monai_boundary.data.em.source import EMSource

__all__ = ["absent_hdf5_chunks", "absent_zarr_chunks", "check_blosc_chunks"]


def absent_zarr_chunks(array: Any, source: EMSource, box: tuple[slice, ...]) -> list[str]:
    """Return the files of the chunks (shards) of a box that are not there: Zarr reads them as the fill value.

    Inside a shard nothing is looked for.

    Args:
        array: of a store on the local disk.
        source: where the store is.
        box: slices along the last axes; the axes before them are taken at 0.
    """
    stored = getattr(array, "shards", None) or array.chunks
    return [str(file) for file in _zarr_files(array, source, box, stored) if not file.is_file()]


def absent_hdf5_chunks(array: Any, box: tuple[slice, ...]) -> list[str]:
    """Return the chunks of a box that were never written, by their first voxel: HDF5 reads them as the fill value.

    Args:
        array: a chunked dataset.
        box: slices along the last axes; the axes before them are taken at 0.
    """
    absent = []
    for place in _places(array.shape, array.chunks, box):
        first = tuple(k * c for k, c in zip(place, array.chunks, strict=True))
        if array.id.get_chunk_info_by_coord(first).byte_offset is None:
            absent.append(f"chunk {first} of {array.name}")
    return absent


def check_blosc_chunks(array: Any, source: EMSource, box: tuple[slice, ...]) -> None:
    """Blosc decodes a chunk that is cut short to anything: compare its length with the one that it states.

    Args:
        array: of a store on the local disk.
        source: where the store is.
        box: slices along the last axes; the axes before them are taken at 0.

    Raises:
        ValueError: if they differ.
    """
    metadata = getattr(array, "metadata", array)  # zarr 2's arrays have none
    coded = f"{getattr(metadata, 'compressor', '')}{getattr(metadata, 'codecs', '')}"
    if "Blosc" not in coded or "Sharding" in coded:
        return
    for file in _zarr_files(array, source, box, array.chunks):
        if file.is_file():
            with file.open("rb") as chunk:
                head = chunk.read(16)
            if len(head) < 16 or int.from_bytes(head[12:16], "little") != file.stat().st_size:
                raise ValueError(f"`source` needs whole chunks, {file} of {source} is cut short.")


def _zarr_files(array: Any, source: EMSource, box: tuple[slice, ...], stored: tuple[int, ...]) -> Iterator[Path]:
    """The files of the chunks of a box."""
    folder = source.path / array.path
    encode = getattr(getattr(array, "metadata", None), "encode_chunk_key", None) or _zarr2_key(folder)
    for place in _places(array.shape, stored, box):
        yield folder / encode(place)


def _zarr2_key(folder: Path) -> Callable[[tuple[int, ...]], str]:
    """How chunks of format 2 are named; zarr 2 has no public way to say it."""
    between = json.loads((folder / ".zarray").read_text(encoding="utf-8")).get("dimension_separator", ".")
    return lambda place: between.join(map(str, place))


def _places(shape: tuple[int, ...], chunks: tuple[int, ...], box: tuple[slice, ...]) -> Iterator[tuple[int, ...]]:
    """Places in the grid of chunks that a box of the last axes touches."""
    box = box[-len(shape) :]  # of a single section no box of sections
    whole = [slice(0, 1)] * (len(shape) - len(box)) + list(box)
    spans = [part.indices(n) for part, n in zip(whole, shape, strict=True)]
    return product(*(range(a // c, -(-b // c)) for (a, b, _), c in zip(spans, chunks, strict=True)))
