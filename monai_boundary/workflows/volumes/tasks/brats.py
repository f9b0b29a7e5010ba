# SPDX-License-Identifier: Apache-2.0
"""Brain tumours in the regions that BraTS scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monai_boundary._validation import check_choice
from monai_boundary.ops.tumour_regions import stated_label_map
from monai_boundary.workflows.volumes.task import VolumeTask

BRATS = VolumeTask(
    channels=dict.fromkeys(("t1c", "t1", "t2", "flair"), "zscore_nonzero"),
    labels={"wt": [1, 2, 3, 4], "tc": [1, 3, 4], "et": [3, 4]},
    label_map="auto",  # which ids these are differs by year and cohort
    foreground_share=0.7,
    crop_nonzero=True,
    flips=(0, 1, 2),
)

INTENSITIES = {"normal": "zscore_nonzero", "unit": "percentile"}


def brats_task(
    modalities: Sequence[str],
    regions: Sequence[str],
    intensities: str = "normal",
    et_label: int | None = None,
    label_map: str | None = None,
    **fields: Any,
) -> VolumeTask:
    """Return the task of BraTS with other images, regions or labels.

    Args:
        modalities: in the order of the network's channels.
        regions: channels of the label: ``"wt"``, ``"tc"``, ``"et"``.
        intensities: ``"normal"`` (mean 0, standard deviation 1 of the head) or ``"unit"`` (0..1 between the percentiles
            0.1 and 99.9; the paper scales to 0..1).
        et_label: value of the enhancing tumour, 3 or 4; None looks at each case.
        label_map: what the labels mean, by year and cohort, instead: see `monai_boundary.ops.tumour_regions`.
        fields: further ones of `VolumeTask`: ``spacing``, ``percentiles``, ``foreground_share``, ``spatial_dims``,
            ``slice_axis``, ``flips``, ``scores``, ``key_score``, ...

    Raises:
        ValueError: if an argument has a value that it may not have.

    Example:
        >>> brats_task(["t1c"], ["tc"], "unit").channels
        {'t1c': 'percentile'}
    """
    check_choice("intensities", intensities, tuple(INTENSITIES))
    names = [modalities] if isinstance(modalities, str) else modalities
    channels = dict.fromkeys(names, INTENSITIES[intensities])
    year = stated_label_map(et_label, label_map) or "auto"
    return BRATS.changed(channels=channels, labels=regions, label_map=year, **fields)
