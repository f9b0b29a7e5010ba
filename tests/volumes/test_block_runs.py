# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest

from monai_boundary.__main__ import main
from monai_boundary.volumes.block_grid import Block, BlockGrid
from monai_boundary.volumes.block_runs import BlockRunner, block_runner, require_dask
from monai_boundary.volumes.overlap_counts import OverlapCount

GRID = BlockGrid((10, 1, 1), (1, 1, 1), (0, 0, 0))


@dataclass(frozen=True)
class Touch:
    """Leave a file for each try; some blocks fail in all of them, some in the first, one kills its process once."""

    folder: Path
    fails: tuple[int, ...] = ()
    fails_once: tuple[int, ...] = ()
    kills_once: tuple[int, ...] = ()

    def __call__(self, block: Block) -> None:
        tries = len(list(self.folder.glob(f"{block.index}.*")))
        (self.folder / f"{block.index}.{tries}").write_text(str(os.getpid()))
        if block.index in self.kills_once and tries == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        if block.index in self.fails or (block.index in self.fails_once and tries == 0):
            raise OSError(f"disk of {block.index}")


def check_failures(runner: BlockRunner, folder: Path) -> None:
    failed = runner.run(Touch(folder, fails=(7, 3), fails_once=(5,)), list(GRID), "touch")
    assert [str(f) for f in failed] == [
        f"block {k} at ({k}, 0, 0) of shape (1, 1, 1): OSError: disk of {k}" for k in (3, 7)
    ]
    tries = [len(list(folder.glob(f"{k}.*"))) for k in range(10)]
    assert tries == [1, 1, 1, 3, 1, 2, 1, 3, 1, 1], "a block that fails is tried three times, and the others are done"


@pytest.mark.parametrize("workers", [1, 3])
def test_threads(workers: int, tmp_path: Path) -> None:
    with block_runner(workers) as runner:
        check_failures(runner, tmp_path)


def test_threads_are_as_many_as_asked_for() -> None:
    met = threading.Barrier(2, timeout=20)
    with block_runner(2) as runner:
        assert runner.run(lambda block: met.wait() and None, [GRID[0], GRID[1]], "meet") == []


def test_processes(tmp_path: Path, client: Any) -> None:
    with block_runner(cluster=client) as runner:
        check_failures(runner, tmp_path)
    used = {path.read_text() for path in tmp_path.iterdir()}
    assert str(os.getpid()) not in used
    address = client.scheduler.address
    (tmp_path / "b").mkdir()
    with block_runner(cluster=address) as runner:
        assert runner.run(Touch(tmp_path / "b"), list(GRID), "touch") == []
    assert len(list((tmp_path / "b").iterdir())) == 10


def test_a_worker_that_is_killed_costs_nothing(tmp_path: Path, client: Any) -> None:
    with block_runner(cluster=client) as runner:
        assert runner.run(Touch(tmp_path, kills_once=(4,)), list(GRID), "touch") == []
    assert {path.name.split(".")[0] for path in tmp_path.iterdir()} == {str(k) for k in range(10)}
    killed, done = ((tmp_path / f"4.{k}").read_text() for k in range(2))
    assert killed != done


def test_a_scheduler_that_is_killed_ends_the_job_with_an_error(tmp_path: Path) -> None:
    """In a process of its own; it has no workers, so that the blocks wait until it is gone."""
    file = tmp_path / "scheduler.json"
    options = ["--port", "0", "--scheduler-file", str(file), "--no-dashboard", "--host", "127.0.0.1"]
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", *options]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as scheduler:
        try:
            while scheduler.poll() is None and not (file.is_file() and file.read_text().endswith("}")):
                time.sleep(0.05)
            with (
                dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
                block_runner(cluster=str(file)) as runner,
            ):
                threading.Timer(0.3, scheduler.kill).start()
                with pytest.raises(OSError, match=r"the cluster is gone at block .* run the same again to go on"):
                    runner.run(Touch(tmp_path), list(GRID), "touch")
        finally:
            scheduler.kill()


def test_a_page_of_traces_is_told_in_a_line() -> None:
    def traced(_: Block) -> None:
        raise RuntimeError("the interpreter failed\n  File a\n  File b\nout of memory\n")

    with block_runner() as runner:
        (failure,) = runner.run(traced, [GRID[0]], "trace")
    assert failure.error == "RuntimeError: the interpreter failed ... out of memory"


def test_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    for workers in (0, True, 1.5):
        with pytest.raises(ValueError, match="`workers` needs a whole number >= 1"), block_runner(workers):  # type: ignore[arg-type]
            pass
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(ImportError, match=r"volumes need dask: pip install .monai-boundary\[volumes\]"):
        require_dask("dask")


@dataclass(frozen=True)
class Hold(OverlapCount):
    """Name the process, and wait until there is a file that lets all go on."""

    def __call__(self, block: Block) -> None:
        out = self.records.folder.parents[1]
        (out / f"{block.index}.begun").write_text(str(os.getpid()))
        end = time.monotonic() + 60
        while not (out / "go").exists() and time.monotonic() < end:
            time.sleep(0.01)


@pytest.mark.skipif(os.name == "nt", reason="sends SIGTERM")
@pytest.mark.usefixtures("client")  # with it processes are forked from one that has imported the package
@pytest.mark.parametrize("cluster", ["threads", "processes"])
def test_sigterm_ends_a_command_with_its_workers(
    cluster: str, tmp_path: Path, store: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the blocks that were begun are waited for; worker processes that do not end by then are killed."""
    path, out = store("t", np.ones((16, 16, 16), np.uint8)), tmp_path / "out"
    monkeypatch.setattr("monai_boundary.volumes.volume_evaluation.OverlapCount", Hold)

    def send() -> None:
        end = time.monotonic() + 60
        while len(list(out.glob("*.begun"))) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.1)
        (out / "go").touch()

    sender = threading.Thread(target=send)
    sender.start()
    words = ["volume", "evaluate", path, path, "--output_dir", str(out), "--block", "4", "--no-page", "--workers", "2"]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--cluster", cluster])
    assert ended.value.code == 128 + signal.SIGTERM
    sender.join()
    processes = {int(file.read_text()) for file in out.glob("*.begun")}
    assert len(list(out.glob("*.begun"))) < 20, "of 64"
    if cluster == "threads":
        assert processes == {os.getpid()}
        return
    assert len(processes) == 2
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
