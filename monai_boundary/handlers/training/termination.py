# SPDX-License-Identifier: Apache-2.0
"""SIGTERM in a training: the step that runs is finished and saved, and the process ends with a message."""

from __future__ import annotations

import os
import random
import signal
import threading
from types import FrameType
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine


class StoppedTraining(SystemExit):
    """The end of a training that was asked to end: exit code 143, as of a process that SIGTERM ended.

    Args:
        message: what was saved.

    Example:
        >>> StoppedTraining("saved").code, str(StoppedTraining("saved"))
        (143, 'saved')
    """

    def __init__(self, message: str) -> None:
        super().__init__(128 + signal.SIGTERM)
        self.message = message

    def __str__(self) -> str:
        return self.message


class Termination:
    """Notes SIGTERM while an engine runs; outside of it, and in worker processes, the signal does what it did.

    A second one ends the process at once. Python takes signals in its main thread only: in another nothing is noted.

    Args:
        engine: the trainer.
    """

    def __init__(self, engine: Engine) -> None:
        self.asked = False
        self._engine = engine
        self._process = os.getpid()
        self._before: Any = signal.SIG_DFL
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._note)

    def forget(self) -> None:
        """Give the signal back."""
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == self._note:
            signal.signal(signal.SIGTERM, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if not self.asked and os.getpid() == self._process and _runs(self._engine, frame):
            self.asked = True
            return
        signal.signal(number, self._before if os.getpid() == self._process else signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _runs(engine: Engine, frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_locals.get("self") is engine:
            return True
        frame = frame.f_back
    return False


def random_state() -> dict[str, Any]:
    """Return the state of the generators of this process: tensors and plain values."""
    kind, words, place, has_gauss, gauss = np.random.get_state()  # noqa: NPY002 - MONAI's transforms draw from it
    return {
        "python": random.getstate(),
        "numpy": [kind, torch.as_tensor(np.asarray(words).astype(np.int64)), place, has_gauss, gauss],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Set the generators to what `random_state` returned.

    Example:
        >>> state = random_state()
        >>> first = torch.rand(2), np.random.rand(), random.random()
        >>> set_random_state(state)
        >>> bool((torch.rand(2) == first[0]).all()), np.random.rand() == first[1], random.random() == first[2]
        (True, True, True)
    """
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    kind, tensor, *rest = state["numpy"]
    np.random.set_state((kind, tensor.cpu().numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(state["torch"].cpu())
    if torch.cuda.is_available():
        there = range(torch.cuda.device_count())  # maybe fewer than where the state was taken
        for device, one in zip(there, state["cuda"], strict=False):
            torch.cuda.set_rng_state(one.cpu(), device)
