# SPDX-License-Identifier: Apache-2.0
"""White-matter hyperintensities, as the WMH 2017 challenge scores them."""

from __future__ import annotations

from monai_boundary.metrics.mask_score_names import LESION_SCORES
from monai_boundary.workflows.volumes.task import VolumeTask

# other pathology, id 2, does not count; the reader says so of the files that have it
WMH = VolumeTask(
    channels={"flair": "percentile", "t1": "percentile"},
    labels={"background": 0, "lesion": 1},
    spatial_dims=2,
    intensity_scale=0.2,
    scores=LESION_SCORES,
    score_options={"section_axis": 2, "f1_rule": "wmh2017"},
)
