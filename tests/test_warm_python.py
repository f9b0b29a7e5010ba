# SPDX-License-Identifier: Apache-2.0
"""A run that is forked is as one that was started: its words, folder, variables, streams, draws, signals, exit code."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.warm_python import WarmRun

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
PROBE = """
import atexit, os, sys, threading, time
import numpy as np
print(__name__, sys.argv[1:], os.getcwd(), os.environ["WORD"], sys.stdin.read(), np.random.rand())
print("trouble", file=sys.stderr)
if sys.argv[1] == "wait":
    sys.stdout.flush()
    __import__("time").sleep(60)
if sys.argv[1] == "fail":
    raise ValueError("why")
if sys.argv[1] == "last words":
    atexit.register(print, "at the end", end="")
    threading.Thread(target=lambda: (time.sleep(0.2), print("in a thread"))).start()
    sys.exit("no way")
sys.exit(3)
"""


@pytest.fixture
def run(tmp_path: Path) -> type[WarmRun]:
    (tmp_path / "probe.py").write_text(PROBE)
    return lambda *words: WarmRun(["probe", *words], tmp_path, {"WORD": "given"})  # type: ignore[return-value]


def test_words_folder_variables_streams_and_exit_code(run: type[WarmRun], tmp_path: Path) -> None:
    first, second = run("a b", "c"), run("a b", "c")
    assert (first.wait(), second.wait()) == (3, 3)
    assert first.pid != second.pid
    told, _, draw = first.stdout.rstrip().rpartition(" ")
    assert told == f"__main__ ['a b', 'c'] {tmp_path} given "
    assert draw != second.stdout.split()[-1], "NumPy draws anew"
    assert first.stderr == "trouble\n"


def test_an_error_has_its_traceback(run: type[WarmRun]) -> None:
    failed = run("fail")
    assert failed.wait() == 1
    assert failed.stderr.startswith("trouble\nTraceback (most recent call last):")
    assert failed.stderr.endswith("ValueError: why\n")


def test_a_kill_is_seen(run: type[WarmRun]) -> None:
    waiting = run("wait")
    while not waiting.stdout:
        time.sleep(0.01)
    assert waiting.poll() is None
    waiting.kill()
    assert waiting.returncode == -signal.SIGKILL


def test_threads_end_and_handlers_are_called(run: type[WarmRun]) -> None:
    ended = run("last words")
    assert ended.wait() == 1
    assert ended.stdout.endswith("in a thread\nat the end")
    assert ended.stderr == "trouble\nno way\n"
