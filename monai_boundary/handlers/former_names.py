# SPDX-License-Identifier: Apache-2.0
"""Names that older configurations may hold, and what took their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monai_boundary.handlers.pictures.volumes import VolumePictures
from monai_boundary.handlers.scores.instances import InstanceScoresHandler
from monai_boundary.handlers.scores.item_scores import ItemScoresHandler
from monai_boundary.handlers.scores.volumes import VolumeScoresHandler
from monai_boundary.metrics import AdaptedRandMetric, CREMIScoreMetric, InstanceMetric, VariationOfInformationMetric
from monai_boundary.metrics.mask_score_names import LESION_SCORES
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


def _instance_scores(metric: type[InstanceMetric]) -> Callable[..., InstanceScoresHandler]:
    def handler(*arguments: Any, **options: Any) -> InstanceScoresHandler:
        chosen = {"scores": metric.score_names, "key_score": metric.key_score or metric.score_names[0]}
        return InstanceScoresHandler(*arguments, **{**chosen, **options})

    return handler


FORMER_NAMES: dict[str, tuple[Callable[..., Any], str]] = {
    "LesionScoresHandler": (_lesion_scores, "VolumeScoresHandler"),
    "TumourScoresHandler": (_tumour_scores, "VolumeScoresHandler"),
    "VariationOfInformationHandler": (_instance_scores(VariationOfInformationMetric), "InstanceScoresHandler"),
    "AdaptedRandHandler": (_instance_scores(AdaptedRandMetric), "InstanceScoresHandler"),
    "CREMIScoreHandler": (_instance_scores(CREMIScoreMetric), "InstanceScoresHandler"),
    "MaskScoresHandler": (ItemScoresHandler, "ItemScoresHandler"),
    "LesionPictures": (_lesion_pictures, "VolumePictures"),
    "TumourPictures": (_tumour_pictures, "VolumePictures"),
}
