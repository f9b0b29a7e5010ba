# SPDX-License-Identifier: Apache-2.0
"""All surface scores of a case from one measurement: HD, HD95, ASSD, surface Dice, boundary F and boundary IoU."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy.typing as npt

from monai_boundary._validation import check_choice, check_positive
from monai_boundary.metrics.boundary_iou import DEFAULT_SHARE, band_width_mm, boundary_iou_of_pair
from monai_boundary.metrics.surface_pair import SurfaceDistances, SurfacePair, measure_surfaces

EMPTY_POLICIES = ("diagonal", "worst", "nan", "ignore")


@dataclass(frozen=True)
class SurfaceScores:
    """Surface scores of one prediction and one truth; see :func:`compute_surface_scores`.

    Attributes:
        hd_mm: Hausdorff distance.
        hd95_mm: its 95th percentile.
        assd_mm: average symmetric surface distance.
        nsd: normalised surface Dice at each tolerance.
        boundary_f: boundary F-measure at each tolerance.
        boundary_iou: boundary IoU.
        missed: 1.0 where there is something and nothing is predicted, else 0.0.
        false_alarm: 1.0 where there is nothing and something is predicted, else 0.0.
        tolerances_mm: of ``nsd`` and ``boundary_f``.
        boundary_width_mm: width of the band of ``boundary_iou``.
    """

    hd_mm: float
    hd95_mm: float
    assd_mm: float
    nsd: tuple[float, ...]
    boundary_f: tuple[float, ...]
    boundary_iou: float
    missed: float
    false_alarm: float
    tolerances_mm: tuple[float, ...]
    boundary_width_mm: float

    def as_dict(self) -> dict[str, float]:
        """Return the scores by name, one number each: ``nsd_2mm`` is the surface Dice at 2 mm."""
        found = {"hd_mm": self.hd_mm, "hd95_mm": self.hd95_mm, "assd_mm": self.assd_mm}
        found.update({f"nsd_{t:g}mm": value for t, value in zip(self.tolerances_mm, self.nsd, strict=True)})
        found.update({f"boundary_f_{t:g}mm": f for t, f in zip(self.tolerances_mm, self.boundary_f, strict=True)})
        return {**found, "boundary_iou": self.boundary_iou, "missed": self.missed, "false_alarm": self.false_alarm}


def compute_surface_scores(
    y_pred: npt.ArrayLike,
    y: npt.ArrayLike,
    spacing: Sequence[float] | float | None,
    tolerances_mm: Sequence[float] = (1.0, 2.0),
    *,
    boundary_width_mm: float | None = None,
    boundary_share: float = DEFAULT_SHARE,
    empty_policy: str = "diagonal",
) -> SurfaceScores:
    r"""Return the surface scores of two binary masks; the surfaces are found and measured once.

    The elements :math:`a \in P` of the predicted surface and :math:`b \in T` of the true one, their areas :math:`|a|`
    and their distances :math:`d` to the other surface are those of :func:`~monai_boundary.metrics.measure_surfaces`
    (marching cubes, as DeepMind's surface-distance). With :math:`A_\tau` the area within :math:`\tau`, :math:`A` all:

    - ``hd_mm`` is the largest distance, ``hd95_mm`` the larger of the two distances that 95 % of a surface's area do
      not exceed, ``assd_mm`` the mean over the area of both surfaces;
    - ``nsd``, the normalised surface Dice (Nikolov et al. 2021): :math:`(A^P_\tau + A^T_\tau) / (A^P + A^T)`;
    - ``boundary_f``: :math:`2 p r / (p + r)` of precision :math:`p = A^P_\tau / A^P` and recall
      :math:`r = A^T_\tau / A^T` (Csurka et al. 2013, in mm and with areas): a small prediction is not outvoted by a
      large truth;
    - ``boundary_iou``: :func:`~monai_boundary.metrics.compute_boundary_iou`.

    :func:`~monai_boundary.metrics.compute_hausdorff_mm` measures from the centres of border voxels instead, all with
    the same weight, as MONAI does: mostly within a voxel of these.

    **Empty masks.** Where one mask is empty, every overlap (``nsd``, ``boundary_f``, ``boundary_iou``) is 0 and the
    case is counted in ``missed`` or ``false_alarm``; what the distances are, ``empty_policy`` says. Where both are
    empty there is nothing to score: all is NaN, and nothing is counted.

    ============== ======================================================= ===============================
    empty_policy   distances of a case with one empty mask                 in a mean over cases
    ============== ======================================================= ===============================
    ``"diagonal"`` the image's diagonal, which no distance in it reaches    counts
    ``"worst"``    infinity                                                makes the mean infinite
    ``"nan"``      NaN                                                     makes the mean NaN
    ``"ignore"``   NaN                                                     left out; the counts say so
    ============== ======================================================= ===============================

    Args:
        y_pred: predicted mask, 0 or 1, (H, W) or (H, W, D).
        y: true mask of the same shape.
        spacing: mm per axis in array order.
        tolerances_mm: of ``nsd`` and ``boundary_f``: what two careful readers differ by.
        boundary_width_mm: width of the band of ``boundary_iou``; None for ``boundary_share``.
        boundary_share: the same as a share of the image's diagonal.
        empty_policy: the distances where one mask is empty: ``"diagonal"``, ``"worst"``, ``"nan"`` or ``"ignore"``, as
            in the table.

    Returns:
        The scores.

    Raises:
        TypeError: if a mask does not hold numbers.
        ValueError: if a mask holds anything but 0 and 1, the shapes differ or are not 2-D or 3-D, ``spacing`` is
            missing or has a wrong length, or an option does not fit.

    Example:
        >>> import numpy as np
        >>> truth = np.zeros((8, 8)); truth[2:6, 2:6] = 1
        >>> pred = np.zeros((8, 8)); pred[2:6, 2:7] = 1
        >>> scores = compute_surface_scores(pred, truth, spacing=(1.0, 1.0), tolerances_mm=(0.5, 1.0))
        >>> scores.hd_mm, scores.nsd[1], round(scores.nsd[0], 3)
        (1.0, 1.0, 0.766)
        >>> missed = compute_surface_scores(np.zeros((8, 8)), truth, spacing=(1.0, 1.0))
        >>> round(missed.hd95_mm, 2), missed.nsd, missed.missed
        (11.31, (0.0, 0.0), 1.0)
    """
    check_choice("empty_policy", empty_policy, EMPTY_POLICIES)
    tolerances = check_tolerances(tolerances_mm)
    pair = measure_surfaces(y_pred, y, spacing)
    width = band_width_mm(pair, boundary_width_mm, boundary_share)
    return surface_scores_of_pair(pair, tolerances, width, empty_policy)


def surface_scores_of_pair(
    pair: SurfacePair, tolerances: tuple[float, ...], width_mm: float, empty_policy: str
) -> SurfaceScores:
    """Return what :func:`compute_surface_scores` does, for masks that were measured."""
    if pair.predicted_surface is None or pair.true_surface is None:
        return _one_empty(pair, tolerances, width_mm, empty_policy)
    both = (pair.predicted_surface, pair.true_surface)
    return SurfaceScores(
        hd_mm=max(surface.percentile(100) for surface in both),
        hd95_mm=hd95_of_surfaces(both),
        assd_mm=_mean_distance(both),
        nsd=nsd_of_surfaces(both, tolerances),
        boundary_f=tuple(_f_measure(*(s.within(t) / s.total for s in both)) for t in tolerances),
        boundary_iou=boundary_iou_of_pair(pair, width_mm),
        missed=0.0,
        false_alarm=0.0,
        tolerances_mm=tolerances,
        boundary_width_mm=width_mm,
    )


def hd95_of_surfaces(surfaces: Sequence[SurfaceDistances]) -> float:
    """Return the larger of the distances that 95 % of either surface's area does not exceed."""
    return max(surface.percentile(95) for surface in surfaces)


def nsd_of_surfaces(surfaces: Sequence[SurfaceDistances], tolerances: Sequence[float]) -> tuple[float, ...]:
    """Return the share of both surfaces' area within each tolerance."""
    total = sum(surface.total for surface in surfaces)
    return tuple(sum(surface.within(t) for surface in surfaces) / total for t in tolerances)


def check_tolerances(tolerances_mm: Sequence[float]) -> tuple[float, ...]:
    """Return the tolerances as floats.

    Raises:
        ValueError: if one is negative or not finite, or comes twice.
    """
    tolerances = tuple(float(t) for t in tolerances_mm)
    for tolerance in tolerances:
        check_positive("tolerances_mm", tolerance, zero=True)
    if len({f"{t:g}" for t in tolerances}) < len(tolerances):
        raise ValueError(f"`tolerances_mm` needs different tolerances, got {tolerances}.")
    return tolerances


def price_of_a_miss(diagonal_mm: float, empty_policy: str) -> float:
    """Return the distance where one mask is empty, in mm."""
    prices: Mapping[str, float] = {"diagonal": diagonal_mm, "worst": math.inf}
    return prices.get(empty_policy, math.nan)


def _one_empty(pair: SurfacePair, tolerances: tuple[float, ...], width: float, empty_policy: str) -> SurfaceScores:
    counted = pair.missed or pair.false_alarm
    distance = price_of_a_miss(pair.diagonal_mm, empty_policy) if counted else math.nan
    overlap = 0.0 if counted else math.nan
    each = (overlap,) * len(tolerances)
    return SurfaceScores(
        hd_mm=distance,
        hd95_mm=distance,
        assd_mm=distance,
        nsd=each,
        boundary_f=each,
        boundary_iou=overlap,
        missed=float(pair.missed),
        false_alarm=float(pair.false_alarm),
        tolerances_mm=tolerances,
        boundary_width_mm=width,
    )


def _mean_distance(surfaces: Sequence[SurfaceDistances]) -> float:
    return sum(float(s.distance_mm @ s.area) for s in surfaces) / sum(s.total for s in surfaces)


def _f_measure(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
