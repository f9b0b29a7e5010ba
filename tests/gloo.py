# SPDX-License-Identifier: Apache-2.0
"""A function in two processes that know each other, in a fraction of a second: forked, with a file as meeting point."""

from __future__ import annotations

import multiprocessing as mp
import os
import pickle
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist


def in_two_processes(call: Callable[[int], Any], folder: Path, seconds: float = 240) -> list[Any]:
    """Return what ``call(rank)`` returned in each of two processes, or the exception that it raised.

    Args:
        call: nothing that it takes along has to be pickled, what it returns has.
        folder: an empty one for the meeting point and the results.
        seconds: after which a process that waits for ever is ended, and the test fails.
    """
    folder.mkdir(exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of newer Pythons, about forks beside threads: the children start none
        processes = [
            mp.get_context("fork").Process(target=_run, args=(call, rank, folder, seconds)) for rank in range(2)
        ]
        for process in processes:
            process.start()
    for process in processes:
        process.join(seconds)
        if process.is_alive():
            process.kill()
            process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    return [pickle.loads((folder / f"{rank}.pkl").read_bytes()) for rank in range(2)]


def _run(call: Callable[[int], Any], rank: int, folder: Path, seconds: float) -> None:
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    dist.init_process_group("gloo", f"file://{folder / 'meeting'}", timedelta(seconds=seconds), world_size=2, rank=rank)
    try:
        found = call(rank)
    except Exception as error:
        found = error
    (folder / f"{rank}.pkl").write_bytes(pickle.dumps(found))
    if dist.is_initialized():  # a bundle's training has done it
        dist.destroy_process_group()
