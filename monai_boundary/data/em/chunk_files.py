# SPDX-License-Identifier: Apache-2.0
"""The chunks of a Zarr array as files: which are there, and their voxels, read much faster than by Zarr itself."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from monai_boundary._typing import AnyArray
from monai_boundary.data.em.source import require_em

__all__ = ["ZARR_V2", "ChunkFiles", "chunk_places", "make_array"]

# bits side by side: ids are as small as with zstd and bytes, and written in a quarter of the time
CODEC = {"id": "blosc", "cname": "lz4", "clevel": 1, "shuffle": 2, "blocksize": 0}
ZARR_V2 = 2  # OME-Zarr 0.4, which every viewer reads
_BLOSC_HEADER = 16
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True)
class ChunkFiles:
    """An array of version 2 or 3 on the local disk, by what its metadata says of the files of its chunks.

    Args:
        path: of the array.
        shape: of the array.
        chunks: shape of what one file holds: a chunk, or a shard.
        compressor: the last codec of a file: ``"blosc"``, ``"zstd"``, ``""`` is none; others Zarr knows.
        dtype: of the voxels where :meth:`read` can decode them: numbers in raster order, no other codec than those
            three; else ``None``, and it is Zarr that decodes.
        prefix: folders before the name of each file.
        separator: between the numbers of a file's name.
    """

    path: Path
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    compressor: str
    dtype: np.dtype[Any] | None
    prefix: str = ""
    separator: str = "/"

    @classmethod
    def open(cls, path: Path) -> ChunkFiles:
        """Return the array at a path; nothing but its metadata is read."""
        if (path / ".zarray").is_file():
            return cls(path, *_version_2(json.loads((path / ".zarray").read_text(encoding="utf-8"))))
        return cls(path, *_version_3(json.loads((path / "zarr.json").read_text(encoding="utf-8"))))

    def whole_box(self, box: tuple[slice, ...]) -> tuple[slice, ...]:
        """Return slices along every axis, with start and stop: those before the box are taken at 0."""
        return _whole_box(self.shape, box)

    def absent(self, box: tuple[slice, ...]) -> list[str]:
        """Return the files of a box that are not there: Zarr reads them as the fill value.

        Inside a shard nothing is looked for.

        Args:
            box: slices along the last axes; the axes before them are taken at 0.
        """
        return [str(file) for file, _ in self._touched(self.whole_box(box)) if not file.is_file()]

    def check_lengths(self, box: tuple[slice, ...]) -> None:
        """Compare each file's length with the one that it states: Blosc decodes one that is cut short to anything.

        Args:
            box: slices along the last axes; the axes before them are taken at 0.

        Raises:
            ValueError: if they differ.
        """
        if self.compressor != "blosc":
            return
        for file, _ in self._touched(self.whole_box(box)):
            if file.is_file():
                with file.open("rb") as chunk:
                    head = chunk.read(_BLOSC_HEADER)
                if _stated_lengths(head)[1] != file.stat().st_size:
                    raise _cut_short(file)

    def read(self, box: tuple[slice, ...], fill: Any = None) -> AnyArray:
        """Return a box of an array that has a ``dtype``.

        Args:
            box: slices with start and stop along every axis.
            fill: the voxels of a chunk that is not there.

        Raises:
            ValueError: if a chunk is cut short or damaged, or is not there and no ``fill`` is given.
        """
        found: AnyArray = np.empty([part.stop - part.start for part in box], self.dtype)
        whole: AnyArray | None = None
        for file, chunk in self._touched(box):
            common = [slice(max(c.start, b.start), min(c.stop, b.stop)) for c, b in zip(chunk, box, strict=True)]
            try:
                coded = file.read_bytes()
            except FileNotFoundError:
                if fill is None:
                    raise ValueError(f"`source` needs every chunk, {file} is not there.") from None
                found[_inside(common, box)] = fill
                continue
            if tuple(chunk) == tuple(box) and found.shape == self.chunks:
                self._decode(file, coded, found)
                continue
            whole = np.empty(self.chunks, self.dtype) if whole is None else whole
            self._decode(file, coded, whole)
            found[_inside(common, box)] = whole[_inside(common, chunk)]
        return found

    def write(self, box: tuple[slice, ...], values: AnyArray) -> None:
        """Write a box of whole chunks of an array of :func:`make_array`; each is there whole or not at all.

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

    def _decode(self, file: Path, coded: bytes, into: AnyArray) -> None:
        """Decode a file into an array of the shape of a chunk; one that holds less would leave the rest as it is."""
        if not self.compressor:
            if len(coded) != into.nbytes:
                raise _cut_short(file)
            into[...] = np.frombuffer(coded, into.dtype).reshape(into.shape)
            return
        codec = require_em("numcodecs").get_codec({"id": self.compressor})
        if self.compressor == "blosc":
            if _stated_lengths(coded) != (into.nbytes, len(coded)):
                raise _cut_short(file)
            codec.decode(coded, into)
            return
        try:
            if _zstd_content(coded) == into.nbytes:
                codec.decode(coded, into)
                return
            content = codec.decode(coded)  # of a length that is not stated
        except (RuntimeError, ValueError) as error:
            raise _cut_short(file) from error
        if len(content) != into.nbytes:
            raise _cut_short(file)
        into[...] = np.frombuffer(content, into.dtype).reshape(into.shape)

    def _touched(self, box: tuple[slice, ...]) -> Iterator[tuple[Path, list[slice]]]:
        """The file of each chunk that a box touches, and the voxels of the volume in it."""
        for place in chunk_places(self.shape, self.chunks, box):
            inside = [slice(k * c, min((k + 1) * c, n)) for k, c, n in zip(place, self.chunks, self.shape, strict=True)]
            yield self.path / (self.prefix + self.separator.join(map(str, place))), inside


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


