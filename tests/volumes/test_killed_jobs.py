# SPDX-License-Identifier: Apache-2.0
"""A job that was killed ten times at random ends with the bytes of one that was not."""

from __future__ import annotations

import multiprocessing
import shutil
import signal
import time
from collections.abc import Callable
from multiprocessing import get_all_start_methods
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from monai_boundary._folder_lock import FolderLock
from monai_boundary.volumes import evaluate_volume, map_volume, predict_volume, segment_volume
from tests.volumes.conftest import cells
from tests.volumes.test_volume_segmentation import bytes_of, membrane

KILLS, MOST = 10, 100


def job_of(action: str, folder: Path, store: Callable[..., str], rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """The function, its volumes and its options: 8 blocks each."""
    options: dict[str, Any] = {"block": 7, "workers": 2}
    if action == "segment":
        return segment_volume, (store("m", membrane(rng, (14, 14, 14))),), options | {"min_size": 3}
    if action == "predict":
        torch.manual_seed(0)
        torch.jit.script(torch.nn.Conv2d(1, 1, 3, padding=1)).save(folder / "network.ts")
        raw = store("raw", rng.integers(0, 255, (14, 14, 14)).astype(np.uint8))
        return predict_volume, (raw,), options | {"network": folder / "network.ts", "window": (8, 8)}
    truth = store("t", cells(rng, (14, 14, 14)).astype(np.uint32) + 1)
    if action == "maps":
        return map_volume, (truth,), options | {"radius_nm": 5, "spacing": 1, "values": (1, 4, 7), "regions": True}
    return evaluate_volume, (store("p", cells(rng, (14, 14, 14)).astype(np.uint32)), truth), options | {"page": False}


def holder_of(folder: Path) -> str:
    """Who works in a folder, as its lock says."""
    try:
        return (folder / ".running.json").read_text()
    except FileNotFoundError:
        return ""


@pytest.mark.usefixtures("client")  # with it processes are forked from one that has imported the package
@pytest.mark.parametrize("action", ["predict", "segment", "evaluate", "maps"])
def test_killed_at_random_ten_times(
    action: str, tmp_path: Path, store: Callable[..., str], rng: np.random.Generator
) -> None:
    work, volumes, options = job_of(action, tmp_path, store, rng)
    work(*volumes, tmp_path / "a", **options)
    context = multiprocessing.get_context("forkserver" if "forkserver" in get_all_start_methods() else "spawn")
    killed, lasts = 0, 0.4
    for _ in range(MOST):
        job = context.Process(target=work, args=(*volumes, tmp_path / "b"), kwargs=options)
        job.start()
        while job.is_alive() and f'"process": {job.pid}' not in holder_of(tmp_path / "b"):
            time.sleep(0.005)  # it has not begun: importing takes longer than the work
        job.join(rng.uniform(0, lasts))
        job.kill()
        job.join()
        killed += job.exitcode == -signal.SIGKILL
        if killed == KILLS:
            break
        if job.exitcode == 0:  # it was done before it could be killed
            shutil.rmtree(tmp_path / "b")
            lasts = max(0.02, lasts * 0.7)
    assert killed == KILLS, "in the middle of its work"
    work(*volumes, tmp_path / "b", **options)
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
    with FolderLock(tmp_path / "b"):
        pass
