# SPDX-License-Identifier: Apache-2.0
"""The chunks of a store that this package has made, as files: Zarr's own way takes a millisecond for each of them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from monai_boundary._typing import AnyArray
from monai_boundary.data.em.source import require_em

# bits side by side: ids are as small as with zstd and bytes, and written in a quarter of the time
CODEC = {"id": "blosc", "cname": "lz4", "clevel": 1, "shuffle": 2, "blocksize": 0}
ZARR_V2 = 2  # OME-Zarr 0.4, which every viewer reads
_HEADER = 16


@dataclass(frozen=True)
class ChunkFiles:
    """An array of version 2 whose chunks are compressed by ``CODEC`` and lie in folders, as `make_array` makes it.

    Args:
        path: of the array.
        shape: of the array.
        chunks: shape of a chunk.
        dtype: of the voxels.
    """

    path: Path
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[np.generic]

    @classmethod
    def open(cls, path: Path) -> ChunkFiles:
        """Return the array at a path."""
        about = json.loads((path / ".zarray").read_text(encoding="utf-8"))
        return cls(path, tuple(about["shape"]), tuple(about["chunks"]), np.dtype(about["dtype"]))

    def read(self, box: tuple[slice, ...]) -> AnyArray:
        """Return a box of the array.

        Args:
            box: slices with start and stop.

        Raises:
            ValueError: if a chunk is not there, or cut short.
        """
        codec = require_em("numcodecs").get_codec(CODEC)
        found: AnyArray = np.empty([part.stop - part.start for part in box], self.dtype)
        for file, chunk in self._touched(box):
            try:
                coded = file.read_bytes()
            except FileNotFoundError:
                coded = b""
            if len(coded) < _HEADER or int.from_bytes(coded[12:16], "little") != len(coded):
                raise ValueError(f"`path` needs whole chunks, {file} is not there or cut short: remove what is there.")
            if tuple(chunk) == tuple(box) and found.shape == self.chunks:
                codec.decode(coded, found)
                continue
            values = np.empty(self.chunks, self.dtype)
            codec.decode(coded, values)
            common = [slice(max(c.start, b.start), min(c.stop, b.stop)) for c, b in zip(chunk, box, strict=True)]
            found[_inside(common, box)] = values[_inside(common, chunk)]
        return found

    def write(self, box: tuple[slice, ...], values: AnyArray) -> None:
        """Write a box of whole chunks; each is there whole or not at all.

        Args:
            box: slices with start and stop.
            values: of its shape.

        Raises:
            OSError: if writing fails, as on a full disk.
        """
        codec = require_em("numcodecs").get_codec(CODEC)
        for file, chunk in self._touched(box):
            part = values[_inside(chunk, box)]
            if part.shape != self.chunks:  # at the end of the volume
                part, end = np.zeros(self.chunks, self.dtype), part
                part[tuple(slice(0, n) for n in end.shape)] = end
            coded = codec.encode(np.ascontiguousarray(part, dtype=self.dtype))
            partial = file.with_name(f"{file.name}.{secrets.token_hex(4)}.partial")
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                partial.write_bytes(coded)
                partial.replace(file)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise

    def _touched(self, box: tuple[slice, ...]) -> Iterator[tuple[Path, list[slice]]]:
        """The file of each chunk that a box touches, and the voxels of the volume in it."""
        spans = [range(part.start // c, -(-part.stop // c)) for part, c in zip(box, self.chunks, strict=True)]
        for place in product(*spans):
            inside = [slice(k * c, min((k + 1) * c, n)) for k, c, n in zip(place, self.chunks, self.shape, strict=True)]
            yield self.path.joinpath(*map(str, place)), inside


def make_array(path: Path, shape: Sequence[int], chunks: Sequence[int], dtype: object) -> None:
    """Write what Zarr reads of an array before its chunks are there.

    Args:
        path: of the array, which is there as a folder.
        shape: of the array.
        chunks: shape of a chunk.
        dtype: of the voxels.
    """
    about = {
        "zarr_format": ZARR_V2,
        "shape": [int(n) for n in shape],
        "chunks": [int(n) for n in chunks],
        "dtype": np.dtype(dtype).newbyteorder("<").str,  # type: ignore[call-overload]
        "compressor": CODEC,
        "fill_value": 0,
        "order": "C",
        "filters": None,
        "dimension_separator": "/",
    }
    (path / ".zarray").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def _inside(part: Sequence[slice], box: Sequence[slice]) -> tuple[slice, ...]:
    """Slices of the volume as those of a box of it."""
    return tuple(slice(p.start - b.start, p.stop - b.start) for p, b in zip(part, box, strict=True))
