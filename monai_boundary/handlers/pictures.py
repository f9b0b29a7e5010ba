# SPDX-License-Identifier: Apache-2.0
"""Pictures during validation: image, truth, prediction, the barrier cut, and where it leaks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from skimage.segmentation import find_boundaries

from monai_boundary._typing import AnyArray, BoolArray, FloatArray, IntArray
from monai_boundary.handlers.case_pictures import CasePictures, first_channel
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


class ValidationPictures(CasePictures):
    """Draw the barrier cut of a few cases at the end of each validation; see :class:`CasePictures`.

    The panels: the image, the true regions, the predicted membrane, the barrier cut of the prediction from the true
    seeds, and its leaks, the voxels of a region that the cut gives to another one. Of a 3-D case the middle section is
    shown with the cut of that section.

    Args:
        folder: see :class:`CasePictures`, as the next two.
        cases: number of cases.
        interval: draw in every ``interval``-th epoch.
        image_key: entry of the engine's output or batch, as the next two (1, [D,] H, W) after decollating.
        pred_key: the membrane's probability.
        label_key: the true instances, or the membrane if ``label_is_membrane``.
        label_is_membrane: the label is 1 on membrane and 0 in cells.
        summary_writer: see :class:`CasePictures`, as the next.
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
        super().__init__(folder, cases, interval, summary_writer, global_epoch_transform)
        self.keys = (image_key, pred_key, label_key)
        self.label_is_membrane = label_is_membrane

    def select(self, item: Mapping[str, Any]) -> tuple[AnyArray, AnyArray, AnyArray]:
        """Return the middle section of image, probability and true instances."""
        image, pred, label = (middle_section(first_channel(item[key])) for key in self.keys)
        return image, pred, (label == 0) if self.label_is_membrane else label

    def figure(self, shown: tuple[AnyArray, AnyArray, AnyArray], title: str) -> Figure:
        """Return the five panels."""
        image, pred, label = shown
        return draw_case(image, pred.astype(np.float32), label.astype(np.int32), title)


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
