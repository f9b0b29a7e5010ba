# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import io
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from monai_boundary.__main__ import main
from monai_boundary.report.case_evaluation import CaseJob
from monai_boundary.report.case_workers import PRELOAD, CaseProgress, run_cases, spoken_time
from tests.report.case_folders import ball, write_cases


def double(job: int) -> int:
    if job == 3:
        os.kill(os.getpid(), signal.SIGKILL)  # as the system does when memory ends
    return 2 * job


def test_one_whose_process_dies_is_told_and_the_others_go_on() -> None:
    # with what reports preload: the server of forks is started once, and later tests of this process have it as it is
    assert dict(run_cases(double, [1, 2, 3, 4, 5, 6], 2, PRELOAD)) == {1: 2, 2: 4, 3: None, 4: 8, 5: 10, 6: 12}


def test_one_worker_works_here() -> None:
    assert list(run_cases(lambda job: job + os.getpid(), [0], 1)) == [(0, os.getpid())]


def hold(job: CaseJob) -> None:
    job.record.parent.mkdir(parents=True, exist_ok=True)
    job.record.with_suffix(".pid").write_text(str(os.getpid()))
    time.sleep(30)


def is_there(process: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, 0)
        return True
    return False


@pytest.mark.skipif(os.name == "nt", reason="sends SIGTERM")
def test_sigterm_ends_an_evaluation_with_its_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler kills soon after: all cases that were begun or handed out, hours maybe, were waited for."""
    folder = write_cases(tmp_path / "t", {name: ball() for name in "abcdef"})
    monkeypatch.setattr("monai_boundary.report.folder_evaluation.evaluate_case", hold)

    def begun() -> list[Path]:
        return list((tmp_path / "out" / "cases").glob("*.pid"))

    def send() -> None:
        end = time.monotonic() + 60
        while len(begun()) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    sender = threading.Thread(target=send)
    sender.start()
    words = ["evaluate", str(folder), str(folder), "--output_dir", str(tmp_path / "out"), "--workers", "2", "--no-page"]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 128 + signal.SIGTERM
    sender.join()
    processes = [int(path.read_text()) for path in begun()]
    assert len(processes) == 2, "no other case was begun"
    end = time.monotonic() + 10
    while any(map(is_there, processes)) and time.monotonic() < end:
        time.sleep(0.01)
    assert not any(map(is_there, processes))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("terminal", [True, False])
def test_progress(terminal: bool) -> None:
    now = iter([0.0, 2.0, 20.0, 24.0])
    stream = Terminal() if terminal else io.StringIO()
    progress = CaseProgress(3, stream, lambda: next(now))
    for _ in range(3):
        progress.step()
    lines = [line.strip() for line in stream.getvalue().replace("\r", "\n").splitlines() if line.strip()]
    assert lines[-2:] == ["2 of 3 cases, 10 s each, 10 s left", "3 cases in 24 s"]
    assert ("1 of 3 cases, the first in 2 s" in lines) is terminal  # too soon for a line of a log


def test_the_start_of_processes_is_not_in_the_time_that_is_left() -> None:
    """The first case of 100 came after a minute, the others each second."""
    now = iter([0.0, *(60.0 + k for k in range(11))])
    stream = Terminal()
    progress = CaseProgress(100, stream, lambda: next(now))
    for _ in range(11):
        progress.step()
    assert stream.getvalue().rsplit("\r", 2)[1].strip() == "11 of 100 cases, 1 s each, 1 min 29 s left"


def test_spoken() -> None:
    assert spoken_time(0) == "0 s"
    assert spoken_time(59.5) == "1 min 00 s"
