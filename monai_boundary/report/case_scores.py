# SPDX-License-Identifier: Apache-2.0
"""The scores of one case: the only place where a report meets the metrics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from monai_boundary._typing import AnyArray, BoolArray
from monai_boundary.metrics.betti_error import betti_error_of_masks
from monai_boundary.metrics.component_scores import ComponentScores, component_scores_of_pair
from monai_boundary.metrics.contingency import evaluation_tables
from monai_boundary.metrics.instance_matching import InstanceRow, background_where_ignored, compute_instance_matching
from monai_boundary.metrics.lesion_table import LesionTable, lesion_table_of_masks
from monai_boundary.metrics.lesion_wise import lesion_wise_of_pair
from monai_boundary.metrics.surface_pair import SurfacePair, measure_surfaces
from monai_boundary.metrics.surface_scores import surface_scores_of_pair
from monai_boundary.metrics.table_scores import cremi_of_table
from monai_boundary.metrics.volume_difference import difference_of_counts
from monai_boundary.report.score_names import CLASS_SCORES

CURVE_POINTS = {
    "mm": (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0),
    "voxel": (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0),
    "nm": (0.0, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 75.0, 100.0),
}
TOLERANCE = {"mm": 1.0, "voxel": 1.0, "nm": 10.0}
LESION_WISE = ("lesion_wise_dice", "lesion_wise_hd95")
_ZEROS = ("volume_truth", "volume_prediction", "lesions_truth", "lesions_prediction", "missed_components")


@dataclass(frozen=True)
class MaskScoring:
    """How masks are scored.

    Attributes:
        tolerance: of the surface Dice and boundary F, and the width of boundary IoU's rims, in the unit of the spacing.
        curve: tolerances for the curve.
        voxel_volume: volume of a voxel in the unit that volumes are to be given in.
        empty_policy: what the distances are where one of two masks is empty: see
            :func:`~monai_boundary.metrics.compute_surface_scores`.
        challenge: BraTS challenge by whose rules lesion-wise scores are made, or None for none.
    """

    tolerance: float
    curve: tuple[float, ...]
    voxel_volume: float
    empty_policy: str = "diagonal"
    challenge: str | None = None


class ClassScores(NamedTuple):
    """The scores of one class in one case.

    Attributes:
        scores: name -> value, NaN where undefined; ``missed``, ``false_alarm`` and ``both_empty`` are 0 or 1.
        curve: surface Dice at each of the curve's tolerances.
        lesions: a row for each true component (its volume, whether it was found, and the scores in its own part of the
            image) and for each predicted one that touches no true one.
        lesion_wise: a row for each lesion by the rules of a challenge, where one was given.
    """

    scores: dict[str, float]
    curve: list[float]
    lesions: list[dict[str, Any]]
    lesion_wise: list[dict[str, Any]]


def score_masks(predicted: BoolArray, true: BoolArray, spacing: Sequence[float], how: MaskScoring) -> ClassScores:
    """Return the scores of two masks. No score of a missed structure looks good.

    The masks are cropped to the box that holds both, and their surfaces are measured once; all scores are taken from
    that. Where exactly one mask is empty, all overlaps and the lesion scores are 0, and the distances are what
    ``how.empty_policy`` says. Where both are empty all are NaN: there was nothing to find.

    Args:
        predicted: shape (H, W) or (H, W, D).
        true: of the same shape.
        spacing: size of a voxel along each axis.
        how: tolerances, policy and rules.

    Returns:
        The scores by name, the curve, and a row for each lesion (connected by faces, edges and corners).

    Raises:
        ValueError: if a challenge's rules are asked for in 2-D.
    """
    pair = measure_surfaces(predicted, true, spacing)
    n_pred, n_true = int(np.count_nonzero(pair.predicted)), int(np.count_nonzero(pair.true))
    if not n_pred and not n_true:
        names = [name for name in CLASS_SCORES if how.challenge or name not in LESION_WISE]
        return nothing_to_score(names, len(how.curve))
    surfaces, curve = _surface_scores(pair, how)
    components = component_scores_of_pair(pair, (how.tolerance,), empty_policy=how.empty_policy)
    lesions = lesion_table_of_masks(pair.predicted, pair.true, how.voxel_volume)
    lesion_wise, lesion_wise_rows = _lesion_wise(pair, how.challenge)
    scores = {
        **_overlaps(pair, n_pred, n_true, how.voxel_volume),
        **surfaces,
        "betti_error": betti_error_of_masks(pair.predicted, pair.true).betti_error,
        **_detection(lesions),
        "component_dice": components.component_dice,
        "component_hd95": components.component_hd95_mm,
        "component_nsd": components.component_nsd[0],
        **lesion_wise,
        "missed": float(pair.missed),
        "false_alarm": float(pair.false_alarm),
        "both_empty": 0.0,
    }
    return ClassScores(scores, curve, lesion_rows(lesions, components), lesion_wise_rows)


def lesion_rows(table: LesionTable, components: ComponentScores) -> list[dict[str, Any]]:
    """Return a row for each true component and for each predicted one that touches none.

    Args:
        table: of the components of both masks.
        components: scores of the true ones, in the same order.

    Returns:
        ``kind`` (``"found"``, ``"missed"``, ``"false"``), ``volume``, and of a true component ``covered`` (the share of
        it that is predicted), ``iou`` (the largest with one predicted component), and ``dice``, ``hd95`` and ``nsd`` in
        its own part of the image.
    """
    rows: list[dict[str, Any]] = []
    true = [row for row in table.rows if row.of == "true"]
    for row, own in zip(true, components.rows, strict=True):
        about = {"kind": "found" if row.hit else "missed", "volume": row.size_mm, "covered": row.share, "iou": row.iou}
        rows.append({**about, "dice": own.dice, "hd95": own.hd95_mm, "nsd": own.nsd[0]})
    return rows + [
        {"kind": "false", "volume": row.size_mm, "covered": 0.0}
        for row in table.rows
        if row.of == "predicted" and not row.hit
    ]


def score_instances(
    predicted: AnyArray,
    true: AnyArray,
    spacing_nm: Sequence[float] | None,
    border_tolerance_nm: float | None,
    ignore_labels: Sequence[int] = (0,),
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Return VOI, Rand and CREMI scores, the panoptic quality of two segmentations into instances, and their instances.

    Args:
        predicted: ids, shape (H, W) or (Z, H, W); 0 is background.
        true: ids of the same shape.
        spacing_nm: nm per axis, for the tolerance.
        border_tolerance_nm: voxels within it of a boundary of the truth are not scored by VOI, Rand and CREMI, within
            each section, as CREMI.
        ignore_labels: ids of the truth that are not scored; for the matching, what is predicted there is background.

    Returns:
        The scores by name, and a row for each matched pair and each instance without partner
        (:func:`~monai_boundary.metrics.compute_instance_matching`). Nothing predicted where there are objects is
        ``missed``: PQ is 0, and the error scores are those of one segment that merges all.

    Raises:
        ValueError: if the shapes differ, ids are no integers, or the tolerance lacks a spacing.
        TypeError: if an input does not hold numbers.
    """
    (table,) = evaluation_tables(
        predicted,
        true,
        ignore_labels=ignore_labels,
        border_tolerance_nm=border_tolerance_nm,
        spacing=spacing_nm,
        per_section=False,
        border_per_section=true.ndim == 3,
    )
    matching = compute_instance_matching(*background_where_ignored(predicted, true, ignore_labels))
    n_true, n_pred = (matching.matched + alone for alone in (matching.missed_instances, matching.false_instances))
    counts = {
        "missed": float(n_true > 0 and n_pred == 0),
        "false_alarm": float(n_pred > 0 and n_true == 0),
        "both_empty": float(n_pred == n_true == 0),
    }
    scores = {
        **cremi_of_table(table)._asdict(),
        "pq": matching.pq,
        "rq": matching.rq,
        "sq": matching.sq,
        "missed_instances": float(matching.missed_instances),
        "false_instances": float(matching.false_instances),
        "objects_truth": float(n_true),
        "objects_prediction": float(n_pred),
    }
    return {**scores, **counts}, [_instance_row(row) for row in matching.rows]