def chunk_places(shape: Sequence[int], chunks: Sequence[int], box: tuple[slice, ...]) -> Iterator[tuple[int, ...]]:
    """Return the places in the grid of chunks that a box touches.

    Args:
        shape: of the array.
        chunks: shape of a chunk.
        box: slices along the last axes; the axes before them are taken at 0.
    """
    spans = zip(_whole_box(shape, box), chunks, strict=True)
    return product(*(range(part.start // c, -(-part.stop // c)) for part, c in spans))


def _whole_box(shape: Sequence[int], box: tuple[slice, ...]) -> tuple[slice, ...]:
    box = box[-len(shape) :]  # of a single section no box of sections
    whole = [slice(0, 1)] * (len(shape) - len(box)) + list(box)
    return tuple(slice(*part.indices(n)[:2]) for part, n in zip(whole, shape, strict=True))


def _version_2(
    about: Mapping[str, Any],
) -> tuple[tuple[int, ...], tuple[int, ...], str, np.dtype[Any] | None, str, str]:
    """Shape, chunks, compressor, dtype, prefix and separator of an array of format 2."""
    compressor = (about["compressor"] or {}).get("id", "")
    plain = about["order"] == "C" and not about["filters"] and isinstance(about["dtype"], str)
    return (
        tuple(about["shape"]),
        tuple(about["chunks"]),
        compressor,
        _decodable(about["dtype"], compressor) if plain else None,
        "",
        about.get("dimension_separator", "."),
    )


def _version_3(
    about: Mapping[str, Any],
) -> tuple[tuple[int, ...], tuple[int, ...], str, np.dtype[Any] | None, str, str]:
    """The same of an array of format 3."""
    encoding, keys = _named(about["chunk_key_encoding"])
    default = encoding == "default"
    separator = keys.get("separator", "/" if default else ".")
    stated = [_named(codec) for codec in about["codecs"]]
    codecs = [name.removeprefix("numcodecs.") for name, _ in stated]
    compressor = "" if codecs[-1] == "bytes" else codecs[-1]
    little = stated[0][1].get("endian", "little") == "little"
    plain = codecs in (["bytes"], ["bytes", compressor]) and little and not about.get("storage_transformers")
    return (
        tuple(about["shape"]),
        tuple(_named(about["chunk_grid"])[1]["chunk_shape"]),
        compressor,
        _decodable(about["data_type"], compressor) if plain and isinstance(about["data_type"], str) else None,
        f"c{separator}" if default else "",
        separator,
    )


def _named(stated: Any) -> tuple[str, Mapping[str, Any]]:
    """Name and configuration of what format 3 states, in either form that it has."""
    return (stated, {}) if isinstance(stated, str) else (stated["name"], stated.get("configuration") or {})


def _decodable(name: str, compressor: str) -> np.dtype[Any] | None:
    """The type of voxels that lie in a file as in memory, if they do."""
    try:
        dtype = np.dtype(name)
    except TypeError:  # of an extension
        return None
    return dtype if dtype.kind in "buif" and dtype.isnative and compressor in ("", "blosc", "zstd") else None


def _stated_lengths(coded: bytes) -> tuple[int, int]:
    """Bytes of what Blosc has compressed, and of the file, as it says itself; 0 if it is too short to say it."""
    if len(coded) < _BLOSC_HEADER:
        return 0, 0
    return int.from_bytes(coded[4:8], "little"), int.from_bytes(coded[12:16], "little")


def _zstd_content(coded: bytes) -> int | None:
    """Bytes of what zstd has compressed, where its frame says it (RFC 8878, 3.1.1.1)."""
    if len(coded) < 18 or coded[:4] != _ZSTD_MAGIC:
        return None
    flags = coded[4]
    single, kind = bool(flags & 0x20), flags >> 6
    if kind == 0 and not single:
        return None
    start = 5 + (not single) + (0, 1, 2, 4)[flags & 3]
    length = (1, 2, 4, 8)[kind]
    return int.from_bytes(coded[start : start + length], "little") + (256 if kind == 1 else 0)


def _cut_short(file: Path) -> ValueError:
    return ValueError(f"`source` needs whole chunks, {file} is cut short or damaged.")


def _inside(part: Sequence[slice], box: Sequence[slice]) -> tuple[slice, ...]:
    """Slices of the volume as those of a box of it."""
    return tuple(slice(p.start - b.start, p.stop - b.start) for p, b in zip(part, box, strict=True))
