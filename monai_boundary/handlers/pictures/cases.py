# SPDX-License-Identifier: Apache-2.0
"""Pictures of the first cases of a validation: what all of them share, whatever they show."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
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
from monai_boundary.handlers.tracking.tracked_run import TrackedRun

# Of panels without axes, too, Matplotlib would make and measure the ticks, which takes half of the time.
NO_TICKS: dict[str, Any] = {"xticks": (), "yticks": ()}


class CasePictures(ABC):
    """Draw a few cases at the end of each validation: PNG files, TensorBoard images, MLflow artifacts.

    Subclasses say what is kept of a case and how it is drawn. A picture that cannot be drawn is logged as an error and
    never ends a training. A picture's title names the epoch (not that of an evaluator that runs once) and the case,
    where the item has a name (``case``) or its image a file.

    Args:
        folder: the files are ``epoch_0001_case_0.png`` in it.
        cases: number of cases, the first of the validation set, so that epochs compare.
        interval: draw in every ``interval``-th epoch (and the first).
        summary_writer: TensorBoard writer, or ``None``.
        global_epoch_transform: epoch of the evaluator -> epoch in the file names.
        keep_best: draw the epoch of the best key metric too, whatever the interval, to ``best/case_0.png`` in the
            folder: the pictures of the network that is kept. For a training; an evaluator that has no key metric, or
            runs once, needs it not.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        cases: int = 2,
        interval: int = 1,
        summary_writer: Any = None,
        global_epoch_transform: Callable[[int], int] = int,
        keep_best: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.cases = cases
        self.interval = max(1, interval)
        self.summary_writer = summary_writer
        self.global_epoch_transform = global_epoch_transform
        self.keep_best = keep_best
        self._kept: list[tuple[str, Any]] = []

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
        wanted = self.cases - len(self._kept)
        if wanted <= 0 or not (self.keep_best or self._is_due(engine)):
            return
        try:
            for batch, output in list(zip(engine.state.batch, engine.state.output, strict=True))[:wanted]:
                item = {**batch, **output}
                self._kept.append((case_name(item, len(self._kept)), self.select(item)))
        except Exception:
            engine.logger.exception("no validation picture: the output has not what is shown")

    def draw(self, engine: Workflow) -> None:
        """Draw the kept cases and hand them to the files, TensorBoard and MLflow."""
        epoch = self.global_epoch_transform(engine.state.epoch)
        kept, self._kept = self._kept, []
        best = self.keep_best and _is_best(engine)
        places = [(f"epoch_{epoch:04d}_case_{{}}.png", "validation")] if self._is_due(engine) else []
        places += [("best/case_{}.png", "best")] if best else []
        if not places:
            return
        once = engine.state.max_epochs == 1 and not self.keep_best  # an evaluation, which has no epochs to speak of
        for number, (name, shown) in enumerate(kept):
            title = name if once else f"epoch {epoch}{', the best so far' if best else ''}: {name}"
            try:
                canvas, png = FigureCanvasAgg(self.figure(shown, title)), BytesIO()
                canvas.print_png(png)  # once: drawing is what takes the time
                rgb = np.asarray(canvas.buffer_rgba())[..., :3]
                for file, tag in places:
                    self._write(engine, png.getvalue(), self.folder / file.format(number))
                    if self.summary_writer is not None:
                        self.summary_writer.add_image(f"{tag}/case_{number}", rgb, epoch, dataformats="HWC")
            except Exception:
                engine.logger.exception(f"no validation picture of case {number}")

    def _is_due(self, engine: Workflow) -> bool:
        epoch = self.global_epoch_transform(engine.state.epoch)
        return epoch <= 1 or epoch % self.interval == 0

    def _write(self, engine: Workflow, png: bytes, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png)
        place = "pictures" if path.parent == self.folder else f"pictures/{path.parent.name}"
        for log_artifact in mlflow_runs(engine):
            log_artifact(str(path), place)


def _is_best(engine: Workflow) -> bool:
    """Whether the epoch that ends is the best one so far; the engine compares before its handlers are called."""
    return bool(engine.state.best_metric_epoch == engine.state.epoch)


def case_name(item: Mapping[str, Any], number: int) -> str:
    """Name a case: by its own name, else its image's file, else its number; with the section where it is one.

    Example:
        >>> case_name({"case": "p07", "slice": 4}, 0)
        'p07, slice 4'
    """
    meta = getattr(item.get("image"), "meta", {})
    path, section = meta.get("filename_or_obj"), int(meta.get("section", -1))
    name = str(item["case"]) if "case" in item else Path(str(path)).name if path else f"case {number}"
    if "slice" in item:
        return f"{name}, slice {int(item['slice'])}"
    return name if section < 0 else f"{name}, section {section}"


def mlflow_runs(engine: Workflow) -> Iterator[Callable[[str, str], None]]:
    """Yield how to log an artifact to each MLflow run that tracks ``engine``."""
    seen: set[str] = set()
    for handlers in engine._event_handlers.values():  # Ignite has no public list of what is attached
        for handler, *_ in handlers:
            owner = getattr(handler, "__self__", None)
            if isinstance(owner, TrackedRun) and owner.run_name not in seen:
                seen.add(owner.run_name)
                yield owner.log_artifact
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
