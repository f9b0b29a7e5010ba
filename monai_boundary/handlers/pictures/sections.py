# SPDX-License-Identifier: Apache-2.0
"""Pictures of sections during a validation."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from monai_boundary._typing import AnyArray
from monai_boundary.handlers.pictures.cases import CasePictures, first_channel
from monai_boundary.handlers.pictures.section_panels import draw_case


def middle_section(array: AnyArray) -> AnyArray:
    """Return the section that is shown of one channel: the array itself in 2-D, the middle of the first axis in 3-D.

    Example:
        >>> middle_section(np.arange(12).reshape(3, 2, 2)).tolist()
        [[4, 5], [6, 7]]
    """
    return array if array.ndim == 2 else array[array.shape[0] // 2]


class ValidationPictures(CasePictures):
    """Draw the barrier cut of a few cases at the end of each validation; see :class:`CasePictures`.

    The panels: the image, the true regions, the predicted membrane, the segmentation that is scored (each instance in
    the colour of the true region that most of it lies in: a merged one shows one colour where the truth has two),
    the barrier cut of the prediction from the true seeds, and its leaks, the voxels of a region that the cut gives to
    another one. Of a 3-D case the middle section is shown with the cut of that section.

    Args:
        folder: where the pictures go, as ``epoch_0001_case_0.png``.
        cases: number of cases.
        interval: draw in every ``interval``-th epoch.
        image_key: entry of the engine's output or batch, as the next two (1, [D,] H, W) after decollating.
        pred_key: the membrane's probability.
        label_key: the true instances, or the membrane if ``label_is_membrane``.
        label_is_membrane: the label is 1 on membrane and 0 in instances.
        instances_key: the segmentation that is scored; its panel is left out where there is none.
        summary_writer: TensorBoard writer, or ``None``.
        global_epoch_transform: epoch of the evaluator -> epoch in the file names.
        keep_best: draw the epoch of the best key metric too, whatever the interval, to ``best/case_0.png`` in the
            folder: the pictures of the network that is kept. For a training; an evaluator that has no key metric, or
            runs once, needs it not.

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
        instances_key: str = "instances",
        summary_writer: Any = None,
        global_epoch_transform: Callable[[int], int] = int,
        keep_best: bool = False,
    ) -> None:
        super().__init__(folder, cases, interval, summary_writer, global_epoch_transform, keep_best)
        self.keys = (image_key, pred_key, label_key)
        self.label_is_membrane = label_is_membrane
        self.instances_key = instances_key

    def select(self, item: Mapping[str, Any]) -> tuple[AnyArray, AnyArray, AnyArray, AnyArray | None]:
        """Return the middle section of image, probability, true instances and, if there are, those found."""
        image, pred, label = (middle_section(first_channel(item[key])) for key in self.keys)
        found = middle_section(first_channel(item[self.instances_key])) if self.instances_key in item else None
        return image, pred, (label == 0) if self.label_is_membrane else label, found

    def figure(self, shown: tuple[AnyArray, AnyArray, AnyArray, AnyArray | None], title: str) -> Figure:
        """Return the panels."""
        image, pred, label, found = shown
        return draw_case(image, pred.astype(np.float32), label.astype(np.int32), title, found)
