# SPDX-License-Identifier: Apache-2.0
"""Brain tumours in the regions that BraTS scores."""

from __future__ import annotations

from monai_boundary.workflows.volumes.task import VolumeTask

BRATS = VolumeTask(
    channels=dict.fromkeys(("t1c", "t1", "t2", "flair"), "zscore_nonzero"),
    labels={"wt": [1, 2, 3, 4], "tc": [1, 3, 4], "et": [3, 4]},
    label_map="auto",  # which ids these are differs by year and cohort
    foreground_share=0.7,
    crop_nonzero=True,
    flips=(0, 1, 2),
)
