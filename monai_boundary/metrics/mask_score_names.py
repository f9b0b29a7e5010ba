# SPDX-License-Identifier: Apache-2.0
"""The scores of masks that can be asked for by name, and from which function each is taken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from monai_boundary.metrics.lesion_scores import LesionScores
from monai_boundary.metrics.tumour_scores import RegionScores

STRUCTURE_SCORES = RegionScores._fields[:4]
"""Dice, Jaccard, Hausdorff distance and its 95th percentile."""
LESION_SCORES = LesionScores._fields[:8]
"""What the lesion challenges report."""
COUNTS = ("missed", "false_alarm")
SOURCES = {
    **dict.fromkeys(LESION_SCORES, "lesions"),
    **dict.fromkeys(STRUCTURE_SCORES, "overlap"),
    **dict.fromkeys(("assd_mm", "boundary_iou"), "surface"),
    **dict.fromkeys(("signed_volume_difference_ml", "signed_volume_difference_percent"), "volume"),
    "betti_error": "betti",
    **dict.fromkeys(("component_dice", "component_hd95_mm", "missed_components"), "components"),
    **dict.fromkeys(("lesion_wise_dice", "lesion_wise_hd95_mm"), "lesion_wise"),
}
"""Score -> what it is taken from. Dice and HD95 are in two: ``"lesions"`` has them where it is asked for others."""
AT_A_WIDTH = {"nsd": "surface", "boundary_f": "surface", "component_nsd": "components", "trimap_iou": "trimap"}
"""The same of scores with a tolerance or a width in mm in their names: ``nsd_2mm``."""
_ZERO_IS_PERFECT = ("error", "difference", "missed_components")


class MaskScoreName(NamedTuple):
    """A score that was asked for: its name, what it is taken from, and the mm in the name (NaN without any)."""

    name: str
    source: str
    width_mm: float = math.nan

    @property
    def has_width(self) -> bool:
        """Whether there are mm in its name."""
        return not math.isnan(self.width_mm)

    @property
    def perfect(self) -> float:
        """Its value of a perfect prediction."""
        is_distance = self.name.endswith("_mm")
        return 0.0 if is_distance or any(word in self.name for word in _ZERO_IS_PERFECT) else 1.0


def named_mask_scores(scores: Sequence[str]) -> tuple[MaskScoreName, ...]:
    """Return the scores that are asked for, in order, the counts of misses left out.

    Args:
        scores: names; ``hd95`` is ``hd95_mm``, and so of all distances.

    Raises:
        ValueError: if one is unknown (all that there are are told) or comes twice, or there is none.

    Example:
        >>> [score.name for score in named_mask_scores(["dice", "hd95", "nsd_0.5mm", "missed"])]
        ['dice', 'hd95_mm', 'nsd_0.5mm']
    """
    if isinstance(scores, str):
        raise ValueError(f"`scores` needs a list of names, got {scores!r}.")
    wanted = tuple(_named(name) for name in scores if name not in COUNTS)
    if not wanted or len({score.name for score in wanted}) < len(wanted):
        raise ValueError(f"`scores` needs different scores, at least one, got {tuple(scores)}.")
    return wanted


def _named(name: str) -> MaskScoreName:
    full = f"{name}_mm" if f"{name}_mm" in SOURCES else name
    if full in SOURCES:
        return MaskScoreName(full, SOURCES[full])
    for start, source in AT_A_WIDTH.items():
        if full.startswith(f"{start}_") and full.endswith("mm"):
            try:
                return MaskScoreName(full, source, float(full[len(start) + 1 : -2]))
            except ValueError:
                break
    known = (*SOURCES, *(f"{start}_2mm" for start in AT_A_WIDTH))
    raise ValueError(f"`scores` needs some of {', '.join(known)} (of any mm), got {name!r}.")
