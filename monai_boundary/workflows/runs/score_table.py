# SPDX-License-Identifier: Apache-2.0
"""Scores as people read them: a table in the log, in which a miss is never hidden."""

from __future__ import annotations

import logging
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_boundary.ops.tumour_regions import TUMOUR_REGIONS
from monai_boundary.report.score_names import SCORES, score_column, titled_score

__all__ = ["TITLES", "log_scores", "logged_title", "missed_notes"]

logger = logging.getLogger(__name__)

DISTANCES = ("hausdorff_mm", "hd95_mm", "assd_mm")
COUNTS = ("missed", "false_alarm")

# scores that are shown to people: as reports call them, and those that reports do not have or name otherwise
TITLES = {
    **{score_column(name, "mm", "ml"): titled_score(name, "mm", "ml") for name in SCORES},
    "hausdorff_mm": titled_score("hd", "mm", "ml"),
    "jaccard": "Jaccard",
    "lesion_count_difference": "Count difference",
    "missed": "missed patients",
    "false_alarm": "false alarms",
}
_TITLES_AT = {
    **{name: SCORES[name].title for name in ("nsd", "boundary_f", "component_nsd")},
    "trimap_iou": "Trimap IoU",
}
_AT_TOLERANCE = re.compile(r"(?:(.+?)_)?(component_nsd|nsd|boundary_f|trimap_iou)_(\d+(?:\.\d+)?)mm")


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
    rows = [(logged_title(name) or name, _shown(name, scores[name]), notes.get(name, "")) for name in ordered]
    rows += [(name, str(path), "") for name, path in files.items() if Path(path).exists()]
    width = max((len(name) for name, *_ in rows), default=0)
    lines = [f"  {name:<{width}}  {value}{f'  ({note})' if note else ''}" for name, value, note in rows]
    logger.info("\n".join([title, *lines]))


def logged_title(name: str) -> str | None:
    """Return a score as people call it, with the name of its structure; None for what is no score.

    Example:
        >>> tuple(map(logged_title, ("liver_nsd_2mm", "wt_hd95_mm", "lesion_f1", "loss/dice")))
        ('liver Surface Dice at 2 mm', 'WT HD95 (mm)', 'Lesion F1', None)
    """
    if name in TITLES:
        return TITLES[name]
    at = _AT_TOLERANCE.fullmatch(name)
    score = max((score for score in TITLES if name.endswith(f"_{score}")), key=len, default=None)
    if "/" in name or (at is None and score is None):
        return None
    structure = (at[1] or "") if at else name[: -len(str(score)) - 1]
    title = f"{_TITLES_AT[at[2]]} at {at[3]} mm" if at else TITLES[str(score)]
    return f"{structure.upper() if structure in TUMOUR_REGIONS else structure} {title}".strip()


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
