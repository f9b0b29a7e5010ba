# SPDX-License-Identifier: Apache-2.0
"""Checkpoints on disk: written whole, with their hash; read after it is checked, and nothing but values."""

from __future__ import annotations

import os
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from monai_boundary._file_hash import check_file_hash, write_with_hash


def save_atomically(content: Any, path: str | os.PathLike[str]) -> None:
    """Write ``torch.save(content)`` so that ``path`` is the old file or the whole new one, never a part of it.

    The file is written under another name in the same folder, flushed to the disk and renamed; its hash is beside it in
    ``path.sha256``.

    Args:
        content: what ``torch.load(..., weights_only=True)`` reads: tensors and plain values.
        path: the final name.

    Raises:
        OSError: if it cannot be written, as on a full disk; the earlier file is whole.
    """

    def write(partial: Path) -> None:
        with partial.open("wb") as file:  # the archive has the name of a file that is given by its path
            torch.save(content, file)

    write_with_hash(path, write)


def load_checked(path: str | os.PathLike[str], option: str, map_location: Any = "cpu") -> Any:
    """Return what a file of ``torch.save`` holds: tensors and plain values, no other objects (``weights_only``).

    Args:
        path: of the file.
        option: how it is given, for the message.
        map_location: of ``torch.load``.

    Raises:
        ValueError: if the file is not the one that was written, or is none of ``torch.save``.
    """
    check_file_hash(path, option)
    try:
        return torch.load(Path(path), map_location=map_location, weights_only=True)
    except (OSError, RuntimeError, EOFError, UnpicklingError, KeyError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"`{option}` needs a file of torch.save, {path} cannot be read: {reason}") from error
