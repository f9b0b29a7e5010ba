# SPDX-License-Identifier: Apache-2.0
"""Stroke lesions, as the ISLES 2022 challenge scores them."""

from __future__ import annotations

from monai_boundary.metrics.mask_score_names import LESION_SCORES
from monai_boundary.workflows.volumes.task import VolumeTask

ISLES = VolumeTask(
    channels={"dwi": "percentile", "adc": "percentile", "flair": "percentile"},
    labels={"background": 0, "lesion": 1},
    spatial_dims=2,
    intensity_scale=0.2,
    scores=LESION_SCORES,
    score_options={"both_empty": "perfect", "f1_rule": "isles2022"},
)
