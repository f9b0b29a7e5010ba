# SPDX-License-Identifier: Apache-2.0
"""Processes as of ``python -m MODULE`` or ``python FILE`` that need not import MONAI: forks of one that has done so.

An import of MONAI takes six seconds, and the tests kill, resume and break real runs of bundles by the dozen. What is
run is a process of its own all the same, with its own words, folder, environment, streams, signals and exit code; only
the import is shared. Started as a script, this file is the process that imports and forks.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import inspect
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, TextIO


class WarmRun:
    """A run of ``python -m MODULE WORDS`` or ``python FILE WORDS``, begun when it is made.

    Args:
        words: the module's name, or a file's that ends in ``.py``, and the arguments.
        where: the working directory.
        environment: all variables of the process; None for those of this one, with warnings that are no errors.
        killed_at: the iteration of MONAI's trainer after which the process is killed by SIGKILL, wherever the machine's
            load has brought its other threads; None for never.
        pictures: draw the pictures of a bundle's validation, which take as long as all the rest of a tiny training.
    """

    def __init__(
        self,
        words: Sequence[str],
        where: Path,
        environment: dict[str, str] | None = None,
        killed_at: int | None = None,
        pictures: bool = True,
    ) -> None:
        if environment is None:
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default"}
        folder = tempfile.mkdtemp()  # in pytest's own, which it removes
        self._files = [str(Path(folder) / name) for name in ("stdout", "stderr")]
        for name in self._files:
            Path(name).touch()
        asked = {
            "words": list(words),
            "where": str(where),
            "environment": environment,
            "files": self._files,
            "killed at": killed_at,
            "pictures": pictures,
        }
        self.pid: int = _ask(asked)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, minus the signal that ended it, or None while it runs."""
        if self.returncode is None:
            self.returncode = _ask({"state of": self.pid})
        return self.returncode

    def wait(self, seconds: float = 300) -> int:
        """Wait for the end, and return the exit code; a run that lasts longer is killed, and fails the test."""
        end = time.monotonic() + seconds
        while self.poll() is None:
            if time.monotonic() > end:
                self.kill()
                raise AssertionError(f"timed out: {self.output}")
            time.sleep(0.01)
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        """End it by SIGKILL, unless it has ended, and wait until it is gone."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()

    @property
    def stdout(self) -> str:
        """What it printed."""
        return Path(self._files[0]).read_text(encoding="utf-8")

    @property
    def stderr(self) -> str:
        """What it said on the other stream."""
        return Path(self._files[1]).read_text(encoding="utf-8")

    @property
    def output(self) -> str:
        """Both streams, one after the other."""
        return self.stdout + self.stderr


def _ask(message: dict[str, Any]) -> Any:
    with _turn:
        server = _server()
        server.write(json.dumps(message) + "\n")
        server.flush()
        return json.loads(server.readline())


_turn = threading.Lock()


@cache
def _server() -> TextIO:
    """Connect to the process that forks, which the first who needs it starts: the workers of pytest share one."""
    place = Path(os.environ.get("WARM_PYTHON") or tempfile.mkdtemp()) / "warm"
    connection = socket.socket(socket.AF_UNIX)
    with Path(f"{place}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            connection.connect(str(place))
        except OSError:  # there is none, or it has ended
            place.unlink(missing_ok=True)
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default"}
            nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
            command = [sys.executable, __file__, str(place)]
            pid = os.posix_spawn(sys.executable, command, environment, file_actions=nothing)
            while not place.exists():
                assert os.waitpid(pid, os.WNOHANG)[0] == 0, "it has ended"
                time.sleep(0.01)
            connection.connect(str(place))
    stream = connection.makefile("rw")
    connection.close()  # with the stream: when the last who has called closes his, the process ends
    atexit.register(stream.close)
    return stream


def _listen(place: str) -> socket.socket:
    """Be found under this name, from when on a call waits for its answer."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{place}.new")
    server.listen()
    Path(f"{place}.new").rename(place)
    return server


