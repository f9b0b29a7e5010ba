# SPDX-License-Identifier: Apache-2.0
"""The scores of one case: the only place where a report meets the metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from monai_boundary._typing import AnyArray, BoolArray, DoubleArray
from monai_boundary.metrics.contingency import count_overlaps, evaluation_tables, to_instance_ids
from monai_boundary.metrics.cremi import cremi_of_table
from monai_boundary.metrics.lesion_detection import detection_of_masks
from monai_boundary.metrics.surface_scores import compute_surface_scores

CURVE_POINTS = {
    "mm": (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0),
    "voxel": (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0),
    "nm": (0.0, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 75.0, 100.0),
}
TOLERANCE = {"mm": 1.0, "voxel": 1.0, "nm": 10.0}


class ClassScores(NamedTuple):
    """The scores of one class in one case.

    Attributes:
        scores: name -> value, NaN where undefined; ``missed``, ``false_alarm`` and ``both_empty`` are 0 or 1.
        curve: surface Dice at each of the curve's tolerances.
        lesions: a row for each true component (its volume, and whether it was found) and for each predicted one that
            touches no true one.
    """

    scores: dict[str, float]
    curve: list[float]
    lesions: list[dict[str, Any]]


def score_masks(
    predicted: BoolArray,
    true: BoolArray,
    spacing: Sequence[float],
    tolerance: float,
    curve: Sequence[float],
    voxel_volume: float,
) -> ClassScores:
    """Return the scores of two masks. No score of a missed structure looks good.

    Surface scores are those of :func:`~monai_boundary.metrics.compute_surface_scores`, lesions are found and right when
    one voxel is. The rims of the boundary IoU are as wide as the tolerance. Where exactly one mask is empty, Dice, IoU,
    surface Dice, boundary F, boundary IoU and the lesion scores are 0, and the distances are the diagonal of the image,
    which no distance within it reaches. Where both are empty all are NaN: there was nothing to find.

    Args:
        predicted: shape (H, W) or (H, W, D).
        true: of the same shape.
        spacing: size of a voxel along each axis.
        tolerance: of the surface Dice, in the unit of the spacing.
        curve: tolerances for the curve.
        voxel_volume: volume of a voxel in the unit that volumes are to be given in.

    Returns:
        The scores by name, the curve, and a row for each lesion (connected by faces, edges and corners).
    """
    n_pred, n_true = int(predicted.sum()), int(true.sum())
    volumes = {"volume_truth": n_true * voxel_volume, "volume_prediction": n_pred * voxel_volume}
    counts = {
        "missed": float(n_true > 0 and n_pred == 0),
        "false_alarm": float(n_pred > 0 and n_true == 0),
        "both_empty": float(n_pred == n_true == 0),
    }
    both = int((predicted & true).sum())
    overlap = {
        "dice": 2 * both / (n_pred + n_true) if n_pred + n_true else math.nan,
        "iou": both / (n_pred + n_true - both) if n_pred + n_true else math.nan,
        "volume_difference_percent": 100 * (n_pred - n_true) / n_true if n_true else math.nan,
    }
    found = detection_of_masks(predicted, true)
    lesion = {
        "lesion_recall": found.recall,
        "lesion_precision": found.precision,
        "lesion_f1": found.f1,
        "lesions_truth": float(found.true_lesions),
        "lesions_prediction": float(found.predicted_lesions),
    }
    tolerances = sorted({tolerance, *curve})
    surface = compute_surface_scores(predicted, true, spacing, tolerances, boundary_width_mm=tolerance or None)
    within = dict(zip(tolerances, surface.nsd, strict=True))
    surfaces = {
        "nsd": within[tolerance],
        "boundary_f": surface.boundary_f[tolerances.index(tolerance)],
        "boundary_iou": surface.boundary_iou,
        "hd95": surface.hd95_mm,
        "hd": surface.hd_mm,
        "assd": surface.assd_mm,
    }
    scores = {**overlap, **surfaces, **lesion, **volumes, **counts}
    return ClassScores(scores, [within[t] for t in curve], lesion_rows(predicted, true, voxel_volume))


def lesion_rows(predicted: BoolArray, true: BoolArray, voxel_volume: float) -> list[dict[str, Any]]:
    """Return a row for each true component and for each predicted one that touches none.

    Args:
        predicted: shape (H, W) or (H, W, D).
        true: of the same shape.
        voxel_volume: in the unit that volumes are to be given in.

    Returns:
        ``kind`` (``"found"``, ``"missed"``, ``"false"``), ``volume`` and ``covered``, the share of a true component
        that is predicted.
    """
    rows = []
    element = np.ones((3,) * true.ndim)
    for mask, other, kinds in ((true, predicted, ("missed", "found")), (predicted, true, ("false", None))):
        components, count = ndimage.label(mask, element)
        sizes = np.bincount(components.ravel(), minlength=count + 1)[1:]
        inside = np.bincount(components[other], minlength=count + 1)[1:]
        for size, hit in zip(sizes.tolist(), inside.tolist(), strict=True):
            kind = kinds[hit > 0]
            if kind is not None:
                rows.append({"kind": kind, "volume": size * voxel_volume, "covered": hit / size})
    return rows


def score_instances(
    predicted: AnyArray,
    true: AnyArray,
    spacing_nm: Sequence[float] | None,
    border_tolerance_nm: float | None,
    ignore_labels: Sequence[int] = (0,),
) -> dict[str, float]:
    """Return VOI, Rand and CREMI scores, and the panoptic quality of two segmentations into instances.

    Args:
        predicted: ids, shape (H, W) or (Z, H, W); 0 is background.
        true: ids of the same shape.
        spacing_nm: nm per axis, for the tolerance.
        border_tolerance_nm: voxels within it of a boundary of the truth are not scored, within each section, as CREMI.
        ignore_labels: ids of the truth that are not scored.

    Returns:
        The scores by name. Nothing predicted where there are objects is ``missed``: PQ is 0, and the error scores are
        those of one segment that merges all.

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
    scores = dict(cremi_of_table(table)._asdict())
    n_true, n_pred, matched = _matched_objects(predicted, true)
    rq = 2 * len(matched) / (n_true + n_pred) if n_true + n_pred else math.nan
    sq = float(matched.mean()) if len(matched) else (0.0 if n_true + n_pred else math.nan)
    counts = {
        "missed": float(n_true > 0 and n_pred == 0),
        "false_alarm": float(n_pred > 0 and n_true == 0),
        "both_empty": float(n_pred == n_true == 0),
    }
    return {
        **scores,
        "pq": rq * sq,
        "rq": rq,
        "sq": sq,
        "objects_truth": float(n_true),
        "objects_prediction": float(n_pred),
        **counts,
    }


