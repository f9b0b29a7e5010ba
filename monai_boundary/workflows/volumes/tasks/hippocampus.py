# SPDX-License-Identifier: Apache-2.0
"""The hippocampus in two parts, as task 4 of the Medical Segmentation Decathlon."""

from __future__ import annotations

from monai_boundary.workflows.volumes.task import VolumeTask

HIPPOCAMPUS = VolumeTask(
    channels={"MRI": "zscore"},
    labels={"background": 0, "anterior": 1, "posterior": 2},
    scores=("dice",),
)