def nothing_to_score(names: Iterable[str], points: int) -> ClassScores:
    """Return the scores of a class that neither prediction nor truth of a case has.

    Args:
        names: of the scores.
        points: of the curve.
    """
    scores = dict.fromkeys(names, math.nan) | {"missed": 0.0, "false_alarm": 0.0, "both_empty": 1.0}
    return ClassScores(scores | dict.fromkeys(_ZEROS, 0.0), [math.nan] * points, [], [])


def _overlaps(pair: SurfacePair, n_pred: int, n_true: int, voxel: float) -> dict[str, float]:
    both = int(np.count_nonzero(pair.predicted & pair.true))
    volume = difference_of_counts(n_pred, n_true, voxel)
    return {
        "dice": 2 * both / (n_pred + n_true),
        "iou": both / (n_pred + n_true - both),
        "volume_difference": volume.volume_difference_ml,
        "signed_volume_difference": volume.signed_volume_difference_ml,
        "volume_difference_percent": volume.volume_difference_percent,
        "signed_volume_difference_percent": volume.signed_volume_difference_percent,
        "volume_truth": n_true * voxel,
        "volume_prediction": n_pred * voxel,
    }


def _surface_scores(pair: SurfacePair, how: MaskScoring) -> tuple[dict[str, float], list[float]]:
    tolerances = tuple(sorted({how.tolerance, *how.curve}))
    # a tolerance of 0 makes the thinnest rim: the voxels with a face on the outside
    width = how.tolerance or min(pair.spacing) / 2
    found = surface_scores_of_pair(pair, tolerances, width, how.empty_policy)
    within = dict(zip(tolerances, found.nsd, strict=True))
    scores = {
        "nsd": within[how.tolerance],
        "boundary_f": found.boundary_f[tolerances.index(how.tolerance)],
        "boundary_iou": found.boundary_iou,
        "hd95": found.hd95_mm,
        "hd": found.hd_mm,
        "assd": found.assd_mm,
    }
    return scores, [within[t] for t in how.curve]


