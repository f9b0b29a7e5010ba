# SPDX-License-Identifier: Apache-2.0
"""A job that was killed ten times at random ends with the bytes of one that was not."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numcodecs.blosc
import numpy as np
import pytest
import torch
from tqdm import tqdm

from monai_boundary._folder_lock import FolderLock
from monai_boundary.volumes import evaluate_volume, map_volume, predict_volume, segment_volume
from tests.volumes.conftest import cells
from tests.volumes.test_flood_stages import walls
from tests.volumes.test_volume_segmentation import bytes_of, membrane

KILLS, MOST = 10, 100
METHODS = ("components", "watershed", "barrier_cut")


def job_of(action: str, folder: Path, store: Callable[..., str], rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """The function, its volumes and its options: 8 blocks each."""
    options: dict[str, Any] = {"block": 7}
    if action in ("watershed", "barrier_cut"):  # up to five rounds
        path = store("m", walls(np.random.default_rng(13), (12, 13, 11)) ** 2)
        kind = {"method": action, "threshold": 0.45, "seed_distance": 2.0, "block": (6, 7, 6)}
        return segment_volume, (path,), options | kind
    if action == "components":
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


def floods_done(folder: Path) -> int:
    """How many floods of a block are recorded, of all rounds."""
    walked = os.walk(folder / "blocks")  # which passes over what is removed meanwhile
    return sum(name.endswith(".record") for at, _, names in walked if "/blocks/flood" in at for name in names)


def kill_ten_times(job: tuple[Any, Any, Any], folder: Path, in_rounds: bool) -> None:
    """Do a job in one go, and again in processes forked from this one, which has its kernels loaded.

    They are killed at random, of floods after the process has flooded at least one block. The last one is not.
    """
    tqdm.set_lock(threading.RLock())  # its own, and that of Blosc, would be shared, and held by who was killed
    numcodecs.blosc.use_threads = False
    work, volumes, options = job
    work(*volumes, folder / "a", **options)  # without threads, which a fork would lack
    rng, output = np.random.default_rng(0), folder / "b"
    killed, lasts = 0, 0.05 if in_rounds else 0.2
    for _ in range(MOST):
        done, child = floods_done(output), os.fork()
        if not child:
            status = 1
            try:
                work(*volumes, output, **options, workers=2)
                status = 0
            finally:
                os._exit(status)
        ended = (0, 0)
        while not ended[0]:
            ended = os.waitpid(child, os.WNOHANG)
            if f'"process": {child}' in holder_of(output) and (not in_rounds or floods_done(output) > done):
                break
            time.sleep(0.002)
        time.sleep(rng.uniform(0, lasts))
        if not ended[0]:
            os.kill(child, signal.SIGKILL)
            ended = os.waitpid(child, 0)
        assert ended[1] in (0, signal.SIGKILL), "it failed"
        if ended[1]:
            killed += 1
        else:  # it was done before it could be killed
            shutil.rmtree(output)
            lasts *= 0.7
        if killed == KILLS:
            break
    assert killed == KILLS, "in the middle of its work"
    work(*volumes, output, **options)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
@pytest.mark.usefixtures("client")  # with it processes are forked from one that has imported the package
@pytest.mark.parametrize("action", ["predict", *METHODS, "evaluate", "maps"])
def test_killed_at_random_ten_times(
    action: str, tmp_path: Path, store: Callable[..., str], rng: np.random.Generator
) -> None:
    job = job_of(action, tmp_path, store, rng)
    process = multiprocessing.get_context("forkserver").Process(
        target=kill_ten_times, args=(job, tmp_path, action in METHODS[1:])
    )
    process.start()
    process.join(100)
    process.kill()
    process.join()
    assert process.exitcode == 0
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
    with FolderLock(tmp_path / "b"):
        pass
