# SPDX-License-Identifier: Apache-2.0
"""Names that configurations from before `VolumeScoresHandler` and `VolumePictures` may hold; those take their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monai_boundary.handlers.pictures.volumes import VolumePictures
from monai_boundary.handlers.scores.volumes import VolumeScoresHandler
from monai_boundary.metrics.volume_scores import LESION_SCORES
from monai_boundary.ops.tumour_regions import TUMOUR_REGIONS


def _lesion_scores(*arguments: Any, lesion_label: int = 1, **options: Any) -> VolumeScoresHandler:
    options = {"key_score": "dice", "scores": LESION_SCORES, "structures": {"lesion": lesion_label}, **options}
    return VolumeScoresHandler(*arguments, **options)


def _tumour_scores(*arguments: Any, regions: Any = TUMOUR_REGIONS, **options: Any) -> VolumeScoresHandler:
    names = (regions,) if isinstance(regions, str) else tuple(regions)
    return VolumeScoresHandler(*arguments, **{"key_score": "dice", "structures": names, **options})


def _lesion_pictures(*arguments: Any, **options: Any) -> VolumePictures:
    return VolumePictures(*arguments, **{"structures": {"lesion": 1}, "label_key": "label_ids", **options})


def _tumour_pictures(*arguments: Any, regions: Any = TUMOUR_REGIONS, **options: Any) -> VolumePictures:
    return VolumePictures(*arguments, **{"structures": tuple(regions), "label_key": "label", **options})


FORMER_NAMES: dict[str, tuple[Callable[..., Any], str]] = {
    "LesionScoresHandler": (_lesion_scores, "VolumeScoresHandler"),
    "TumourScoresHandler": (_tumour_scores, "VolumeScoresHandler"),
    "LesionPictures": (_lesion_pictures, "VolumePictures"),
    "TumourPictures": (_tumour_pictures, "VolumePictures"),
}
