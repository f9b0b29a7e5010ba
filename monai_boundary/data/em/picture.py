# SPDX-License-Identifier: Apache-2.0
"""Single sections as pictures: PNG, BMP, JPEG."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from monai_boundary._typing import AnyArray
from monai_boundary.data.em.geometry import sidecar_geometry
from monai_boundary.data.em.source import EMSource, natural_key, require_em
from monai_boundary.data.em.stack import EMStack, naming_source

__all__ = ["PICTURE_SUFFIXES", "grey_samples", "list_pictures", "open_picture"]

PICTURE_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg")
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_CHANNELS = {2: "colour", 4: "grey with alpha", 6: "colour with alpha"}


def list_pictures(folder: Path) -> list[Path]:
    """Return the pictures of ``folder`` in natural order (2 before 10); hidden files are left out.

    Raises:
        ValueError: if one is a link that leads nowhere.
    """
    found = [p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES and not p.name.startswith(".")]
    broken = [p for p in found if p.is_symlink() and not p.exists()]
    if broken:
        raise ValueError(f"`source` needs links that lead to a file, got the broken link {broken[0]}.")
    return sorted((p for p in found if p.is_file()), key=lambda p: natural_key(p.name))


@contextmanager
def open_picture(source: EMSource) -> Iterator[EMStack]:
    """Open a picture; colours that are grey give their grey values, in all the bits that the file has."""
    pillow = require_em("PIL.Image")
    with naming_source(source):
        picture = pillow.open(source.path)
    with picture:
        kind = {"1": np.uint8, "I;16": np.uint16, "I": np.int32, "F": np.float32}.get(picture.mode, np.uint8)
        deep = _is_deep(source.path)
        if deep:
            kind = np.uint16

        def fetch(_: slice) -> AnyArray:
            _check_png(source.path)
            if deep:  # Pillow would keep 8 of the 16 bits
                decoded = require_em("imagecodecs").png_decode(source.path.read_bytes())
                return grey_samples(decoded, source, "(16 bits)")
            return _grey_values(picture, source).astype(kind)

        yield EMStack(
            source, (picture.height, picture.width), np.dtype(kind), sidecar_geometry(source.path).last(2), fetch
        )


def grey_samples(values: AnyArray, source: EMSource, what: str) -> AnyArray:
    """Return the grey values of samples (..., channels), of which a second or fourth is opacity.

    Raises:
        ValueError: if they hold colours.
    """
    colours = values[..., : 1 if values.shape[-1] <= 2 else 3]
    if (colours != colours[..., :1]).any():
        raise ValueError(f"`source` needs grey values, got colour {what} in {source}.")
    return np.ascontiguousarray(colours[..., 0])


def _grey_values(picture: Any, source: EMSource) -> AnyArray:
    """Grey values of a picture; a palette gives its grey values, or its indices when it holds colours."""
    if picture.mode == "P":
        colours = np.asarray(picture.convert("RGB"))
        same = (colours == colours[..., :1]).all()
        return np.asarray(colours[..., 0]) if same else np.asarray(picture)
    values = np.asarray(picture)
    return values if values.ndim == 2 else grey_samples(values, source, f"(mode {picture.mode})")


def _is_deep(path: Path) -> bool:
    """Tell whether a PNG has 16 bits in each of several channels."""
    with path.open("rb") as file:
        head = file.read(26)
    return head.startswith(_PNG) and len(head) == 26 and head[24] == 16 and head[25] in _PNG_CHANNELS


def _check_png(path: Path) -> None:
    """Compare the checksum of every part of a PNG: decoders pass over those of the pixels.

    Raises:
        ValueError: if one differs or the end is missing.
    """
    content = path.read_bytes()
    if not content.startswith(_PNG):
        return
    place = len(_PNG)
    while content[place + 4 : place + 8] != b"IEND":
        (length,) = struct.unpack(">I", content[place : place + 4]) if place + 4 <= len(content) else (0,)
        end = place + 8 + length
        if end + 4 > len(content):
            raise ValueError("it ends before its last part")
        if content[end : end + 4] != struct.pack(">I", zlib.crc32(content[place + 4 : end])):
            raise ValueError("a checksum differs")
        place = end + 4
