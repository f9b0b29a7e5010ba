# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
import os
import re
import resource
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from monai_boundary.workflows.runs.errors import end_with_one_line, error_line
from monai_boundary.workflows.runs.processes import made_together
from tests.gloo import in_two_processes


def wrapped(error: Exception, *messages: str) -> Exception:
    for message in messages:
        outer = RuntimeError(message)
        outer.__cause__ = error
        error = outer
    return error


def test_the_message_beneath_the_wrappers() -> None:
    cause = ValueError("`lr` needs a number > 0, got -1.")
    layers = ["applying transform <X>", "Failed to instantiate component 'A'", "Failed to evaluate ConfigExpression: x"]
    assert error_line(wrapped(cause, *layers)) == "error: `lr` needs a number > 0, got -1."
    assert error_line(wrapped(cause, "mine")) == "error: RuntimeError: mine", "other causes are not dug out"
    assert error_line(KeyError("a")) == "error: KeyError: 'a'"
    assert error_line(FileNotFoundError(2, "No such file", "x.pt")) == "error: [Errno 2] No such file: 'x.pt'"
    assert error_line(ValueError()) == "error: ValueError: no message"
    assert error_line(KeyboardInterrupt()).startswith("stopped")


def test_of_a_worker_process() -> None:
    loader = torch.utils.data.DataLoader(Items(), num_workers=1, timeout=60)
    with pytest.raises(RuntimeError) as caught:
        list(loader)
    assert error_line(caught.value) == "error: ValueError: `flair` needs finite values in a.nii."


class Items(torch.utils.data.Dataset[int]):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> int:
        try:
            raise ValueError("`flair` needs finite values in a.nii.")
        except ValueError as error:
            raise RuntimeError("applying transform <Y>") from error


class Greedy(torch.utils.data.Dataset[int]):
    """Of items that need more memory than there is, in one of three ways to find out."""

    def __init__(self, way: str) -> None:
        self.way = way

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> int:
        if self.way == "killed":
            os.kill(os.getpid(), signal.SIGKILL)  # as the system does
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, resource.RLIM_INFINITY))
        shape = (2**20, 2**10)
        return len(np.ones(shape) if self.way == "numpy" else torch.ones(shape) if self.way == "torch" else [0] * 2**30)


@pytest.mark.parametrize("way", ["python", "numpy", "torch"])
def test_memory_that_ends_in_a_worker(way: str) -> None:
    loader = torch.utils.data.DataLoader(Greedy(way), num_workers=1, timeout=60)
    with pytest.raises((MemoryError, RuntimeError)) as caught:
        list(loader)
    line = error_line(caught.value)
    assert line.startswith("error: memory has ended in DataLoader worker process 0"), line
    assert line.endswith(". Give fewer --num_workers, a smaller --patch_size or --batch_size."), line
    amount = {"python": "", "numpy": " (unable to allocate 8.00 GiB ", "torch": " (tried to allocate 4294967296 bytes"}[
        way
    ]
    assert f"process 0{amount}" in line


def test_a_worker_that_the_system_killed() -> None:
    loader = torch.utils.data.DataLoader(Greedy("killed"), num_workers=1, timeout=60)
    with pytest.raises(RuntimeError, match="DataLoader worker") as caught:
        list(loader)
    line = error_line(caught.value)
    assert re.fullmatch(r"error: worker process \d+ of the data's loader was killed, .* --num_workers 0; .*", line), (
        line
    )


def test_memory_that_ends_in_a_worker_of_one_of_two_processes(tmp_path: Path) -> None:
    """Both say in which process it happened, and neither waits for the other."""

    def read(rank: int) -> list[int]:
        return list(torch.utils.data.DataLoader(Greedy("numpy"), num_workers=1, timeout=60)) if rank == 1 else []

    def said(_: int) -> str:
        with pytest.raises((MemoryError, RuntimeError)) as caught:
            made_together(read, [0, 1])
        return error_line(caught.value)

    first, second = in_two_processes(said, tmp_path)
    assert second.startswith("error: memory has ended in DataLoader worker process 0 (unable to allocate 8.00 GiB ")
    assert second.endswith(". Give fewer --num_workers, a smaller --patch_size or --batch_size.")
    assert first == f"error: RuntimeError: process 1 of 2 failed: {second.removeprefix('error: ')}"


def test_memory_that_ends_in_the_process_itself() -> None:
    said = "error: memory has ended in this process{}. Give a smaller --patch_size or --batch_size."
    assert error_line(MemoryError()) == said.format("")
    cuda = RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 8 GiB.")
    assert error_line(cuda) == said.format(" (tried to allocate 2.00 GiB)")


def test_weights_of_another_network_are_one_line() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.nn.Sequential(*[torch.nn.Linear(2, 2) for _ in range(9)]).load_state_dict(
            {f"{k}.weight": torch.zeros(3, 3) for k in range(9)}
        )
    line = error_line(caught.value)
    assert "\n" not in line
    assert line.startswith("error: RuntimeError: Error(s) in loading state_dict")
    assert "more lines: --debug" in line


def test_the_process_ends_with_the_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    error = wrapped(ValueError("`x` needs y."), "Failed to evaluate z")
    handlers = logging.getLogger().handlers
    filters = [list(handler.filters) for handler in handlers]
    try:
        end_with_one_line()
        sys.excepthook(type(error), error, None)
        assert capsys.readouterr().err == "error: `x` needs y.\n"
        logging.getLogger("ignite").error("it failed", exc_info=error)
        assert caplog.records[-1].exc_info is None
    finally:
        for handler, before in zip(handlers, filters, strict=True):
            handler.filters[:] = before
    end_with_one_line(debug=True)
    sys.excepthook(type(error), error, None)
    shown = capsys.readouterr().err
    assert "The above exception was the direct cause" in shown
    assert shown.endswith("error: `x` needs y.\n")
