# SPDX-License-Identifier: Apache-2.0
"""Pictures during validation: image, truth, prediction, the barrier cut, and where it leaks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Events
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from monai.engines.workflow import Workflow
from monai.handlers.mlflow_handler import MLFlowHandler
from skimage.segmentation import find_boundaries

from monai_boundary._typing import AnyArray, BoolArray, FloatArray, IntArray
from monai_boundary.ops.barrier import barrier_partition, quantise_probability
from monai_boundary.ops.barrier_contour import leaked_regions
from monai_boundary.ops.regions import label_regions, region_seeds


def middle_section(array: AnyArray) -> AnyArray:
    """Return the section that is shown of one channel: the array itself in 2-D, the middle of the first axis in 3-D.

    Example:
        >>> middle_section(np.arange(12).reshape(3, 2, 2)).tolist()
        [[4, 5], [6, 7]]
    """
    return array if array.ndim == 2 else array[array.shape[0] // 2]


def cut_and_leaks(probability: FloatArray, instances: IntArray) -> tuple[BoolArray, BoolArray, IntArray]:
    """Return the partition's lines, the leaked voxels and the seeds of one section.

    The seeds are those of the section's truth, re-drawn in the section: of a stack this is the 2-D cut.

    Args:
        probability: (H, W), membrane's probability, 0..1.
        instances: (H, W), truth ids, 0 = membrane.

    Returns:
        ``lines``: voxels of the partition with a neighbour of another label; ``leaks``: voxels of a true region that
        carry another seed's label; ``seeds``: region id at each seed, 0 elsewhere. All zero without a region.
    """
    regions = label_regions(instances)
    if not regions.any():
        return np.zeros(regions.shape, bool), np.zeros(regions.shape, bool), regions
    seeds = region_seeds(regions)
    partition = barrier_partition(quantise_probability(probability), seeds)
    lines: BoolArray = find_boundaries(partition, mode="inner")
    return lines, leaked_regions(partition, seeds, regions), seeds


def draw_case(image: AnyArray, probability: FloatArray, instances: IntArray, title: str) -> Figure:
    """Return a figure with the five panels of one section, arrays of shape (H, W)."""
    lines, leaks, seeds = cut_and_leaks(probability, instances)
    regions = label_regions(instances)
    leaking = np.unique(regions[leaks]).size
    figure = Figure(figsize=(16, 3.8), dpi=100, layout="constrained")
    panels = figure.subplots(1, 5)
    grey = {"cmap": "gray", "interpolation": "nearest"}
    panels[0].imshow(image, **grey)
    panels[0].set_title("image")
    panels[1].imshow(_colours(regions), interpolation="nearest")
    panels[1].set_title(f"truth: {regions.max()} regions")
    panels[2].imshow(probability, vmin=0, vmax=1, **grey)
    panels[2].set_title("prediction: membrane")
    panels[3].imshow(_marked(image, lines, (1.0, 0.25, 0.1)), interpolation="nearest")
    panels[3].scatter(*np.nonzero(seeds)[::-1], s=4, c="cyan", linewidths=0)
    panels[3].set_title("barrier cut from the true seeds")
    panels[4].imshow(_marked(_marked(image, leaks, (1.0, 0.0, 0.8)), lines, (1.0, 0.8, 0.1)), interpolation="nearest")
    panels[4].set_title(f"leaks: {leaks.sum()} px, {leaking} of {regions.max()} regions")
    for panel in panels:
        panel.set_axis_off()
    figure.suptitle(title)
    return figure


class ValidationPictures:
    """Draw a few cases at the end of each validation: PNG files, TensorBoard images, MLflow artifacts.

    The panels: the image, the true regions, the predicted membrane, the barrier cut of the prediction from the true
    seeds, and its leaks, the voxels of a region that the cut gives to another one. Of a 3-D case the middle section is
    shown with the cut of that section. A picture that cannot be drawn is logged as an error and never ends a training.

    Args:
        folder: the files are ``epoch_0001_case_0.png`` in it.
        cases: number of cases, the first of the validation set, so that epochs compare.
        interval: draw in every ``interval``-th epoch (and the first).
        image_key: entry of the engine's output or batch, as the next two (1, [D,] H, W) after decollating.
        pred_key: the membrane's probability.
        label_key: the true instances, or the membrane if ``label_is_membrane``.
        label_is_membrane: the label is 1 on membrane and 0 in cells.
        summary_writer: TensorBoard writer, or ``None``.
        global_epoch_transform: epoch of the evaluator -> epoch in the file names.

    Example:
        >>> ValidationPictures("pictures", cases=1).cases
        1
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        cases: int = 2,
        interval: int = 1,
        image_key: str = "image",
        pred_key: str = "pred",
        label_key: str = "label_instances",
        label_is_membrane: bool = False,
        summary_writer: Any = None,
        global_epoch_transform: Callable[[int], int] = int,
    ) -> None:
        self.folder = Path(folder)
        self.cases = cases
        self.interval = max(1, interval)
        self.keys = (image_key, pred_key, label_key)
        self.label_is_membrane = label_is_membrane
        self.summary_writer = summary_writer
        self.global_epoch_transform = global_epoch_transform
        self._kept: list[tuple[AnyArray, AnyArray, AnyArray]] = []

    def attach(self, engine: Workflow) -> None:
        """Attach to an evaluator (with decollating, and post-processing that makes probabilities)."""
        engine.add_event_handler(Events.EPOCH_STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.keep)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.draw)

    def start(self, engine: Workflow) -> None:
        """Forget the cases of the last validation."""
        self._kept = []

    def keep(self, engine: Workflow) -> None:
        """Keep the shown section of the first cases."""
        epoch = self.global_epoch_transform(engine.state.epoch)
        if not self._wanted() or (epoch > 1 and epoch % self.interval):
            return
        try:
            for batch, output in list(zip(engine.state.batch, engine.state.output, strict=True))[: self._wanted()]:
                item = {**batch, **output}
                image, pred, label = (middle_section(_array(item[key])) for key in self.keys)
                self._kept.append((image, pred, (label == 0) if self.label_is_membrane else label))
        except Exception:
            engine.logger.exception("no validation picture: the output has not what is shown")

    def draw(self, engine: Workflow) -> None:
        """Draw the kept cases and hand them to the files, TensorBoard and MLflow."""
        epoch = self.global_epoch_transform(engine.state.epoch)
        kept, self._kept = self._kept, []
        for number, (image, pred, label) in enumerate(kept):
            try:
                figure = draw_case(
                    image, pred.astype(np.float32), label.astype(np.int32), f"epoch {epoch}, case {number}"
                )
                self._write(engine, figure, epoch, number)
            except Exception:
                engine.logger.exception(f"no validation picture of case {number}")

    def _wanted(self) -> int:
        return self.cases - len(self._kept)

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


def _array(channel_first: Any) -> AnyArray:
    array: AnyArray = torch.as_tensor(channel_first)[0].detach().cpu().numpy()
    return array


def _marked(image: AnyArray, mask: BoolArray, colour: tuple[float, float, float]) -> FloatArray:
    """Return the image as RGB with the mask in one colour; an image that is RGB already is marked further."""
    if image.ndim == 2:
        grey = image.astype(np.float32)
        span = float(grey.max() - grey.min()) or 1.0
        image = np.repeat(((grey - grey.min()) / span)[..., None], 3, axis=-1)
    marked: FloatArray = np.where(mask[..., None], np.asarray(colour, dtype=np.float32), image)
    return marked


def _colours(regions: IntArray) -> FloatArray:
    """Return a fixed colour per region id, black where the id is 0."""
    table = np.random.default_rng(0).uniform(0.25, 1, (int(regions.max()) + 1, 3)).astype(np.float32)
    table[0] = 0
    colours: FloatArray = table[regions]
    return colours
