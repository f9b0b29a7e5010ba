# SPDX-License-Identifier: Apache-2.0
"""The hash beside a network's file: what was damaged on its way is named, and not loaded."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

from monai_boundary._output_file import atomic_output

logger = logging.getLogger(__name__)

SUFFIX = ".sha256"


def write_with_hash(path: str | os.PathLike[str], write: Callable[[Path], object]) -> None:
    r"""Write a file whole or not at all, and ``path.sha256`` beside it, in the form of ``sha256sum``.

    At no moment is there a file without a hash that fits: before the file gets its name, the hash file holds those of
    the old file and of the new one.

    Args:
        path: the final name; a file that is there is replaced.
        write: called with the path to write to.

    Raises:
        OSError: if writing fails, as on a full disk; the earlier file is left as it was.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> write_with_hash(folder / "model.pt", lambda part: part.write_bytes(b"weights"))
        >>> (folder / "model.pt.sha256").read_text()[64:]
        '  model.pt\n'
        >>> check_file_hash(folder / "model.pt")
    """
    path = Path(path)
    with atomic_output(path, overwrite=True) as partial:
        write(partial)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        new = _line(partial, path.name)
        _write(path, [new, *_known(path)])
    _write(path, [new])


def check_file_hash(path: str | os.PathLike[str], option: str = "checkpoint") -> None:
    """Refuse a file that is not the one that was written.

    A file without a hash beside it, from elsewhere or of an earlier version, is accepted, and the log says so.

    Args:
        path: of the file.
        option: how it is given, for the message.

    Raises:
        ValueError: if the file has another hash than the one beside it, because it is cut off or damaged.
    """
    path = Path(path)
    known = _known(path)
    if not known:
        logger.info(f"{path} has no {path.name}{SUFFIX} beside it: it is taken as it is.")
        return
    if _digest(path) not in [line.split()[0] for line in known]:
        raise ValueError(
            f"`{option}` needs the file that was written, {path} ({path.stat().st_size} bytes) is damaged or was "
            f"replaced: its hash is not that of {path.name}{SUFFIX}. Take a copy that is whole; of a file that you "
            "replaced yourself delete the hash."
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _line(path: Path, name: str) -> str:
    return f"{_digest(path)}  {name}"


def _known(path: Path) -> list[str]:
    hashes = path.with_name(path.name + SUFFIX)
    return [line for line in hashes.read_text(encoding="utf-8").splitlines() if line] if hashes.is_file() else []


def _write(path: Path, lines: list[str]) -> None:
    with atomic_output(path.with_name(path.name + SUFFIX), overwrite=True) as partial:
        partial.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
