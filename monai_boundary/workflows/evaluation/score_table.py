# SPDX-License-Identifier: Apache-2.0
"""Scores as people read them: a table in the log, in which a miss is never hidden."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_boundary.ops.tumour_regions import TUMOUR_REGIONS

__all__ = ["TITLES", "log_scores", "missed_notes"]

logger = logging.getLogger(__name__)

DISTANCES = ("hausdorff_mm", "hd95_mm")
COUNTS = ("missed", "false_alarm")

_OF_STRUCTURES = {
    "dice": "Dice",
    "jaccard": "Jaccard",
    "hausdorff_mm": "Hausdorff (mm)",
    "hd95_mm": "HD95 (mm)",
    "missed": "missed",
    "false_alarm": "false alarms",
}

# scores that are shown to people, in this order
TITLES = {
    "voi_split": "VOI split (bits)",
    "voi_merge": "VOI merge (bits)",
    "ari": "ARI",
    "cremi_score": "CREMI score",
    "dice": "Dice",
    "jaccard": "Jaccard",
    "hausdorff_mm": "Hausdorff (mm)",
    "hd95_mm": "HD95 (mm)",
    "volume_difference_percent": "volume diff. (%)",
    "volume_difference_ml": "volume diff. (ml)",
    "lesion_recall": "lesion recall",
    "lesion_precision": "lesion precision",
    "lesion_f1": "lesion F1",
    "lesion_count_difference": "count difference",
    "missed": "missed patients",
    "false_alarm": "false alarms",
    **{
        f"{region}_{score}": f"{region.upper()} {title}"
        for region in TUMOUR_REGIONS
        for score, title in _OF_STRUCTURES.items()
    },
}


def log_scores(
    title: str,
    scores: Mapping[str, Any],
    files: Mapping[str, str | os.PathLike[str]],
    notes: Mapping[str, str] | None = None,
) -> None:
    """Log scores, those of ``TITLES`` first, and where those of the ``files`` (name -> path) lie that exist.

    Args:
        title: first line.
        scores: metric name -> value; NaN is shown as undefined.
        files: for example ``{"checkpoint": "output/model.pt"}``.
        notes: metric name -> what stands behind its value; see :func:`missed_notes`.
    """
    notes = notes or {}
    ordered = [name for name in TITLES if name in scores] + [name for name in scores if name not in TITLES]
    rows = [(_title(name), _shown(name, scores[name]), notes.get(name, "")) for name in ordered]
    rows += [(name, str(path), "") for name, path in files.items() if Path(path).exists()]
    width = max((len(name) for name, *_ in rows), default=0)
    lines = [f"  {name:<{width}}  {value}{f'  ({note})' if note else ''}" for name, value, note in rows]
    logger.info("\n".join([title, *lines]))


def missed_notes(
    scores: Mapping[str, Any],
    missed_mm: float | str | None = "diagonal",
    defined: Mapping[str, int] | None = None,
    cases: int | None = None,
) -> dict[str, str]:
    """Return what has to stand beside means: how many misses went into a distance, how many cases have no score.

    Args:
        scores: metric name -> value, with the counts ``missed`` and ``false_alarm`` (of each region, if by region).
        missed_mm: what a miss counts as, in mm, or ``"diagonal"`` of the image; None where it is not known.
        defined: metric name -> number of cases with that score.
        cases: number of all cases.

    Example:
        >>> missed_notes({"hd95_mm": 20.0, "missed": 2, "false_alarm": 0})
        {'hd95_mm': "2 missed, each counted as the image's diagonal"}
        >>> missed_notes({"dice": 0.7}, defined={"dice": 3}, cases=5)
        {'dice': 'of 3 cases, undefined in 2'}
    """
    price = "the image's diagonal" if missed_mm == "diagonal" else f"{missed_mm} mm"
    counted_as = "" if missed_mm is None else f", each counted as {price}"
    notes: dict[str, list[str]] = {}
    if cases is not None:
        for name, number in (defined or {}).items():
            if name in scores and 0 < number < cases:
                notes[name] = [f"of {number} cases, undefined in {cases - number}"]
    for name in scores:
        if not name.endswith(DISTANCES):
            continue
        missed, alarms = (_count(scores, name, count) for count in COUNTS)
        counted = [f"{missed} missed"] * bool(missed) + [f"{alarms} false alarm{'s' * (alarms > 1)}"] * bool(alarms)
        if counted:
            notes.setdefault(name, []).append(f"{', '.join(counted)}{counted_as}")
    return {name: "; ".join(texts) for name, texts in notes.items()}


def _title(name: str) -> str:
    """A score as people call it; of a structure, ``liver_hd95_mm``, with the structure's name."""
    if name in TITLES:
        return TITLES[name]
    known = next((score for score in _OF_STRUCTURES if name.endswith(f"_{score}")), None)
    return name if known is None else f"{name[: -len(known) - 1]} {_OF_STRUCTURES[known]}"


def _count(scores: Mapping[str, Any], distance: str, count: str) -> int:
    """Number of misses that went into a distance: of its region; of the mean over structures those of all."""
    prefix = distance[: -len(next(d for d in DISTANCES if distance.endswith(d)))]
    names: Sequence[str] = [f"{prefix}{count}"]
    if not prefix and count not in scores:
        names = [name for name in scores if name.endswith(f"_{count}")]
    values = [float(scores.get(name, 0)) for name in names]
    return int(sum(value for value in values if math.isfinite(value)))


def _shown(name: str, value: Any) -> str:
    if name.endswith(COUNTS) and isinstance(value, (int, float)) and not math.isnan(value):
        return f"{value:.0f}"
    if isinstance(value, float):
        return "undefined" if math.isnan(value) else f"{value:.4f}"
    return str(value)
