# SPDX-License-Identifier: Apache-2.0
"""Several processes of one training: what is made once for all of them, and who validates what."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence, Sized
from typing import Any, TypeVar

import torch.distributed as dist
from torch.utils.data import Sampler

from monai_boundary.workflows.runs.errors import error_line

T = TypeVar("T")


def is_distributed() -> bool:
    """Return whether this process is one of several that train together.

    Example:
        >>> is_distributed()
        False
    """
    return dist.is_available() and dist.is_initialized()


def once_per_node(make: Callable[[], T]) -> T:
    """Call ``make`` in the first process of each machine, while the others wait; alone, just call it.

    Every process of a distributed training has to come here. An error of one ends all, so that none waits.

    Args:
        make: writes files that all processes of the machine read afterwards.

    Returns:
        What ``make`` returned on this machine, which is sent to its other processes: a path, not a data set.

    Raises:
        Exception: that of ``make``.
        RuntimeError: with its text, in the other processes.

    Example:
        >>> once_per_node(lambda: "made")
        'made'
    """
    if not is_distributed():
        return make()
    node = os.environ.get("GROUP_RANK", "0")
    first = _place_on_node()[0] == 0
    found: list[tuple[str, T] | None] = _gathered(lambda: (node, make()) if first else None)
    return next(one[1] for one in found if one is not None and one[0] == node)


def made_on_node(make: Callable[[int], object], count: int) -> None:
    """Call ``make`` for 0, 1, ... in one process of each machine: they share the numbers, and wait for one another.

    Args:
        make: writes a file that all processes of the machine read afterwards.
        count: how many.

    Raises:
        Exception: that of ``make``; in the other processes a RuntimeError with its text.

    Example:
        >>> made_on_node(print, 2)
        0
        1
    """
    place, processes = _place_on_node() if is_distributed() else (0, 1)

    def make_share() -> None:
        for number in range(place, count, processes):
            make(number)

    if is_distributed():
        _gathered(make_share)
    else:
        make_share()


def made_together(make: Callable[[int], T], numbers: Sequence[int]) -> list[T]:
    """Return ``make(number)`` for each number, each made in one process and sent to the others.

    Args:
        make: what it returns is pickled.
        numbers: the same in all processes.

    Raises:
        Exception: that of ``make``; in the other processes a RuntimeError with its text.

    Example:
        >>> made_together(lambda number: 10 * number, [1, 3])
        [10, 30]
    """
    if not is_distributed():
        return [make(number) for number in numbers]
    rank, processes = dist.get_rank(), dist.get_world_size()
    own: dict[int, T] = {}
    _gathered(lambda: own.update({place: make(numbers[place]) for place in range(rank, len(numbers), processes)}))
    made = []
    for place in range(len(numbers)):  # one at a time: with NCCL they go over the GPU's memory
        sent = [own.pop(place, None)]
        dist.broadcast_object_list(sent, src=place % processes)
        made.append(sent[0])
    return made  # type: ignore[return-value]


def _place_on_node() -> tuple[int, int]:
    """The place of this process on its machine, and how many it runs, as torchrun says."""
    rank, processes = dist.get_rank(), dist.get_world_size()
    return int(os.environ.get("LOCAL_RANK", rank)), int(os.environ.get("LOCAL_WORLD_SIZE", processes))


def _gathered(call: Callable[[], Any]) -> list[Any]:
    """Call in each process, and return what they returned; an error of one is one of all."""
    made, failed, said = None, None, None
    try:
        made = call()
    except Exception as error:
        failed, said = error, error_line(error)
    found: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(found, (made, said))
    if failed is not None:
        raise failed
    for rank, (_, text) in enumerate(found):
        if text is not None:
            raise RuntimeError(f"process {rank} of {len(found)} failed: {text.removeprefix('error: ')}")
    return [one for one, _ in found]


class CaseShare(Sampler[int]):
    """The cases that a process validates: every ``processes``-th; of fewer cases than processes, one each.

    A process without a case would not take part in the exchange of scores, and the others would wait for it. So it
    validates a case that another one has; handlers of this library's scores leave its numbers out.

    Args:
        dataset: of the cases.
        rank: of this process.
        processes: their number.

    Attributes:
        repeated: how many processes, the last ones, have a case that another one has.

    Example:
        >>> [list(CaseShare("abc", rank, 2)) for rank in range(2)], [list(CaseShare("a", rank, 2)) for rank in range(2)]
        ([[0, 2], [1]], [[0], [0]])
    """

    def __init__(self, dataset: Sized, rank: int, processes: int) -> None:
        count = len(dataset)
        self.indices = list(range(rank, count, processes)) or [rank % count for _ in range(min(1, count))]
        self.repeated = max(0, processes - count) if count else 0

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)