def _serve(server: socket.socket) -> dict[str, Any] | None:
    """Fork for each request; return it in the child, and None when all that have called have ended."""
    ended: dict[int, int] = {}
    called = False
    with selectors.DefaultSelector() as selector:
        selector.register(server, selectors.EVENT_READ)
        while not called or len(selector.get_map()) > 1:
            for key, _ in selector.select():
                if key.fileobj is server:
                    caller, called = server.accept()[0], True
                    selector.register(caller, selectors.EVENT_READ, caller.makefile("rw"))
                    continue
                line = key.data.readline()
                if not line:
                    selector.unregister(key.fileobj)
                    _close(key)
                    continue
                asked = json.loads(line)
                answer = os.fork() if "words" in asked else _state_of(asked["state of"], ended)
                if answer == 0 and "words" in asked:
                    for other in list(selector.get_map().values()):
                        _close(other)
                    return asked
                key.data.write(json.dumps(answer) + "\n")
                key.data.flush()
    return None


def _close(key: selectors.SelectorKey) -> None:
    if key.data is not None:
        key.data.close()
    key.fileobj.close()  # type: ignore[union-attr]


def _state_of(pid: int, ended: dict[int, int]) -> int | None:
    """Return how one has ended, or None."""
    if pid not in ended:
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone == 0:
            return None
        ended[pid] = os.waitstatus_to_exitcode(status)
    return ended[pid]


def _become(asked: dict[str, Any]) -> None:
    """Let this process be as one that was just started."""
    import numpy as np

    for number, name in enumerate(asked["files"], start=1):
        os.dup2(os.open(name, os.O_WRONLY), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  # as Python opens its own
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["where"])
    tempfile.tempdir = None
    np.random.seed()  # noqa: NPY002  # as every start of NumPy draws anew
    sys.path[0] = asked["where"]
    sys.argv = asked["words"]
    if asked["killed at"] is not None:
        _die_at(asked["killed at"])
    if not asked["pictures"]:
        from monai_boundary.handlers.pictures.cases import CasePictures

        CasePictures.draw = lambda pictures, engine: None  # type: ignore[method-assign]


def _die_at(iteration: int) -> None:
    from ignite.engine import Events
    from monai.engines import SupervisedTrainer

    plain = SupervisedTrainer.run

    def run(trainer: SupervisedTrainer) -> None:
        die = Events.ITERATION_COMPLETED(once=iteration)
        trainer.add_event_handler(die, lambda: os.kill(os.getpid(), signal.SIGKILL))
        plain(trainer)

    SupervisedTrainer.run = run


def _run(words: list[str]) -> int:
    """Run the module or file, and return the exit code that Python would have."""
    try:
        if words[0].endswith(".py"):
            runpy.run_path(words[0], run_name="__main__")
        else:
            runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        print(end.code, file=sys.stderr)  # noqa: T201
        return 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _leave(code: int) -> None:
    """End as Python does, threads, handlers of `atexit` and streams, but for the objects, one by one.

    To take down what MONAI imports costs a process a second, and the kernel needs nothing of it.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def unsynced_databases() -> None:
    """Let SQLite not wait for the disk, where MLflow makes hundreds of transactions.

    No test looks at what a failure of the power would leave.
    """
    with contextlib.suppress(ImportError):  # MLflow brings it
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        @event.listens_for(Engine, "connect")
        def _(connection: Any, _: object) -> None:
            if type(connection).__module__.startswith("sqlite3"):
                connection.execute("PRAGMA synchronous = OFF")


def _import() -> None:
    """Import what a run of a bundle does, with all that MONAI's search for names loads."""
    unsynced_databases()
    import fire  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import torch._dynamo  # noqa: F401  # by the first optimiser
    from monai.bundle import ConfigParser
    from numba.core.registry import cpu_target

    import monai_boundary.handlers
    import monai_boundary.workflows  # noqa: F401
    from monai_boundary.report.page_shell import require_page_libraries

    require_page_libraries()
    ConfigParser({"a": {"_target_": "Compose"}}).get_parsed_content("a")
    # Of each process that calls a kernel, this is a second: which types numba knows. It compiles nothing.
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()
    inspect.stack()  # Fire's first question, for which Python looks up the file of every module
    assert threading.active_count() == 1, "a fork has one thread"


if __name__ == "__main__":
    listening = _listen(sys.argv[1])
    gc.disable()
    _import()
    gc.freeze()  # what is imported stays: a fork need neither search it for garbage nor copy it for that
    gc.enable()
    request = _serve(listening)
    if request is not None:
        _become(request)
        _leave(_run(request["words"]))
