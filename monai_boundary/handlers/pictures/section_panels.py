# SPDX-License-Identifier: Apache-2.0
"""The panels of one section: image, truth, prediction, the scored instances, the barrier cut, and where it leaks."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from skimage.segmentation import find_boundaries

from monai_boundary._typing import AnyArray, BoolArray, FloatArray, IntArray
from monai_boundary.handlers.pictures.cases import NO_TICKS
from monai_boundary.ops.barrier import barrier_partition, quantise_probability
from monai_boundary.ops.barrier_contour import leaked_regions
from monai_boundary.ops.regions import label_regions, region_seeds

CUT, LEAK, SEED = (1.0, 0.85, 0.1), (1.0, 0.0, 0.8), (0.0, 1.0, 1.0)
_NOWHERE = (0.6, 0.6, 0.6)  # the colour of an instance that lies on true membrane


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


def draw_case(
    image: AnyArray, probability: FloatArray, instances: IntArray, title: str, found: IntArray | None = None
) -> Figure:
    """Return a figure with the panels of one section and what their colours mean.

    Args:
        image: (H, W), as the other arrays.
        probability: membrane's probability, 0..1.
        instances: truth ids, 0 = membrane.
        title: above the panels.
        found: the segmentation that is scored, 0 = membrane; None leaves its panel out.
    """
    lines, leaks, seeds = cut_and_leaks(probability, instances)
    regions = label_regions(instances)
    colours = _colours(int(regions.max()))
    grey = {"cmap": "gray", "interpolation": "nearest"}
    shown: list[tuple[str, AnyArray, dict[str, Any]]] = [
        ("image", image, grey),
        (f"truth: {regions.max()} regions", colours[regions], {}),
        ("prediction: membrane's probability", probability, {**grey, "vmin": 0, "vmax": 1}),
    ]
    if found is not None:
        shown += [
            (
                f"what is scored: {np.unique(found[found > 0]).size} instances",
                matched_instances(found, regions, colours),
                {},
            )
        ]
    leaking = np.unique(regions[leaks]).size
    cut = len(shown)
    shown += [
        ("barrier cut from the true seeds", _marked(image, lines, CUT), {}),
        (f"leaks: {leaks.sum()} px, {leaking} of {regions.max()} regions", _leaks(image, leaks, lines), {}),
    ]
    figure = Figure(figsize=(12, 9), dpi=100, layout="constrained")
    panels = figure.subplots(2, 3, subplot_kw=NO_TICKS).ravel()
    for panel, (name, picture, options) in zip(panels, shown, strict=False):
        panel.imshow(picture, **{"interpolation": "nearest", **options})
        panel.set_title(name)
    for panel in panels:
        panel.set_axis_off()
    panels[cut].scatter(*np.nonzero(seeds)[::-1], s=6, color=[SEED], linewidths=0)
    figure.legend(handles=_legend(found is not None), loc="outside lower center", ncols=3, fontsize="small")
    figure.suptitle(title)
    return figure


def _marked(image: AnyArray, mask: BoolArray, colour: tuple[float, float, float]) -> FloatArray:
    """Return the image as RGB with the mask in one colour; an image that is RGB already is marked further."""
    if image.ndim == 2:
        grey = image.astype(np.float32)
        span = float(grey.max() - grey.min()) or 1.0
        image = np.repeat(((grey - grey.min()) / span)[..., None], 3, axis=-1)
    marked: FloatArray = np.where(mask[..., None], np.asarray(colour, dtype=np.float32), image)
    return marked


def _leaks(image: AnyArray, leaks: BoolArray, lines: BoolArray) -> FloatArray:
    return _marked(_marked(image, leaks, LEAK), lines, CUT)


def _colours(regions: int) -> FloatArray:
    """Return a fixed colour per region id, black for 0."""
    table = np.random.default_rng(0).uniform(0.25, 1, (regions + 1, 3)).astype(np.float32)
    table[0] = 0
    return table


def matched_instances(found: AnyArray, regions: IntArray, colours: FloatArray) -> FloatArray:
    """Return each found instance in a shade of the colour of the region that most of its voxels lie in, black for 0.

    Args:
        found: ids, (H, W), 0 = membrane.
        regions: of the truth, (H, W).
        colours: of the regions, (regions + 1, 3).

    Example:
        >>> colours = np.array([[0, 0, 0], [1, 0, 0]], dtype=np.float32)
        >>> matched_instances(np.array([[7, 0]]), np.array([[1, 1]]), colours)[0, :, 1:].tolist()
        [[0.0, 0.0], [0.0, 0.0]]
    """
    ids, places = np.unique(found, return_inverse=True)
    places = places.reshape(found.shape)
    shade = np.random.default_rng(1).uniform(0.6, 1, (ids.size, 1)).astype(np.float32)
    shared = np.bincount(places.ravel() * len(colours) + regions.ravel(), minlength=ids.size * len(colours))
    most = shared.reshape(ids.size, -1).argmax(axis=1)
    own = np.where(most[:, None] > 0, colours[most], np.asarray(_NOWHERE, np.float32))
    own[ids == 0] = 0
    picture: FloatArray = (own * shade)[places]
    return picture


def _legend(with_instances: bool) -> list[Any]:
    entries: list[Any] = [Patch(facecolor="black", edgecolor="grey", label="membrane (truth, what is scored)")]
    if with_instances:
        entries.append(
            Patch(facecolor=(0.4, 0.8, 0.5), label="an instance, in the colour of the true region it lies in")
        )
        entries.append(Patch(facecolor=_NOWHERE, label="an instance that lies on true membrane"))
    entries += [
        Patch(facecolor=CUT, label="barrier cut of the prediction"),
        Line2D([], [], color=SEED, marker="o", linestyle="", markersize=4, label="seed of a true region"),
        Patch(facecolor=LEAK, label="leak: voxels of a region that the cut gives to another"),
    ]
    return entries
