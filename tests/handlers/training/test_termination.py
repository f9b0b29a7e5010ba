# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
import time
from types import SimpleNamespace

import pytest
import torch

from monai_boundary.handlers.training.termination import (
    StoppedTraining,
    Termination,
    random_state,
    set_random_state,
)


class Engine:
    def run(self, work: object) -> None:
        work()  # type: ignore[operator]


def test_noted_once_and_given_back() -> None:
    seen: list[int] = []
    former = signal.signal(signal.SIGTERM, lambda *_: seen.append(1))
    try:
        engine = Engine()
        noted = Termination(engine)
        engine.run(lambda: os.kill(os.getpid(), signal.SIGTERM))
        assert noted.asked
        assert not seen
        engine.run(lambda: os.kill(os.getpid(), signal.SIGTERM))
        assert seen == [1], "the second one is not held up"
        noted = Termination(engine)
        noted.forget()
        os.kill(os.getpid(), signal.SIGTERM)
        assert seen == [1, 1]
    finally:
        signal.signal(signal.SIGTERM, former)


def test_a_worker_process_ends_at_once() -> None:
    """A loader's workers have the handler of their parent, and are ended by the signal."""
    noted = Termination(SimpleNamespace())
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"ready")
        time.sleep(30)
        os._exit(0)
    assert os.read(reading, 5) == b"ready"
    os.close(reading)
    os.close(writing)
    os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    noted.forget()
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGTERM


@pytest.mark.parametrize("saved", [0, 1, 2])
def test_generators_of_gpus_that_are_not_there(monkeypatch: pytest.MonkeyPatch, saved: int) -> None:
    """A training that was stopped on a machine of two GPUs goes on where there is one."""
    given: dict[int, torch.Tensor] = {}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: given.update({device: state}))
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: [torch.full((2,), k) for k in range(saved)])
    set_random_state(random_state())
    assert {device: state.tolist() for device, state in given.items()} == {k: [k, k] for k in range(min(saved, 1))}


def test_the_exit_code_is_that_of_a_process_ended_by_sigterm() -> None:
    assert StoppedTraining("saved").code == 143