def _detection(table: LesionTable) -> dict[str, float]:
    found = table.strata[0]
    return {
        "lesion_recall": found.recall,
        "lesion_precision": found.precision,
        "lesion_f1": found.f1,
        "lesions_truth": float(found.true_lesions),
        "lesions_prediction": float(found.predicted_lesions),
        # as in the table of the components; one that is not touched may still have something in its part of the image
        "missed_components": float(sum(row.of == "true" and not row.hit for row in table.rows)),
    }


def _lesion_wise(pair: SurfacePair, challenge: str | None) -> tuple[dict[str, float], list[dict[str, Any]]]:
    if challenge is None:
        return {}, []
    if pair.true.ndim != 3:
        raise ValueError(f"`challenge` needs 3-D segmentations for the rules of BraTS, got {pair.true.ndim}-D ones.")
    found = lesion_wise_of_pair(pair, challenge=challenge)
    rows = [
        {
            "kind": "false" if not row.lesion else "found" if row.predicted_components else "missed",
            "volume_mm3": row.volume_mm3,
            "predicted_components": row.predicted_components,
            "dice": row.dice,
            "hd95_mm": row.hd95_mm,
            "counts": int(row.counts),
        }
        for row in found.rows
    ]
    return dict(zip(LESION_WISE, (found.lesion_wise_dice, found.lesion_wise_hd95_mm), strict=True)), rows


def _instance_row(row: InstanceRow) -> dict[str, Any]:
    # ids above 2**63 count as negative within
    ids = {"true_id": row.true_id % 2**64, "predicted_id": row.predicted_id % 2**64}
    sizes = {"true_voxels": row.true_voxels, "predicted_voxels": row.predicted_voxels}
    return {"kind": row.kind, **ids, "iou": row.iou, **sizes}
