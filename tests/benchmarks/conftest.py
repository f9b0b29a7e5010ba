# SPDX-License-Identifier: Apache-2.0
"""Benchmarks against a rival in the same run: ``pytest tests/benchmarks --benchmark-only`` prints the ratios."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

LINES = pytest.StashKey[list[str]]()


@dataclass
class Race:
    """Time functions in turns, so that all of them meet the same load, and keep the best of each."""

    lines: list[str]
    times: dict[str, float] = field(default_factory=dict)

    def run(self, rounds: int, clock: Callable[[], float] = time.perf_counter, **functions: Callable[[], Any]) -> None:
        """Call each function once to warm up, then ``rounds`` times in turns."""
        for function in functions.values():
            function()
        for _ in range(rounds):
            for name, function in functions.items():
                start = clock()
                function()
                self.times[name] = min(self.times.get(name, float("inf")), clock() - start)

    def report(self, what: str, ours: str, rival: str, bound: str) -> float:
        """Keep a line for the summary; return time of ``ours`` over time of ``rival``."""
        ratio = self.times[ours] / self.times[rival]
        line = f"{what}: {ours} {1e3 * self.times[ours]:.2f} ms, {rival} {1e3 * self.times[rival]:.2f} ms, "
        self.lines.append(f"{line}ratio {ratio:.3f} ({bound})")
        return ratio


@pytest.fixture
def race(request: pytest.FixtureRequest, benchmark: Any) -> Race:
    """Return a stop watch for this test. ``benchmark`` makes pytest skip the test unless benchmarks are asked for."""
    benchmark.pedantic(lambda: None)
    return Race(request.config.stash.setdefault(LINES, []))


def machine() -> str:
    """Return the processor and the number of cores."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores"


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the ratios and the machine."""
    lines = config.stash.get(LINES, [])
    if lines:
        terminalreporter.section(f"ratios on {machine()}")
        for line in lines:
            terminalreporter.write_line(line)