def nothing_to_score(names: Mapping[str, Any], points: int) -> ClassScores:
    """Return the scores of a class that neither prediction nor truth of a case has.

    Args:
        names: of the scores.
        points: of the curve.
    """
    scores = dict.fromkeys(names, math.nan) | {"missed": 0.0, "false_alarm": 0.0, "both_empty": 1.0}
    zeros = ("volume_truth", "volume_prediction", "lesions_truth", "lesions_prediction")
    return ClassScores(scores | dict.fromkeys(zeros, 0.0), [math.nan] * points, [])


def _matched_objects(predicted: AnyArray, true: AnyArray) -> tuple[int, int, DoubleArray]:
    """How many true and predicted objects there are (0 is none), and the IoU of those that match: more than a half."""
    pred_ids, true_ids = to_instance_ids("prediction", predicted), to_instance_ids("truth", true)
    table = count_overlaps(pred_ids.ravel(), true_ids.ravel(), np.ones(true.size, dtype=np.bool_))
    # rows are the ids of the truth in order; ids above 2**63 count as negative
    background = len(np.unique(true_ids[true_ids < 0])) if (true_ids == 0).any() else -1
    is_pair = (table.pred_ids != 0)[table.pred_index] & (table.true_index != background)
    union = table.true_sizes[table.true_index] + table.pred_sizes[table.pred_index] - table.counts
    share = (table.counts / union)[is_pair]
    n_true = len(table.true_sizes) - (background >= 0)
    return n_true, int((table.pred_ids != 0).sum()), share[share > 0.5]
