# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from monai_boundary import _folder_lock as folder_lock
from monai_boundary._folder_lock import FolderLock

# what another process does with the folder: the lock by the operating system's own call, not by the code under test
HOLD = """
import fcntl, json, os, socket, sys, time
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
json.dump({"process": int(sys.argv[2]) or os.getpid(), "host": socket.gethostname(), "since": "then"}, file)
file.flush()
print("held", flush=True)
time.sleep(float(sys.argv[3]))
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with hold(tmp_path) as process:
        yield process
        process.kill()


def hold(folder: Path, pid: int = 0, seconds: float = 60) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", HOLD, str(folder / ".running.json"), str(pid), str(seconds)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_and_a_killed_one_does_not_block(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    lock = FolderLock(tmp_path)
    with pytest.raises(
        ValueError, match=f"`output_dir` needs a folder of its own, .* is in use by process {holder.pid}"
    ):
        lock.acquire()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / ".running.json").is_file(), "what it left"
    lock.acquire()
    assert f'"process": {os.getpid()}' in (tmp_path / ".running.json").read_text()
    lock.release()
    assert list(tmp_path.iterdir()) == []


def test_the_workers_of_a_killed_run_are_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with hold(tmp_path, pid=gone.pid, seconds=1) as orphan:
        began = time.monotonic()
        lock = FolderLock(tmp_path)
        lock.acquire()
        assert time.monotonic() - began > 0.3
        orphan.wait()
    lock.release()
    monkeypatch.setattr(folder_lock, "ORPHANS", 0.1)
    with hold(tmp_path, pid=gone.pid) as orphan:
        with pytest.raises(ValueError, match="in use by process"):
            FolderLock(tmp_path).acquire()
        orphan.kill()


def test_the_same_process_takes_over(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    first.acquire()
    second.acquire()
    first.release()
    assert (tmp_path / ".running.json").is_file(), "the first has nothing to give back"
    second.release()
    second.release()


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ValueError, match=r"`evaluation_dir` needs a folder that can be written, got .*Permission"):
        FolderLock(tmp_path / "a", "evaluation_dir").acquire()
    tmp_path.chmod(0o700)


def test_a_lock_that_is_forgotten_is_given_back(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    lock.acquire()
    del lock
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(ValueError, match="`output_dir` needs a folder that can be written"):
        FolderLock(tmp_path / "a").acquire()
