# SPDX-License-Identifier: Apache-2.0
"""Pictures during validation: slices of a patient with the outlines of true and predicted lesions."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from monai_boundary._typing import AnyArray, BoolArray
from monai_boundary.handlers.pictures.cases import CasePictures, first_channel

OUTLINES = {"truth": "lime", "prediction": "red", "not scored": "deepskyblue"}


class LesionSlices(NamedTuple):
    """The shown slices of a patient, (count, x, y), and where in the volume they lie."""

    image: AnyArray
    truth: BoolArray
    prediction: BoolArray
    ignored: BoolArray
    positions: list[int]


def slices_with_lesions(mask: AnyArray, count: int) -> list[int]:
    """Return up to ``count`` slices along the last axis, spread over those where the mask is not empty.

    Without any lesion it is the middle slice.

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


def draw_lesions(shown: LesionSlices, title: str) -> Figure:
    """Return a figure of the slices: the image above, and below it the outlines of truth and prediction.

    The first array axis goes to the right and the second upwards: of an image in RAS orientation, the patient's right
    is on the right.
    """
    count = len(shown.positions)
    figure = Figure(figsize=(2.8 * max(count, 2), 6.0), dpi=100, layout="constrained")
    panels = figure.subplots(2, count, squeeze=False)
    for k, position in enumerate(shown.positions):
        for panel in panels[:, k]:
            panel.imshow(shown.image[k].T, cmap="gray", origin="lower", interpolation="nearest")
            panel.set_axis_off()
        panels[0, k].set_title(f"slice {position}")
        _outline(panels[1, k], shown.truth[k], OUTLINES["truth"], 1.4)
        _outline(panels[1, k], shown.prediction[k], OUTLINES["prediction"], 0.8)
        panels[1, k].contourf(shown.ignored[k].T, levels=[0.5, 1.5], colors=[OUTLINES["not scored"]], alpha=0.35)
    lines: list[Any] = [Line2D([], [], color=OUTLINES[name], label=name) for name in ("truth", "prediction")]
    if shown.ignored.any():
        lines.append(Patch(color=OUTLINES["not scored"], alpha=0.35, label="not scored"))
    figure.legend(handles=lines, loc="outside lower center", ncols=len(lines))
    figure.suptitle(title)
    return figure


class LesionPictures(CasePictures):
    """Draw truth and prediction of a few patients at the end of each validation; see :class:`CasePictures`.

    Args:
        folder: see :class:`CasePictures`, as the next two.
        cases: number of patients.
        interval: draw in every ``interval``-th epoch.
        slices: at most so many slices of a patient, spread over those with true or predicted lesions.
        image_key: entry of the engine's output or batch, (C, x, y, z); its first channel is shown.
        pred_key: predicted mask, (1, x, y, z).
        label_key: truth, (1, x, y, z): 1 = lesion, larger = not scored.
        summary_writer: see :class:`CasePictures`, as the next.
        global_epoch_transform: epoch of the evaluator -> epoch in the file names.
        keep_best: see :class:`CasePictures`.

    Example:
        >>> LesionPictures("pictures", slices=3).slices
        3
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        cases: int = 2,
        interval: int = 1,
        slices: int = 4,
        image_key: str = "image",
        pred_key: str = "pred",
        label_key: str = "label_ids",
        summary_writer: Any = None,
        global_epoch_transform: Callable[[int], int] = int,
        keep_best: bool = False,
    ) -> None:
        super().__init__(folder, cases, interval, summary_writer, global_epoch_transform, keep_best)
        self.slices = slices
        self.keys = (image_key, pred_key, label_key)

    def select(self, item: Mapping[str, Any]) -> LesionSlices:
        """Return the slices that are shown."""
        image, pred, ids = (first_channel(item[key]) for key in self.keys)
        truth, prediction = ids == 1, pred > 0.5
        positions = slices_with_lesions(truth if truth.any() else prediction, self.slices)
        shown = [np.moveaxis(volume[..., positions], -1, 0) for volume in (image, truth, prediction, ids > 1)]
        return LesionSlices(shown[0], shown[1], shown[2], shown[3], positions)

    def figure(self, shown: LesionSlices, title: str) -> Figure:
        """Return the two rows of slices."""
        return draw_lesions(shown, title)


def _outline(panel: Axes, mask: BoolArray, colour: str, width: float) -> None:
    if mask.any() and not mask.all():
        panel.contour(mask.T.astype(float), levels=[0.5], colors=[colour], linewidths=[width])
