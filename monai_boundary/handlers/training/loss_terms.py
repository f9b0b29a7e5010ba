# SPDX-License-Identifier: Apache-2.0
"""The terms of a compound loss, apart, in the console, TensorBoard and MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from ignite.engine import Events
from monai.engines.utils import IterationEvents
from monai.engines.workflow import Workflow
from monai.utils.enums import CommonKeys


class LossTerms:
    """Write the epoch means of a loss's terms into ``engine.state.metrics``.

    A loss of this library leaves its terms in ``loss.terms``, a dictionary from name to detached scalar tensor. They
    are added up on their device, and read once per epoch, so that no iteration waits for the GPU. What reads
    ``engine.state.metrics`` when an epoch completes (``StatsHandler``, ``TensorBoardStatsHandler``,
    ``MLFlowHandler``) then shows each term under ``{prefix}{name}``, and the whole loss under ``{prefix}total``.

    The mean is over the iterations of the epoch that had the term (a boundary term that is switched off during the
    warm-up is absent, not zero), and over the processes of a distributed training. Terms that are not scalars are left
    out.

    Args:
        loss: object with the attribute ``terms``.
        prefix: put before each name. MLflow and TensorBoard group by the slash.

    Raises:
        TypeError: if ``loss`` has no ``terms``.

    Example:
        >>> from types import SimpleNamespace
        >>> handler = LossTerms(SimpleNamespace(terms={}))
        >>> handler.prefix
        'loss/'
    """

    def __init__(self, loss: Any, prefix: str = "loss/") -> None:
        if not isinstance(getattr(loss, "terms", None), Mapping):
            raise TypeError(f"`loss` needs an attribute `terms` (name -> tensor), got {type(loss).__name__}.")
        self.loss = loss
        self.prefix = prefix

    def attach(self, engine: Workflow) -> None:
        """Attach to a trainer, anywhere among its handlers: the means are ready before the epoch ends."""
        engine.add_event_handler(Events.EPOCH_STARTED, self.start)
        engine.add_event_handler(IterationEvents.LOSS_COMPLETED, self.add)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.finish_last_iteration)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.finish)

    def start(self, engine: Workflow) -> None:
        """Forget the last epoch, its entries in ``engine.state.metrics`` too."""
        engine.state.loss_sums = {}  # the engine has them, so that a training that ends in an epoch can save them
        for name in [name for name in engine.state.metrics if name.startswith(self.prefix)]:
            del engine.state.metrics[name]

    def add(self, engine: Workflow) -> None:
        """Add the terms of this iteration, on their device."""
        terms = {**self.loss.terms, "total": engine.state.output[CommonKeys.LOSS]}
        for name, value in terms.items():
            term = torch.as_tensor(value).detach()
            if term.numel() != 1:
                continue
            term = term.reshape(()).to(torch.float32)
            pair = torch.stack([term, torch.ones_like(term)])
            sums = engine.state.loss_sums
            sums[name] = sums[name] + pair if name in sums else pair

    def finish_last_iteration(self, engine: Workflow) -> None:
        """Write the means after the epoch's last iteration, before any handler of ``EPOCH_COMPLETED`` reads them."""
        length = engine.state.epoch_length
        if length and engine.state.iteration % length == 0:
            self.finish(engine)

    def finish(self, engine: Workflow) -> None:
        """Write the means into ``engine.state.metrics``."""
        sums, engine.state.loss_sums = engine.state.loss_sums, {}
        if not sums:
            return
        table = torch.stack(list(sums.values())).tolist()
        parts = [dict(zip(sums, table, strict=True))]
        if dist.is_available() and dist.is_initialized():  # a term may be absent on some of the processes
            parts = [{}] * dist.get_world_size()
            dist.all_gather_object(parts, dict(zip(sums, table, strict=True)))
        for name in sorted({name for part in parts for name in part}):
            pairs = [part[name] for part in parts if name in part]
            mean = sum(total for total, _ in pairs) / sum(count for _, count in pairs)
            engine.state.metrics[f"{self.prefix}{name}"] = mean
