# SPDX-License-Identifier: Apache-2.0
"""A file or folder that is written whole or not at all, in any room."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["SUFFIX", "atomic_output"]

# of a file: what tells its format
SUFFIX = re.compile(r"(\.(lzf|ome))?\.(nii\.gz|tar\.gz|[^.\s]*[^.\s\d][^.\s]*)$", re.IGNORECASE)


@contextmanager
def atomic_output(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[Path]:
    r"""Give a temporary path beside ``path``; what is written there gets its final name when the block ends well.

    The file or folder (a Zarr store) is thus seen whole or not at all, also after an error, a full disk or a killed
    process. The temporary name is hidden (a leading dot) and has the suffix of ``path``, from which writers tell the
    format. Missing folders are made.

    Args:
        path: the final name.
        overwrite: whether a file or folder of this name may be replaced.

    Yields:
        The path to write to: a file, or a folder that the block makes.

    Raises:
        ValueError: if ``path`` exists and ``overwrite`` is false, before the block and again at its end (another
            process may have written it meanwhile); if the block wrote nothing.
        OSError: if writing fails, as on a full disk; the message names ``path``.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with atomic_output(folder / "scores.csv") as file:
        ...     _ = file.write_text("dice\n0.9\n")
        >>> [p.name for p in folder.iterdir()]
        ['scores.csv']
    """
    path = Path(path)
    _refuse_existing(path, overwrite)
    with _naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    suffix = SUFFIX.search(path.name)
    temporary = path.with_name(f".{secrets.token_hex(4)}.partial{suffix[0] if suffix else ''}")
    try:
        with _naming(path):
            yield temporary
        if not temporary.exists():
            raise ValueError(f"`path` needs something written to it, got nothing for {path}.")
        with _naming(path):
            _give_name(temporary, path, overwrite)
    finally:
        _remove(temporary)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let every failure of the system say which output it was, and other errors pass as they are."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        reason: BaseException | None = error
        while reason is not None and not isinstance(reason, OSError):
            reason = reason.__context__  # torch.save covers the system's error by a RuntimeError of its own
        if reason is None or str(path) in str(error):
            raise
        raise OSError(reason.errno, f"could not write {path}: {reason}") from error


def _give_name(temporary: Path, path: Path, overwrite: bool) -> None:
    """Rename, in one step, so that at no time another's output is lost."""
    if overwrite:
        if path.is_dir() and not path.is_symlink():  # a folder that is not empty cannot be renamed over
            aside = path.with_name(f".{secrets.token_hex(4)}.old")
            path.rename(aside)
            temporary.rename(path)
            _remove(aside)
        else:
            temporary.replace(path)
    elif temporary.is_dir():
        _refuse_existing(path, overwrite)
        temporary.rename(path)
    else:
        try:
            os.link(temporary, path)  # unlike a rename, it fails where another process has just written the name
        except FileExistsError:
            _refuse_existing(path, overwrite)
            raise
        except OSError:  # a file system without links
            _refuse_existing(path, overwrite)
            temporary.rename(path)


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if not overwrite and (path.exists() or path.is_symlink()):
        raise ValueError(f"`path` needs a new name, or overwrite=True to replace what is there, got {path}.")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
