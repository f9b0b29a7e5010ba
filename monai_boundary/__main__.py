# SPDX-License-Identifier: Apache-2.0
"""The command line, ``monai-boundary`` or ``python -m monai_boundary``: one command for each thing to do."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from monai_boundary import __version__
from monai_boundary._extras import EXTRA_OF, missing_module, pip_line

# name -> (module whose ``main(arguments)`` returns the exit code, what it does). Imported when it is asked for, so that
# a command needs no more packages than its own.
COMMANDS = {
    "bundle": ("monai_boundary.commands.bundle_command", "list, copy, run, pack and look into the bundles"),
    "inspect": ("monai_boundary.inspection.inspect_command", "look at a data set before anyone trains"),
    "evaluate": ("monai_boundary.report.evaluate_command", "score folders of predictions, on a page to look at"),
    "volume": ("monai_boundary.volumes.volume_command", "volumes larger than memory, block by block"),
    "study": ("monai_boundary.study.study_command", "compare losses (or anything) over seeds and folds"),
    "doctor": ("monai_boundary.commands.doctor_command", "versions, extras, backends, GPU, and a self-test"),
}

_STOPPED = "stopped; run the same command again to go on."


class _SigtermError(KeyboardInterrupt):
    """SIGTERM came, from ``kill`` or a scheduler whose time is over: as Ctrl-C, but for the exit code."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; an error ends in one line that says what to mend, and an exit code other than 0.

    Args:
        arguments: None for those of the process. ``--debug`` among them shows where an error comes from.

    Raises:
        SystemExit: with 1 and a line for an error, 2 and the usage for a call that is none, 143 after SIGTERM, or the
            command's own code.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S")
    words = sys.argv[1:] if arguments is None else list(arguments)
    own = words[: words.index("run")] if words[:2] == ["bundle", "run"] else words  # the rest is for the run
    given = [*(word for word in own if word != "--debug"), *words[len(own) :]]
    name = given[0] if given else "--help"
    if name in ("--version", "-V", "version"):
        sys.stdout.write(f"monai_boundary {__version__}\n")
        return
    if name in ("--help", "-h", "help"):
        sys.stdout.write(usage())
        return
    if name not in COMMANDS:
        sys.stderr.write(f"error: {name!r} is no command.\n\n{usage()}")
        raise SystemExit(2)
    try:
        with _ended_by_sigterm():
            code = _command(name, given[1:])
    except Exception as error:
        if given != words:
            traceback.print_exc()
        missing = missing_module(error)
        if missing is not None and "pip install" not in str(error):
            error = ImportError(f"`{' '.join(given[:2])}` needs {missing}: {pip_line(EXTRA_OF[missing])}")
        expected = isinstance(error, (ValueError, TypeError, ImportError, OSError)) and str(error)
        raise SystemExit(
            f"error: {error if expected else f'{type(error).__name__}: {error} (--debug shows where)'}"
        ) from error
    except _SigtermError:
        sys.stderr.write(f"{_STOPPED}\n")
        raise SystemExit(128 + signal.SIGTERM) from None
    except KeyboardInterrupt:
        raise SystemExit(_STOPPED) from None
    if code:
        raise SystemExit(code)


def usage() -> str:
    """Return what ``--help`` prints.

    Example:
        >>> usage().splitlines()[0]
        'usage: monai-boundary COMMAND ...   (or python -m monai_boundary)'
    """
    lines = [f"  {name:10} {about}" for name, (_, about) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: monai-boundary COMMAND ...   (or python -m monai_boundary)",
            "",
            *lines,
            "",
            "COMMAND --help tells more; --version; --debug shows where an error comes from.",
            "",
        ]
    )


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """End what runs here by an exception where SIGTERM comes, so that its processes end with it; a second one kills."""
    if threading.current_thread() is not threading.main_thread():  # Python gives signals to that one alone
        yield
        return
    process = os.getpid()

    def end(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        if os.getpid() == process:
            raise _SigtermError
        os.kill(os.getpid(), number)  # a worker that was forked from this process

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)


def _command(name: str, arguments: Sequence[str]) -> int:
    code: int = importlib.import_module(COMMANDS[name][0]).main(arguments)
    return code


if __name__ == "__main__":
    main()
