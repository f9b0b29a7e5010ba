# SPDX-License-Identifier: Apache-2.0
"""Pictures during validation: slices of a case with the outlines of its true and predicted classes or regions."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from monai_boundary._typing import AnyArray, BoolArray
from monai_boundary.handlers.pictures.cases import NO_TICKS, CasePictures
from monai_boundary.handlers.scores.volumes import ScoredTask

NAMES = {"wt": "WT, whole tumour", "tc": "TC, tumour core", "et": "ET, enhancing tumour"}
COLOURS = ("deepskyblue", "lime", "red", "orange", "magenta", "yellow")
Style = Literal["solid", "dashed", "dotted"]
STYLES: tuple[Style, ...] = ("solid", "dashed", "dotted")  # of the first six structures, the next six, and the others
OUTLINES = {"truth": "lime", "prediction": "red", "not scored": "deepskyblue"}


class VolumeSlices(NamedTuple):
    """The shown slices of a case: image (count, x, y), masks (structures, count, x, y), and where in it they lie."""

    image: AnyArray
    truth: BoolArray
    prediction: BoolArray
    ignored: BoolArray
    positions: list[int]


def slices_with_lesions(mask: AnyArray, count: int) -> list[int]:
    """Return up to ``count`` slices along the last axis, spread over those where the mask is not empty.

    Where it is empty everywhere it is the middle slice.

    Example:
        >>> mask = np.zeros((4, 4, 9))
        >>> mask[1, 1, 2:7] = 1
        >>> slices_with_lesions(mask, 3), slices_with_lesions(0 * mask, 3)
        ([2, 4, 6], [4])
    """
    found = np.flatnonzero(mask.any(axis=(0, 1)))
    if not found.size:
        return [mask.shape[2] // 2]
    chosen = np.linspace(0, found.size - 1, min(count, found.size)).round().astype(int)
    return [int(k) for k in found[chosen]]


class VolumePictures(CasePictures):
    """Draw true and predicted structures of a few cases at the end of each validation; see :class:`CasePictures`.

    Of one class there are two rows of slices: the image, and the outlines of truth and prediction on it. Of several
    classes or regions there are three: the image, the true ones and the predicted ones. The first array axis goes to
    the right and the second upwards: of an image in RAS orientation, the patient's right is on the right.

    Args:
        folder: the files are ``epoch_0001_case_0.png`` in it.
        cases: number of cases (or slices, where the items are slices), the first of the validation set.
        interval: draw in every ``interval``-th epoch (and the first).
        slices: at most so many slices of a volume, spread over those with true (else predicted) structures.
        structures: class -> index in the label, or names of the channels of masks; None is one mask.
        task: a `monai_boundary.workflows.VolumeTask`, for its structures, in place of them.
        channel: of the image that is shown.
        image_key: entry of the engine's output or batch, (C, x, y[, z]).
        pred_key: prediction, (1, x, y[, z]) of indices or (regions, x, y[, z]) of masks.
        label_key: truth of the same kind; None is ``label_ids`` where there is one, else ``label``.
        summary_writer: TensorBoard writer, or ``None``.
        global_epoch_transform: epoch of the evaluator -> epoch in the file names.
        keep_best: draw the epoch of the best key metric too, to ``best/case_0.png`` in the folder.
        slice_axis: axis across the slices of a volume; None is the task's, or 2 without a task.

    Example:
        >>> VolumePictures("pictures", structures=["tc"]).names
        ('tc',)
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        cases: int = 2,
        interval: int = 1,
        slices: int = 4,
        structures: Mapping[str, int] | Sequence[str] | None = None,
        task: ScoredTask | None = None,
        channel: int = 0,
        image_key: str = "image",
        pred_key: str = "pred",
        label_key: str | None = None,
        summary_writer: Any = None,
        global_epoch_transform: Callable[[int], int] = int,
        keep_best: bool = False,
        slice_axis: int | None = None,
    ) -> None:
        super().__init__(folder, cases, interval, summary_writer, global_epoch_transform, keep_best)
        chosen = structures if task is None else task.structures
        self.slices = slices
        self.values = tuple(chosen.values()) if isinstance(chosen, Mapping) else None
        self.names = ("mask",) if chosen is None else tuple(chosen)
        self.single = self.values is not None and len(self.values) == 1
        self.channel = channel
        self.keys = (image_key, pred_key, label_key)
        own_axis = 2 if task is None else task.slice_axis
        self.slice_axis = own_axis if slice_axis is None else slice_axis

    def select(self, item: Mapping[str, Any]) -> VolumeSlices:
        """Return the slices that are shown."""
        image_key, pred_key, label_key = self.keys
        label_key = label_key or ("label_ids" if "label_ids" in item else "label")
        arrays = [torch.as_tensor(item[key]).detach().float().cpu().numpy() for key in (image_key, pred_key, label_key)]
        image, pred, label = (
            one[..., None] if one.ndim == 3 else np.moveaxis(one, self.slice_axis + 1, -1) for one in arrays
        )
        truth, prediction = self._masks(label), self._masks(pred)
        ignored = np.zeros(label.shape[1:], dtype=bool)
        if self.values is not None:
            ignored = ~np.isin(label[0], (0, *self.values))
        anywhere = np.asarray((truth if truth.any() else prediction).any(axis=0))
        positions = slices_with_lesions(anywhere, self.slices)
        shown = [np.moveaxis(one[..., positions], -1, -3) for one in (image[self.channel], truth, prediction, ignored)]
        return VolumeSlices(shown[0], shown[1], shown[2], shown[3], positions)

    def _masks(self, array: AnyArray) -> BoolArray:
        if self.values is None:
            return array > 0.5
        return np.stack([np.abs(array[0] - value) < 0.5 for value in self.values])

    def figure(self, shown: VolumeSlices, title: str) -> Figure:
        """Return the rows of slices."""
        count, rows = len(shown.positions), 2 if self.single else 3
        figure = Figure(figsize=(2.8 * max(count, 2), 3 * rows), dpi=100 if self.single else 80, layout="constrained")
        panels = figure.subplots(rows, count, squeeze=False, subplot_kw=NO_TICKS)
        for k, position in enumerate(shown.positions):
            for panel in panels[:, k]:
                panel.imshow(shown.image[k].T, cmap="gray", origin="lower", interpolation="nearest")
                panel.set_axis_off()
            panels[0, k].set_title(f"slice {position}" if self.single or count > 1 else "image")
            self._draw(list(panels[1:, k]), shown, k)
        if not self.single:
            for panel, name in zip(panels[1:, 0], ("truth", "prediction"), strict=True):
                panel.set_title(name)
        lines = self._legend(bool(shown.ignored.any()))
        columns = len(lines) if self.single or count > 2 else 1
        figure.legend(handles=lines, loc="outside lower center", ncols=columns)
        figure.suptitle(title)
        return figure

    def _draw(self, panels: Sequence[Axes], shown: VolumeSlices, k: int) -> None:
        if self.single:
            _outline(panels[0], shown.truth[0, k], OUTLINES["truth"], 1.4)
            _outline(panels[0], shown.prediction[0, k], OUTLINES["prediction"], 0.8)
        else:
            for panel, masks in zip(panels, (shown.truth, shown.prediction), strict=True):
                for mask, (colour, style) in zip(masks[:, k], _looks(len(masks)), strict=True):
                    _outline(panel, mask, colour, 1.0, style)
        if shown.ignored[k].any():
            panels[0].contourf(shown.ignored[k].T, levels=[0.5, 1.5], colors=[OUTLINES["not scored"]], alpha=0.35)

    def _legend(self, ignored: bool) -> list[Any]:
        if self.single:
            lines: list[Any] = [Line2D([], [], color=OUTLINES[n], label=n) for n in ("truth", "prediction")]
        else:
            lines = [
                Line2D([], [], color=colour, linestyle=style, label=NAMES.get(name, name))
                for name, (colour, style) in zip(self.names, _looks(len(self.names)), strict=True)
            ]
        if ignored:
            lines.append(Patch(color=OUTLINES["not scored"], alpha=0.35, label="not scored"))
        return lines


def _looks(count: int) -> list[tuple[str, Style]]:
    """Colour and style of the outlines of so many structures."""
    rounds = [divmod(k, len(COLOURS)) for k in range(count)]
    return [(COLOURS[place], STYLES[min(turn, len(STYLES) - 1)]) for turn, place in rounds]


def _outline(panel: Axes, mask: BoolArray, colour: str, width: float, style: Style = "solid") -> None:
    if mask.any() and not mask.all():
        panel.contour(mask.T.astype(float), levels=[0.5], colors=[colour], linewidths=[width], linestyles=[style])
