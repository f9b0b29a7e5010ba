# SPDX-License-Identifier: Apache-2.0
"""Cases in several processes at once; one whose process dies is told from the others, which go on."""

from __future__ import annotations

import math
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TextIO, TypeVar

PRELOAD = ("monai_boundary.report.worker_start",)
"""What processes of a report have in common, made ready once."""

_SOME = 8

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_cases(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int, preload: Sequence[str] = ()
) -> Iterator[tuple[Job, Result | None]]:
    """Yield each job with its result as it ends, or with None where its process died (killed, or out of memory).

    One worker works in this process. When a process dies, the jobs that were running are run again, each in a process
    of its own, to tell which it was. Whatever ends this early (SIGTERM, Ctrl-C) ends the processes at once, too.

    Args:
        function: of a module, so that processes find it; it raises nothing.
        jobs: its arguments.
        workers: processes.
        preload: modules that every process needs; they are imported once where the system can do that.
    """
    if workers == 1:
        for job in jobs:
            yield job, function(job)
        return
    context = _context(preload)
    waiting = list(reversed(jobs))
    while waiting:
        suspects: list[Job] = []
        with _pool(min(workers, len(waiting)), context) as pool:
            running: dict[Future[Result], Job] = {}
            while (waiting and not suspects) or running:
                while waiting and not suspects and len(running) < 2 * workers:
                    job = waiting.pop()
                    try:
                        running[pool.submit(function, job)] = job
                    except BrokenProcessPool:
                        suspects.append(job)
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    job = running.pop(future)
                    if isinstance(future.exception(), BrokenProcessPool):
                        suspects.append(job)
                    else:
                        yield job, future.result()
        for job in suspects:
            yield job, _alone(function, job, context)


def _alone(function: Callable[[Job], Result], job: Job, context: Any) -> Result | None:
    with _pool(1, context) as pool:
        try:
            return pool.submit(function, job).result()
        except BrokenProcessPool:
            return None


@contextmanager
def _pool(workers: int, context: Any) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes end with the block; where that ends early, at once: its jobs may take many minutes."""
    before = set(multiprocessing.active_children())
    with ProcessPoolExecutor(workers, context) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - before:
                process.terminate()
            raise


def _context(preload: Sequence[str]) -> Any:
    # threads of torch and numba may hold locks: a plain fork of them can hang
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    return context


class CaseProgress:
    """Tells how many cases are done and how long the others will take: one line that is written anew on a terminal.

    Args:
        total: cases that are to be scored.
        stream: where to; a line every ten seconds if it is no terminal.
        clock: seconds.
    """

    def __init__(self, total: int, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = total
        self.done = 0
        self.stream = sys.stderr if stream is None else stream
        self.clock = clock
        self.began = self._told = self._first = clock()

    def step(self) -> None:
        """Count a case."""
        self.done += 1
        now = self.clock()
        if self.done == 1:
            self._first = now
        is_terminal = self.stream.isatty()
        if not is_terminal and self.done < self.total and now - self._told < 10:
            return
        self._told = now
        text = f"{self.done} of {self.total} cases, the first in {spoken_time(now - self.began)}"
        if self.done > 1:
            each = self._seconds_each(now)
            left = each * (self.total - self.done)
            text = f"{self.done} of {self.total} cases, {each:.2g} s each, {spoken_time(left)} left"
        if self.done == self.total:
            text = f"{self.total} cases in {spoken_time(now - self.began)}"
        end = "\r" if is_terminal and self.done < self.total else "\n"
        self.stream.write(f"\r{text:<60}{end}" if is_terminal else f"{text}\n")
        self.stream.flush()

    def _seconds_each(self, now: float) -> float:
        """Of those after the first, which waits for processes to start, as soon as they are some."""
        if self.done <= _SOME:
            return (now - self.began) / self.done
        return (now - self._first) / (self.done - 1)


def spoken_time(seconds: float) -> str:
    """Return a time as people say it.

    Args:
        seconds: >= 0.

    Example:
        >>> spoken_time(4.2), spoken_time(187), spoken_time(7300)
        ('5 s', '3 min 07 s', '2 h 01 min')
    """
    whole = math.ceil(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
