# SPDX-License-Identifier: Apache-2.0
"""Running a bundle in this process, in one of its own, or until it is killed, for the bundles' tests."""

from __future__ import annotations

import ast
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigWorkflow

from tests.warm_python import WarmRun

BUNDLES = Path(__file__).parents[2] / "bundles"


@contextmanager
def quiet_process() -> Iterator[None]:
    """Let the handlers log at INFO, as with the bundle's logging.conf, and leave the process as it was."""
    root, level, path, threads = logging.getLogger(), logging.getLogger().level, list(sys.path), torch.get_num_threads()
    root.setLevel(logging.INFO)
    torch.set_num_threads(1)
    yield
    root.setLevel(level)
    sys.path[:] = path
    torch.set_num_threads(threads)


def run(bundle: str, config: str | list[str], kind: str, **overrides: Any) -> ConfigWorkflow:
    """Run a configuration in this process, as the model zoo's tests do, its properties checked."""
    names = [config] if isinstance(config, str) else config
    files = [str(BUNDLES / bundle / "configs" / name) for name in names]
    workflow = ConfigWorkflow(files, workflow_type=kind, logging_file=False, **overrides)
    workflow.initialize()
    assert workflow.check_properties() == []
    workflow.run()
    workflow.finalize()
    return workflow


def command(bundle: str, configs: str | list[str] = "train.yaml", **overrides: Any) -> list[str]:
    """Return the command line of a run."""
    folder = BUNDLES / bundle / "configs"
    files = str(folder / configs) if isinstance(configs, str) else str([str(folder / name) for name in configs])
    options = [part for name, value in overrides.items() for part in (f"--{name}", str(value))]
    return ["-m", "monai.bundle", "run", "--config_file", files, *options]


def environment() -> dict[str, str]:
    """One thread, so that two runs compute the same; warnings are not errors in what others wrote."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default"}


def as_if_untrained(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with its defaults where no training left its settings."""

    def default(value: Any) -> Any:
        taken = re.fullmatch(r"\$@training\.get\('\w+'(?:, (.*))?\)(?: or \((.*)\))?", str(value))
        if taken is None:
            return value
        return f"${taken[2]}" if taken[2] else ast.literal_eval(taken[1] or "None")

    return {key: default(value) for key, value in config.items()}


def causes(error: BaseException | None) -> list[str]:
    """Return the messages of an error and of those beneath it."""
    found = []
    while error is not None:
        found.append(str(error))
        error = error.__cause__
    return found


def call(arguments: list[str], where: Path, pictures: bool = False) -> str:
    """Run Python to the end, and return what it printed, to both streams."""
    if arguments[:1] == ["-m"] and arguments[1].startswith("monai"):
        warm = WarmRun(arguments[1:], where, environment(), pictures=pictures)
        assert warm.wait() == 0, warm.output[-3000:]
        return warm.output
    done = subprocess.run([sys.executable, *arguments], cwd=where, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def kill_at(iteration: int, arguments: list[str], where: Path) -> None:
    """Run ``-m MODULE``, and kill it (SIGKILL) after that iteration of the training, counted over the epochs."""
    process = WarmRun(arguments[1:], where, environment(), killed_at=iteration, pictures=False)
    assert process.wait() == -signal.SIGKILL, process.output[-3000:]
