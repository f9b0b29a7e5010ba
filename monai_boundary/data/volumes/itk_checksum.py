# SPDX-License-Identifier: Apache-2.0
"""Whether the compressed voxels of an MHA or NRRD file are as written: ITK reads damaged ones without an error."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import BinaryIO

__all__ = ["check_itk_checksum"]

_CHUNK = 1 << 20
_ZLIB, _GZIP = zlib.MAX_WBITS, zlib.MAX_WBITS + 16
_HEADER_LINES = 1000  # headers end long before


def check_itk_checksum(path: Path) -> None:
    """Read the compressed part of a MetaImage or NRRD file to its end, where zlib and gzip compare their checksum.

    What is not compressed has no checksum: a changed byte of it cannot be told. Nor are data looked at that lie in
    several files.

    Args:
        path: ``.mha``, ``.mhd``, ``.nrrd`` or ``.nhdr``.

    Returns:
        None.

    Raises:
        ValueError: if the checksum differs, or the data end early.
        OSError: if a file cannot be read.
    """
    is_nrrd = path.name.lower().endswith((".nrrd", ".nhdr"))
    with path.open("rb") as file:
        fields = _nrrd_fields(file) if is_nrrd else _meta_fields(file)
        compressed = (
            fields.get("encoding") in ("gzip", "gz") if is_nrrd else fields.get("compresseddata") in ("true", "1")
        )
        if not compressed:
            return
        name = fields.get("datafile", fields.get("elementdatafile", ""))
        if name.lower() in ("", "local"):
            _inflate(file, _GZIP if is_nrrd else _ZLIB)
            return
    if (path.parent / name).is_file():
        with (path.parent / name).open("rb") as file:
            _inflate(file, _GZIP if is_nrrd else _ZLIB)


def _meta_fields(file: BinaryIO) -> dict[str, str]:
    """Fields of a MetaImage's header, which ends with the line of the data's place."""
    fields: dict[str, str] = {}
    for _ in range(_HEADER_LINES):
        name, sign, value = file.readline(_CHUNK).decode("latin-1").partition("=")
        if not sign:
            break
        fields[name.strip().lower()] = value.strip() if name.strip() == "ElementDataFile" else value.strip().lower()
        if name.strip().lower() == "elementdatafile":
            break
    return fields


def _nrrd_fields(file: BinaryIO) -> dict[str, str]:
    """Fields of a NRRD's header, which ends with an empty line."""
    fields: dict[str, str] = {}
    for _ in range(_HEADER_LINES):
        line = file.readline(_CHUNK).decode("latin-1").strip()
        if not line:
            break
        match = re.match(r"([^:#]+):=?\s*(.*)", line)
        if match:
            fields[match[1].strip().lower().replace(" ", "")] = match[2].strip()
    return fields


def _inflate(file: BinaryIO, window: int) -> None:
    """Inflate to the end without keeping anything."""
    stream = zlib.decompressobj(window)
    while not stream.eof:
        chunk = stream.unconsumed_tail or file.read(_CHUNK)
        if not chunk:
            raise ValueError("the compressed voxels end early")
        try:
            stream.decompress(chunk, _CHUNK)
        except zlib.error as error:
            raise ValueError(f"the compressed voxels are damaged, {error}") from error
