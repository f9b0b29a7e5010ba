# SPDX-License-Identifier: Apache-2.0
"""One run in a folder: a second one is refused, and what a killed run leaves blocks nobody."""

from __future__ import annotations

import errno
import json
import os
import socket
import time
import weakref
from pathlib import Path
from typing import Any, ClassVar

try:
    import fcntl
except ImportError:  # not on Windows: nothing then guards against a second process in a folder
    fcntl = None  # type: ignore[assignment]

ORPHANS = 10.0  # seconds in which the worker processes of a killed run notice that it is gone


class FolderLock:
    """Hold a folder for the process, until `release` or its end, however it ends.

    The lock is the operating system's (``flock``) on a file in the folder, which says who holds it. The file that a
    killed run leaves is not locked, so it does not block. A second lock of the same process takes over from the first:
    a notebook may run a training again that failed.

    Args:
        folder: made if it is not there.
        option: how the folder is given, for the message.
        name: of the file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with FolderLock(folder) as lock:
        ...         held = [path.name for path in Path(folder).iterdir()]
        ...     held, list(Path(folder).iterdir())
        (['.running.json'], [])
    """

    _held: ClassVar[weakref.WeakValueDictionary[Path, FolderLock]] = weakref.WeakValueDictionary()

    def __init__(self, folder: str | os.PathLike[str], option: str = "output_dir", name: str = ".running.json") -> None:
        self.path = Path(folder).absolute() / name
        self.option = option
        self._give_back: weakref.finalize[..., FolderLock] | None = None

    def acquire(self) -> None:
        """Take the folder.

        Raises:
            ValueError: if another process holds it, with who that is, or if nothing can be written there.
        """
        other = self._held.get(self.path)
        if other is not None:
            other.release()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = self._opened()
            # also when the lock is forgotten, or the process ends with an error
            self._give_back = weakref.finalize(self, _give_back, file, self.path, os.getpid())
            about = {"process": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
            os.ftruncate(file, 0)
            os.pwrite(file, f"{json.dumps(about)}\n".encode(), 0)
        except OSError as error:
            raise ValueError(
                f"`{self.option}` needs a folder that can be written, got {self.path.parent}: {error.strerror}."
            ) from error
        self._held[self.path] = self

    def release(self) -> None:
        """Give the folder back."""
        if self._give_back is not None:
            self._give_back()

    def __enter__(self) -> FolderLock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _opened(self) -> int:
        end = time.monotonic() + ORPHANS
        while True:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            if _locked(file):
                if self.path.exists() and os.path.samestat(os.fstat(file), self.path.stat()):
                    return file
                os.close(file)  # its holder has just removed it
                continue
            holder = _read(file)
            os.close(file)
            if time.monotonic() > end or _lives(holder):
                who = f"process {holder.get('process')} on {holder.get('host')} since {holder.get('since')}"
                raise ValueError(
                    f"`{self.option}` needs a folder of its own, {self.path.parent} is in use by {who}: wait for it, "
                    "end it, or give another folder."
                )
            time.sleep(0.2)


def _give_back(file: int, path: Path, owner: int) -> None:
    if os.getpid() == owner:  # not a worker process, which has a copy
        path.unlink(missing_ok=True)  # while it is locked, so that no other process loses its own
    os.close(file)


def _read(file: int) -> dict[str, Any]:
    try:
        about = json.loads(os.pread(file, 4096, 0))
    except ValueError:  # it is just being written
        return {}
    return about if isinstance(about, dict) else {}


def _lives(holder: dict[str, Any]) -> bool:
    """Tell whether a holder is there; of one on another host nothing is known."""
    if not isinstance(holder.get("process"), int) or holder.get("host") != socket.gethostname():
        return bool(holder)
    try:
        os.kill(holder["process"], 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _locked(file: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # a file system without locks guards nothing, and is no reason to refuse a run
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EAGAIN)
    return True
