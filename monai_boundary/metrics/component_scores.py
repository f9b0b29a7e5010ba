# SPDX-License-Identifier: Apache-2.0
"""Dice, HD95 and surface Dice of every true component by itself: small ones count as much as large ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from monai_boundary._typing import AnyArray, IntArray
from monai_boundary._validation import check_choice
from monai_boundary.metrics.mask_metric import MaskMetric
from monai_boundary.metrics.surface_pair import SurfacePair, measure_surfaces
from monai_boundary.metrics.surface_scores import (
    EMPTY_POLICIES,
    check_tolerances,
    hd95_of_surfaces,
    nsd_of_surfaces,
    price_of_a_miss,
)
from monai_boundary.metrics.table_scores import mean_of_defined
from monai_boundary.ops.regions import region_cells


class ComponentRow(NamedTuple):
    """Scores of one true component, in its own part of the image."""

    component: int
    volume_mm3: float
    dice: float
    hd95_mm: float
    nsd: tuple[float, ...]
    missed: float


@dataclass(frozen=True)
class ComponentScores:
    """Means over the true components; see :func:`compute_component_scores`.

    Attributes:
        component_dice: mean Dice.
        component_hd95_mm: mean HD95.
        component_nsd: mean surface Dice at each tolerance.
        missed_components: components in whose part nothing is predicted.
        components: true components.
        missed: 1.0 where there is a truth and nothing is predicted at all, else 0.0.
        false_alarm: 1.0 the other way round.
        tolerances_mm: of ``component_nsd``.
        rows: a row per true component.
    """

    component_dice: float
    component_hd95_mm: float
    component_nsd: tuple[float, ...]
    missed_components: int
    components: int
    missed: float
    false_alarm: float
    tolerances_mm: tuple[float, ...]
    rows: tuple[ComponentRow, ...]

    def as_dict(self) -> dict[str, float]:
        """Return the scores by name, without the rows."""
        return {
            "component_dice": self.component_dice,
            "component_hd95_mm": self.component_hd95_mm,
            **{f"component_nsd_{t:g}mm": v for t, v in zip(self.tolerances_mm, self.component_nsd, strict=True)},
            "missed_components": float(self.missed_components),
            "components": float(self.components),
            "missed": self.missed,
            "false_alarm": self.false_alarm,
        }


def compute_component_scores(
    y_pred: npt.ArrayLike,
    y: npt.ArrayLike,
    spacing: Sequence[float] | float | None,
    tolerances_mm: Sequence[float] = (1.0, 2.0),
    *,
    empty_policy: str = "diagonal",
    fully_connected: bool = True,
) -> ComponentScores:
    """Return the scores of every connected component of the truth, and their means.

    The image is parted into the components' Voronoi cells (every voxel belongs to the nearest component, in mm), and
    prediction and truth are compared within each cell: Dice, HD95 and surface Dice
    (:func:`~monai_boundary.metrics.compute_surface_scores`) of what lies there (Jaus et al., CC-Metrics, AAAI 2025; for
    Dice MONAI's ``DiceMetric(per_component=True)``). A false piece lowers the scores of the component that is nearest.
    Where a cell ends, what is in it ends too.

    Args:
        y_pred: predicted mask, 0 or 1, (H, W) or (H, W, D).
        y: true mask of the same shape.
        spacing: mm per axis in array order.
        tolerances_mm: mm, tolerances of the surface Dice; a score for each.
        empty_policy: what the distance of a component is in whose cell nothing is predicted; see
            :func:`~monai_boundary.metrics.compute_surface_scores`. Its overlaps are 0.
        fully_connected: whether components are connected by edges and corners too.

    Returns:
        Means and rows. Without a true component the overlaps are 0 (and the distance is by ``empty_policy``) where
        something is predicted, and all is NaN where nothing is.

    Raises:
        TypeError: if a mask does not hold numbers.
        ValueError: as :func:`~monai_boundary.metrics.compute_surface_scores`.

    Example:
        >>> import numpy as np
        >>> truth = np.zeros((8, 20)); truth[1:7, 1:9] = 1; truth[3:5, 15:17] = 1
        >>> pred = truth.copy(); pred[3:5, 15:17] = 0
        >>> found = compute_component_scores(pred, truth, spacing=1.0)
        >>> found.component_dice, found.missed_components  # Dice of the whole is 0.96
        (0.5, 1)
    """
    check_choice("empty_policy", empty_policy, EMPTY_POLICIES)
    tolerances = check_tolerances(tolerances_mm)
    pair = measure_surfaces(y_pred, y, spacing)
    return component_scores_of_pair(pair, tolerances, empty_policy=empty_policy, fully_connected=fully_connected)


def component_scores_of_pair(
    pair: SurfacePair, tolerances: tuple[float, ...], *, empty_policy: str = "diagonal", fully_connected: bool = True
) -> ComponentScores:
    """Return what :func:`compute_component_scores` does, for masks that were measured."""
    element = ndimage.generate_binary_structure(pair.true.ndim, pair.true.ndim if fully_connected else 1)
    components, count = ndimage.label(pair.true, element)
    price = price_of_a_miss(pair.diagonal_mm, empty_policy)
    rows = _rows(pair, components.astype(np.int32, copy=False), count, tolerances, price)
    if rows:
        means = _means(rows, empty_policy)
    else:  # without a true component a false alarm, or nothing at all
        overlap = 0.0 if pair.false_alarm else math.nan
        means = [overlap, price if pair.false_alarm else math.nan, *(overlap,) * len(tolerances)]
    return ComponentScores(
        component_dice=means[0],
        component_hd95_mm=means[1],
        component_nsd=tuple(means[2:]),
        missed_components=sum(row.missed > 0 for row in rows),
        components=count,
        missed=float(pair.missed),
        false_alarm=float(pair.false_alarm),
        tolerances_mm=tolerances,
        rows=tuple(rows),
    )


def _rows(
    pair: SurfacePair, components: IntArray, count: int, tolerances: tuple[float, ...], price: float
) -> list[ComponentRow]:
    volume = math.prod(pair.spacing)
    if count == 1:  # its cell is the image, which was measured
        return [_row(1, pair, volume, tolerances, price)]
    is_found = pair.predicted.any()
    cells = region_cells(components, pair.spacing) if is_found else components
    rows = []
    for component, part in enumerate(ndimage.find_objects(cells), start=1):
        here = pair.predicted[part] & (cells[part] == component)
        own = measure_surfaces(here, components[part] == component, pair.spacing)
        rows.append(_row(component, own, volume, tolerances, price))
    return rows


def _row(component: int, own: SurfacePair, volume: float, tolerances: tuple[float, ...], price: float) -> ComponentRow:
    voxels = int(np.count_nonzero(own.true))
    if own.predicted_surface is None or own.true_surface is None:
        return ComponentRow(component, voxels * volume, 0.0, price, (0.0,) * len(tolerances), 1.0)
    both = int(np.count_nonzero(own.predicted & own.true))
    dice = 2 * both / (voxels + int(np.count_nonzero(own.predicted)))
    surfaces = (own.predicted_surface, own.true_surface)
    nsd = nsd_of_surfaces(surfaces, tolerances)
    return ComponentRow(component, voxels * volume, dice, hd95_of_surfaces(surfaces), nsd, 0.0)


def _means(rows: Sequence[ComponentRow], empty_policy: str) -> list[float]:
    means = mean_of_defined([(row.dice, row.hd95_mm, *row.nsd) for row in rows])
    if empty_policy == "nan" and any(row.missed for row in rows):
        means[1] = math.nan
    return means


class ComponentScoresMetric(MaskMetric):
    """Accumulate :func:`compute_component_scores` over items; see :class:`~monai_boundary.metrics.MaskMetric`.

    Args:
        structures: None for one mask of 0 and 1 (B, 1, ...), names for a mask in each channel, or ``{name: label value
            or values}`` for a label map (B, 1, ...); each structure is parted by its own components.
        spacing: mm per axis in array order.
        reduction: over the items, as in MONAI: ``"mean"`` (default), ``"sum"``, ``"mean_batch"``, ``"sum_batch"``,
            ``"mean_channel"``, ``"sum_channel"`` or ``"none"``; every score is one channel of its own.
        tolerances_mm: mm, tolerances of the surface Dice; a score for each.
        empty_policy: what a missed component costs.
        fully_connected: whether components are connected by edges and corners too.

    Example:
        >>> import torch
        >>> truth = torch.zeros(1, 1, 4, 9); truth[..., 1:3, 1:3] = 1; truth[..., 1, 7] = 2
        >>> metric = ComponentScoresMetric({"organ": 1, "lesion": 2}, spacing=1.0)
        >>> _ = metric((truth == 1).float(), truth)
        >>> scores = metric.aggregate()
        >>> [scores[name].item() for name in ("organ_component_dice", "lesion_component_dice", "lesion_missed")]
        [1.0, 0.0, 1.0]
    """

    def __init__(
        self,
        structures: Sequence[str] | Mapping[str, int | Sequence[int]] | None = None,
        *,
        spacing: Sequence[float] | float | None = None,
        reduction: str = "mean",
        tolerances_mm: Sequence[float] = (1.0, 2.0),
        empty_policy: str = "diagonal",
        fully_connected: bool = True,
    ) -> None:
        check_choice("empty_policy", empty_policy, EMPTY_POLICIES)
        self.tolerances_mm = check_tolerances(tolerances_mm)
        self.empty_policy, self.fully_connected = empty_policy, fully_connected
        nsd = [f"component_nsd_{t:g}mm" for t in self.tolerances_mm]
        counts = ("missed_components", "components", "missed", "false_alarm")
        self.mask_scores = ("component_dice", "component_hd95_mm", *nsd, *counts)
        super().__init__(structures, spacing=spacing, reduction=reduction)

    def score_masks(self, y_pred: AnyArray, y: AnyArray, spacing: Sequence[float] | float) -> Mapping[str, float]:
        """Return the scores of two masks by name."""
        return compute_component_scores(
            y_pred,
            y,
            spacing,
            self.tolerances_mm,
            empty_policy=self.empty_policy,
            fully_connected=self.fully_connected,
        ).as_dict()
