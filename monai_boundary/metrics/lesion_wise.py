# SPDX-License-Identifier: Apache-2.0
"""The lesion-wise Dice and HD95 of the BraTS challenges since 2023."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from monai_boundary._typing import AnyArray, BoolArray
from monai_boundary._validation import check_choice, check_positive
from monai_boundary.metrics.mask_metric import MaskMetric
from monai_boundary.metrics.surface_pair import SurfacePair, measure_surfaces

CHALLENGES = {"gli": (3, 50.0), "ssa": (3, 50.0), "ped": (3, 50.0), "men": (1, 50.0), "met": (1, 2.0)}
"""Steps of dilation, and volume in mm^3 up to which a lesion does not count, of each BraTS 2023 challenge."""


class LesionWiseRow(NamedTuple):
    """One true lesion, or one false one (``volume_mm3`` is then of the prediction, and ``lesion`` 0)."""

    lesion: int
    volume_mm3: float
    predicted_components: int
    dice: float
    hd95_mm: float
    counts: bool
    """Whether the row enters the means: not where a true lesion is too small."""


@dataclass(frozen=True)
class LesionWiseScores:
    """Lesion-wise scores of one region; see :func:`compute_lesion_wise_scores`.

    Attributes:
        lesion_wise_dice: mean Dice over true and false lesions.
        lesion_wise_hd95_mm: mean HD95 over them.
        found_lesions: true lesions that a predicted component meets.
        missed_lesions: true lesions that none meets.
        false_lesions: predicted components that meet no lesion.
        rows: a row per lesion: true ones, then false ones.
    """

    lesion_wise_dice: float
    lesion_wise_hd95_mm: float
    found_lesions: int
    missed_lesions: int
    false_lesions: int
    rows: tuple[LesionWiseRow, ...]

    def as_dict(self) -> dict[str, float]:
        """Return the scores by name, without the rows."""
        return {name: float(getattr(self, name)) for name in SCORES}


SCORES = ("lesion_wise_dice", "lesion_wise_hd95_mm", "found_lesions", "missed_lesions", "false_lesions")


def compute_lesion_wise_scores(
    y_pred: npt.ArrayLike,
    y: npt.ArrayLike,
    spacing: Sequence[float] | float | None,
    *,
    challenge: str = "gli",
    missed_mm: float = 374.0,
    both_empty: str = "undefined",
) -> LesionWiseScores:
    """Return the lesion-wise Dice and HD95 of one region by the rules of BraTS 2023.

    - True components (26 neighbours) that meet when dilated are one lesion. Dilation is by steps to 18 neighbours: 3
      steps for gliomas, 1 for meningeomas and metastases.
    - To a lesion belong all predicted components that meet it dilated; Dice and HD95 are of those together against the
      lesion as it is. HD95 is :func:`~monai_boundary.metrics.compute_surface_scores`'s, as the challenge's; where no
      component meets, Dice is 0 and HD95 ``missed_mm``.
    - Predicted components that meet no lesion are false ones: Dice 0 and ``missed_mm`` each, however small.
    - Lesions up to 50 mm^3 (metastases: 2) do not count, neither as found nor as missed; what meets them is not false.

    A component between two lesions counts for both. One voxel of noise costs as much as a missed tumour: the penalties
    swamp the mean where a network leaves specks.

    Args:
        y_pred: predicted mask of a region, 0 or 1, (H, W, D).
        y: true mask of the same shape.
        spacing: mm per axis in array order.
        challenge: ``"gli"``, ``"ssa"``, ``"ped"``, ``"men"`` or ``"met"``.
        missed_mm: price of a missed or false lesion.
        both_empty: where there is nothing to count, the two means are NaN (``"undefined"``), or 1 and 0 as the
            challenge has it (``"perfect"``).

    Returns:
        Scores and rows.

    Raises:
        TypeError: if a mask does not hold numbers.
        ValueError: if a mask holds anything but 0 and 1, the shapes differ or are not 3-D, ``spacing`` is missing or
            has a wrong length, or an option does not fit.

    Example:
        >>> import numpy as np
        >>> truth = np.zeros((20, 20, 20)); truth[2:6, 2:6, 2:6] = 1; truth[14:18, 14:18, 14:18] = 1
        >>> pred = np.zeros((20, 20, 20)); pred[2:6, 2:6, 2:6] = 1
        >>> found = compute_lesion_wise_scores(pred, truth, spacing=1.0)
        >>> found.lesion_wise_dice, found.lesion_wise_hd95_mm, found.missed_lesions
        (0.5, 187.0, 1)
    """
    check_choice("challenge", challenge, tuple(CHALLENGES))
    check_choice("both_empty", both_empty, ("undefined", "perfect"))
    check_positive("missed_mm", missed_mm)
    if np.ndim(y) != 3:
        raise ValueError(f"`y` needs 3 spatial dimensions for the rules of BraTS, got {np.ndim(y)}.")
    pair = measure_surfaces(y_pred, y, spacing, distances=False)
    return lesion_wise_of_pair(pair, challenge=challenge, missed_mm=missed_mm, both_empty=both_empty)


def lesion_wise_of_pair(
    pair: SurfacePair, *, challenge: str = "gli", missed_mm: float = 374.0, both_empty: str = "undefined"
) -> LesionWiseScores:
    """Return what :func:`compute_lesion_wise_scores` does, for masks in the box that holds both.

    What meets when dilated meets within the box, too: each step of a path outside has a place in it that is as near.
    """
    steps, smallest = CHALLENGES[challenge]
    rows = _rows(pair.predicted, pair.true, pair.spacing, steps, smallest, missed_mm)
    counted = [row for row in rows if row.counts]
    nothing = (1.0, 0.0) if both_empty == "perfect" else (math.nan, math.nan)
    dice, hd95 = (np.mean([(row.dice, row.hd95_mm) for row in counted], axis=0).tolist()) if counted else nothing
    true_rows = [row for row in counted if row.lesion]
    found = sum(row.predicted_components > 0 for row in true_rows)
    return LesionWiseScores(dice, hd95, found, len(true_rows) - found, len(counted) - len(true_rows), tuple(rows))


def _rows(
    predicted: BoolArray, true: BoolArray, sizes: tuple[float, ...], steps: int, smallest: float, missed_mm: float
) -> list[LesionWiseRow]:
    every, near = ndimage.generate_binary_structure(3, 3), ndimage.generate_binary_structure(3, 2)
    components, count = ndimage.label(predicted, every)
    grown = ndimage.binary_dilation(true, near, iterations=steps) if true.any() else true
    lesions, number = ndimage.label(grown, every)
    lesions = np.where(true, lesions, 0)
    volume = math.prod(sizes)
    rows, met = [], set()
    for lesion, box in zip(range(1, number + 1), ndimage.find_objects(lesions), strict=True):
        mask = _wide(lesions, box, steps) == lesion
        around = ndimage.binary_dilation(mask, near, iterations=steps)
        ids = np.setdiff1d(np.unique(_wide(components, box, steps)[around]), [0])
        met.update(ids.tolist())
        size = int(np.count_nonzero(mask))
        dice, hd95 = _of_lesion(np.isin(components, ids), lesions == lesion, sizes) if ids.size else (0.0, missed_mm)
        rows.append(LesionWiseRow(lesion, size * volume, ids.size, dice, hd95, size * volume > smallest))
    voxels = np.bincount(components.ravel(), minlength=count + 1)
    false = [c for c in range(1, count + 1) if c not in met]
    return rows + [LesionWiseRow(0, int(voxels[c]) * volume, 1, 0.0, missed_mm, True) for c in false]


def _wide(values: AnyArray, box: tuple[slice, ...], steps: int) -> AnyArray:
    """The part of an image in a box and ``steps`` around it."""
    return values[tuple(slice(max(s.start - steps, 0), s.stop + steps) for s in box)]


def _of_lesion(predicted: BoolArray, lesion: BoolArray, sizes: tuple[float, ...]) -> tuple[float, float]:
    pair = measure_surfaces(predicted, lesion, sizes)
    both = int(np.count_nonzero(pair.predicted & pair.true))
    dice = 2 * both / (int(np.count_nonzero(pair.predicted)) + int(np.count_nonzero(pair.true)))
    surfaces = (pair.predicted_surface, pair.true_surface)
    return dice, max(surface.percentile(95) for surface in surfaces if surface is not None)


class LesionWiseScoresMetric(MaskMetric):
    """Accumulate :func:`compute_lesion_wise_scores` over patients; see :class:`~monai_boundary.metrics.MaskMetric`.

    The numbers of lesions are averaged as the others are: ``false_lesions`` is the mean number per patient.

    Args:
        structures: None for one mask of 0 and 1 (B, 1, ...), names for a mask in each channel, or ``{name: label value
            or values}`` for a label map (B, 1, ...). ``("wt", "tc", "et")`` for BraTS.
        spacing: mm per axis in array order.
        reduction: over the items, as in MONAI: ``"mean"`` (default), ``"sum"``, ``"mean_batch"``, ``"sum_batch"``,
            ``"mean_channel"``, ``"sum_channel"`` or ``"none"``; every score is one channel of its own.
        challenge: ``"gli"``, ``"ssa"``, ``"ped"``, ``"men"`` or ``"met"``.
        missed_mm: price of a missed or false lesion.
        both_empty: ``"undefined"`` or ``"perfect"``.

    Example:
        >>> import torch
        >>> truth = torch.zeros(1, 1, 8, 8, 8); truth[..., 1:5, 1:5, 1:5] = 1
        >>> metric = LesionWiseScoresMetric(spacing=1.0)
        >>> _ = metric(truth, truth)
        >>> metric.aggregate()["lesion_wise_dice"].item()
        1.0
    """

    mask_scores: tuple[str, ...] = SCORES

    def __init__(
        self,
        structures: Sequence[str] | Mapping[str, int | Sequence[int]] | None = None,
        *,
        spacing: Sequence[float] | float | None = None,
        reduction: str = "mean",
        challenge: str = "gli",
        missed_mm: float = 374.0,
        both_empty: str = "undefined",
    ) -> None:
        check_choice("challenge", challenge, tuple(CHALLENGES))
        super().__init__(structures, spacing=spacing, reduction=reduction)
        self.challenge, self.missed_mm, self.both_empty = challenge, missed_mm, both_empty

    def score_masks(self, y_pred: AnyArray, y: AnyArray, spacing: Sequence[float] | float) -> Mapping[str, float]:
        """Return the scores of two masks by name."""
        return compute_lesion_wise_scores(
            y_pred, y, spacing, challenge=self.challenge, missed_mm=self.missed_mm, both_empty=self.both_empty
        ).as_dict()
