# SPDX-License-Identifier: Apache-2.0
"""Pictures during validation: slices of a case with the outlines of the true and predicted regions of its tumour."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from monai_boundary._typing import AnyArray, BoolArray
from monai_boundary.handlers.pictures.cases import CasePictures
from monai_boundary.handlers.pictures.lesions import slices_with_lesions
from monai_boundary.ops.tumour_regions import TUMOUR_REGIONS

NAMES = {"wt": "WT, whole tumour", "tc": "TC, tumour core", "et": "ET, enhancing tumour"}
COLOURS = ("deepskyblue", "lime", "red", "orange", "magenta", "yellow")


class TumourSlices(NamedTuple):
    """The shown slices of a case: image (count, x, y), masks (regions, count, x, y), and their places in the volume."""

    image: AnyArray
    truth: BoolArray
    prediction: BoolArray
    positions: list[int]


class TumourPictures(CasePictures):
    """Draw true and predicted regions of a few cases at the end of each validation; see :class:`CasePictures`.

    Args:
        folder: see :class:`CasePictures`, as the next two.
        cases: number of cases (or slices, where the items are slices).
        interval: draw in every ``interval``-th epoch.
        slices: at most so many slices of a volume, spread over those with tumour.
        regions: names of the channels.
        channel: of the image that is shown.
        image_key: entry of the engine's output or batch, (C, x, y[, z]).
        pred_key: predicted masks, (regions, x, y[, z]).
        label_key: true masks.
        summary_writer: see :class:`CasePictures`, as the next.
        global_epoch_transform: epoch of the evaluator -> epoch in the file names.
        keep_best: see :class:`CasePictures`.

    Example:
        >>> TumourPictures("pictures", regions=["tc"]).regions
        ('tc',)
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        cases: int = 2,
        interval: int = 1,
        slices: int = 4,
        regions: Sequence[str] = TUMOUR_REGIONS,
        channel: int = 0,
        image_key: str = "image",
        pred_key: str = "pred",
        label_key: str = "label",
        summary_writer: Any = None,
        global_epoch_transform: Callable[[int], int] = int,
        keep_best: bool = False,
    ) -> None:
        super().__init__(folder, cases, interval, summary_writer, global_epoch_transform, keep_best)
        self.slices = slices
        self.regions = tuple(regions)
        self.channel = channel
        self.keys = (image_key, pred_key, label_key)

    def select(self, item: Mapping[str, Any]) -> TumourSlices:
        """Return the slices that are shown."""
        image, pred, label = (torch.as_tensor(item[key]).detach().float().cpu().numpy() for key in self.keys)
        if image.ndim == 3:
            image, pred, label = (one[..., None] for one in (image, pred, label))
        truth, prediction = label > 0.5, pred > 0.5
        region = np.asarray((truth if truth.any() else prediction).any(axis=0))
        positions = slices_with_lesions(region, self.slices)
        shown = [np.moveaxis(one[..., positions], -1, -3) for one in (image[self.channel], truth, prediction)]
        return TumourSlices(shown[0], shown[1], shown[2], positions)

    def figure(self, shown: TumourSlices, title: str) -> Figure:
        """Return three rows of slices: the image, with the true regions, with the predicted ones."""
        count = len(shown.positions)
        figure = Figure(figsize=(2.8 * max(count, 2), 8.6), dpi=80, layout="constrained")
        panels = figure.subplots(3, count, squeeze=False)
        for k, position in enumerate(shown.positions):
            for panel in panels[:, k]:
                panel.imshow(shown.image[k].T, cmap="gray", origin="lower", interpolation="nearest")
                panel.set_axis_off()
            for panel, masks in zip(panels[1:, k], (shown.truth, shown.prediction), strict=True):
                for mask, colour in zip(masks[:, k], COLOURS, strict=False):
                    if mask.any() and not mask.all():
                        panel.contour(mask.T.astype(float), levels=[0.5], colors=[colour], linewidths=[1.0])
            panels[0, k].set_title(f"slice {position}" if count > 1 else "image")
        for panel, name in zip(panels[1:, 0], ("truth", "prediction"), strict=True):
            panel.set_title(name)
        lines = [Line2D([], [], color=c, label=NAMES.get(r, r)) for r, c in zip(self.regions, COLOURS, strict=False)]
        figure.legend(handles=lines, loc="outside lower center", ncols=len(lines) if count > 2 else 1)
        figure.suptitle(title)
        return figure
