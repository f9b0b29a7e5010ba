# SPDX-License-Identifier: Apache-2.0
"""Pictures of the first cases of a validation: what all of them share, whatever they show."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Events
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from monai.engines.workflow import Workflow
from monai.handlers.mlflow_handler import MLFlowHandler

from monai_boundary._typing import AnyArray


class CasePictures(ABC):
    """Draw a few cases at the end of each validation: PNG files, TensorBoard images, MLflow artifacts.

    Subclasses say what is kept of a case and how it is drawn. A picture that cannot be drawn is logged as an error and
    never ends a training.

    Args:
        folder: the files are ``epoch_0001_case_0.png`` in it.
        cases: number of cases, the first of the validation set, so that epochs compare.
        interval: draw in every ``interval``-th epoch (and the first).
        summary_writer: TensorBoard writer, or ``None``.
        global_epoch_transform: epoch of the evaluator -> epoch in the file names.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        cases: int = 2,
        interval: int = 1,
        summary_writer: Any = None,
        global_epoch_transform: Callable[[int], int] = int,
    ) -> None:
        self.folder = Path(folder)
        self.cases = cases
        self.interval = max(1, interval)
        self.summary_writer = summary_writer
        self.global_epoch_transform = global_epoch_transform
        self._kept: list[Any] = []

    @abstractmethod
    def select(self, item: Mapping[str, Any]) -> Any:
        """Return what is shown of a case, from its entries in the engine's batch and output (the output wins)."""

    @abstractmethod
    def figure(self, shown: Any, title: str) -> Figure:
        """Return the picture of what :meth:`select` returned."""

    def attach(self, engine: Workflow) -> None:
        """Attach to an evaluator (with decollating)."""
        engine.add_event_handler(Events.EPOCH_STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.keep)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.draw)

    def start(self, engine: Workflow) -> None:
        """Forget the cases of the last validation."""
        self._kept = []

    def keep(self, engine: Workflow) -> None:
        """Keep what is shown of the first cases."""
        epoch = self.global_epoch_transform(engine.state.epoch)
        wanted = self.cases - len(self._kept)
        if wanted <= 0 or (epoch > 1 and epoch % self.interval):
            return
        try:
            for batch, output in list(zip(engine.state.batch, engine.state.output, strict=True))[:wanted]:
                self._kept.append(self.select({**batch, **output}))
        except Exception:
            engine.logger.exception("no validation picture: the output has not what is shown")

    def draw(self, engine: Workflow) -> None:
        """Draw the kept cases and hand them to the files, TensorBoard and MLflow."""
        epoch = self.global_epoch_transform(engine.state.epoch)
        kept, self._kept = self._kept, []
        for number, shown in enumerate(kept):
            try:
                self._write(engine, self.figure(shown, f"epoch {epoch}, case {number}"), epoch, number)
            except Exception:
                engine.logger.exception(f"no validation picture of case {number}")

    def _write(self, engine: Workflow, figure: Figure, epoch: int, number: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"epoch_{epoch:04d}_case_{number}.png"
        canvas = FigureCanvasAgg(figure)
        canvas.print_png(path)
        if self.summary_writer is not None:
            rgb = np.asarray(canvas.buffer_rgba())[..., :3]
            self.summary_writer.add_image(f"validation/case_{number}", rgb, epoch, dataformats="HWC")
        for log_artifact in _mlflow_runs(engine):
            log_artifact(str(path), "pictures")


def _mlflow_runs(engine: Workflow) -> Iterator[Callable[[str, str], None]]:
    """Yield how to log an artifact to each MLflow run that tracks ``engine``."""
    seen: set[str] = set()
    for handlers in engine._event_handlers.values():  # Ignite has no public list of what is attached
        for handler, *_ in handlers:
            owner = getattr(handler, "__self__", None)
            if isinstance(owner, MLFlowHandler) and owner.cur_run and owner.cur_run.info.run_id not in seen:
                seen.add(owner.cur_run.info.run_id)
                yield lambda path, folder, o=owner: o.client.log_artifact(o.cur_run.info.run_id, path, folder)
    mlflow = sys.modules.get("mlflow")
    if not seen and mlflow is not None and mlflow.active_run() is not None:
        yield mlflow.log_artifact


def first_channel(channel_first: Any) -> AnyArray:
    """Return the first channel of a tensor or array (C, spatial) as an array.

    Example:
        >>> first_channel(torch.zeros(2, 3, 4)).shape
        (3, 4)
    """
    array: AnyArray = torch.as_tensor(channel_first)[0].detach().cpu().numpy()
    return array
