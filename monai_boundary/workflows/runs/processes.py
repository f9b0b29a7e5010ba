# SPDX-License-Identifier: Apache-2.0
"""Several processes of one training: what is written once for all of a machine, and who validates what."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sized
from typing import Any, TypeVar

import torch.distributed as dist
from torch.utils.data import Sampler

T = TypeVar("T")


def once_per_node(make: Callable[[], T]) -> T | None:
    """Call ``make`` in the first process of each machine, while the others wait; alone, just call it.

    Every process of a distributed training has to come here. An error of one is raised in all, so that none waits.

    Args:
        make: writes files that all processes read afterwards.

    Returns:
        What ``make`` returned; None in the processes that waited.

    Raises:
        Exception: that of ``make``.

    Example:
        >>> once_per_node(lambda: "made")
        'made'
    """
    if not (dist.is_available() and dist.is_initialized()):
        return make()
    made, error = None, None
    if int(os.environ.get("LOCAL_RANK", dist.get_rank())) == 0:
        try:
            made = make()
        except Exception as raised:
            error = raised
    errors: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(errors, error)
    for found in errors:
        if found is not None:
            raise found
    return made


class CaseShare(Sampler[int]):
    """The cases that a process validates: every ``processes``-th; of fewer cases than processes, one each.

    A process without a case would not take part in the exchange of scores, and the others would wait for it. So it
    validates a case that another one has; handlers of this library's scores leave its numbers out.

    Args:
        dataset: of the cases.
        rank: of this process.
        processes: their number.

    Example:
        >>> [list(CaseShare("abc", rank, 2)) for rank in range(2)], [list(CaseShare("a", rank, 2)) for rank in range(2)]
        ([[0, 2], [1]], [[0], [0]])
    """

    def __init__(self, dataset: Sized, rank: int, processes: int) -> None:
        self.indices = list(range(rank, len(dataset), processes)) or [rank % max(1, len(dataset))] * bool(len(dataset))
        self.repeated = max(0, processes - len(dataset)) if len(dataset) else 0

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)
