# SPDX-License-Identifier: Apache-2.0
"""The scores of a report: what each is called, in which unit it is, and what is better."""

from __future__ import annotations

from typing import NamedTuple


class ScoreName(NamedTuple):
    """A score: title, what it tells in a sentence, ``"higher"`` or ``"lower"`` is better (``""``: neither), its unit.

    ``unit`` is ``"length"`` or ``"volume"``, which the files decide (mm and ml, nm, voxels), ``"percent"``,
    ``"bits"`` or nothing.
    """

    title: str
    about: str
    better: str
    unit: str = ""


CLASS_SCORES = {
    "dice": ScoreName("Dice", "overlap of the volumes: forgives the boundary of what is large", "higher"),
    "nsd": ScoreName("Surface Dice", "share of both surfaces within the tolerance", "higher"),
    "boundary_f": ScoreName("Boundary F", "harmonic mean of both surfaces' shares within the tolerance", "higher"),
    "hd95": ScoreName(
        "HD95", "95th percentile of the surface distances: the worst places but the very worst", "lower", "length"
    ),
    "hd": ScoreName("Hausdorff", "the one worst place", "lower", "length"),
    "assd": ScoreName("ASSD", "mean distance of the surfaces", "lower", "length"),
    "boundary_iou": ScoreName("Boundary IoU", "overlap of rims as wide as the tolerance", "higher"),
    "iou": ScoreName("IoU", "overlap; Dice in another scale", "higher"),
    "volume_difference_percent": ScoreName(
        "Volume difference", "absolute, of the truth: forgives the place", "lower", "percent"
    ),
    "volume_difference": ScoreName("Volume difference", "absolute: forgives the place", "lower", "volume"),
    "betti_error": ScoreName(
        "Betti error", "by how many pieces, tunnels and cavities the two differ, wherever they are", "lower"
    ),
    "lesion_recall": ScoreName("Lesion recall", "share of the true components that the prediction touches", "higher"),
    "lesion_precision": ScoreName(
        "Lesion precision", "share of the predicted components that touch a true one", "higher"
    ),
    "lesion_f1": ScoreName("Lesion F1", "harmonic mean of the two", "higher"),
    "component_dice": ScoreName(
        "Dice per component", "mean over the true components, each in its own part of the image", "higher"
    ),
    "component_hd95": ScoreName("HD95 per component", "mean over the true components", "lower", "length"),
    "component_nsd": ScoreName("Surface Dice per component", "mean over the true components", "higher"),
    "missed_components": ScoreName("Missed components", "true components that the prediction does not touch", "lower"),
    "lesion_wise_dice": ScoreName(
        "Lesion-wise Dice", "BraTS 2023: over true and false lesions, 0 for each missed or false one", "higher"
    ),
    "lesion_wise_hd95": ScoreName(
        "Lesion-wise HD95",
        "BraTS 2023: over true and false lesions, 374 mm for each missed or false one",
        "lower",
        "length",
    ),
    "signed_volume_difference_percent": ScoreName(
        "Signed volume difference", "prediction less truth, of the truth", "", "percent"
    ),
    "signed_volume_difference": ScoreName("Signed volume difference", "prediction less truth", "", "volume"),
    "volume_truth": ScoreName("Volume of the truth", "", "", "volume"),
    "volume_prediction": ScoreName("Volume of the prediction", "", "", "volume"),
    "lesions_truth": ScoreName("True components", "", ""),
    "lesions_prediction": ScoreName("Predicted components", "", ""),
}
INSTANCE_SCORES = {
    "cremi_score": ScoreName("CREMI", "geometric mean of VOI and the adapted Rand error", "lower"),
    "voi_split": ScoreName("VOI split", "by how much objects are cut up", "lower", "bits"),
    "voi_merge": ScoreName("VOI merge", "by how much objects run together", "lower", "bits"),
    "arand": ScoreName("Adapted Rand error", "1 - F score of pairs of voxels", "lower"),
    "ari": ScoreName("Adapted Rand index", "1 - adapted Rand error: F score of pairs of voxels", "higher"),
    "pq": ScoreName("PQ", "panoptic quality: RQ x SQ, objects matched at IoU > 0.5", "higher"),
    "rq": ScoreName("RQ", "F1 of the objects found", "higher"),
    "sq": ScoreName("SQ", "mean IoU of the matched objects; undefined where none is", "higher"),
    "missed_instances": ScoreName("Missed objects", "true objects without a partner", "lower"),
    "false_instances": ScoreName("False objects", "predicted objects without a partner", "lower"),
    "objects_truth": ScoreName("True objects", "", ""),
    "objects_prediction": ScoreName("Predicted objects", "", ""),
}
SCORES = {**CLASS_SCORES, **INSTANCE_SCORES}
COUNTED = ("missed", "false_alarm", "both_empty")


def score_column(name: str, unit: str, volume_unit: str) -> str:
    """Return the name of a score with its unit, as columns of the tables have it.

    Args:
        name: of the score.
        unit: of lengths: ``"mm"``, ``"nm"`` or ``"voxel"``.
        volume_unit: of volumes: ``"ml"`` or ``"voxels"``.

    Example:
        >>> score_column("hd95", "mm", "ml"), score_column("volume_truth", "mm", "ml"), score_column("dice", "mm", "ml")
        ('hd95_mm', 'volume_truth_ml', 'dice')
    """
    of = SCORES[name].unit if name in SCORES else ""
    return f"{name}_{unit}" if of == "length" else f"{name}_{volume_unit}" if of == "volume" else name


def titled_score(name: str, unit: str, volume_unit: str) -> str:
    """Return the title of a score with its unit in brackets.

    Args:
        name: of the score.
        unit: of lengths.
        volume_unit: of volumes.

    Example:
        >>> titled_score("hd95", "mm", "ml")
        'HD95 (mm)'
    """
    score = SCORES[name]
    shown = {"length": unit, "volume": volume_unit, "percent": "%", "bits": "bits"}.get(score.unit)
    return f"{score.title} ({shown})" if shown else score.title
