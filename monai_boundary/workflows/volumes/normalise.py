# SPDX-License-Identifier: Apache-2.0
"""Each channel of a volume on its own scale, as its task says."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import torch
from monai.transforms import (
    NormalizeIntensity,
    ScaleIntensityRange,
    ScaleIntensityRangePercentiles,
    Transform,
)

from monai_boundary.workflows.volumes.task import VolumeTask


class NormaliseChannelsd(Transform):
    """Normalise each channel of ``image`` as the task says; a channel that is 0 everywhere stays so.

    Args:
        task: for its ``channels``, ``percentiles`` and ``ct_window``.

    Example:
        >>> task = VolumeTask({"a": "unit", "b": "zscore"}, {"background": 0, "lesion": 1})
        >>> image = torch.tensor([[[[0.0, 4.0]]], [[[1.0, 3.0]]]])
        >>> NormaliseChannelsd(task)({"image": image})["image"].flatten().tolist()
        [0.0, 1.0, -1.0, 1.0]
    """

    def __init__(self, task: VolumeTask) -> None:
        self.steps = [_steps(name, task) for name in task.channels.values()]

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data with the image normalised."""
        d = dict(data)
        image = d["image"].clone()
        for k, steps in enumerate(self.steps):
            channel = image[k : k + 1]
            if bool((channel != 0).any()):
                for step in steps:
                    channel = step(channel)
                image[k : k + 1] = torch.as_tensor(channel).as_subclass(torch.Tensor)
        d["image"] = image
        return d


def _steps(name: str, task: VolumeTask) -> list[Callable[..., Any]]:
    """The transforms of a normalisation by name."""
    zscore = NormalizeIntensity(channel_wise=True)
    if name == "ct":
        low, high = task.ct_window or (0.0, 1.0)
        return [ScaleIntensityRange(low, high, low, high, clip=True), zscore]
    if name == "unit":
        return [ScaleIntensityRangePercentiles(0, 100, 0.0, 1.0, clip=True, channel_wise=True)]
    if name == "percentile":
        low, high = task.percentiles
        return [ScaleIntensityRangePercentiles(low, high, 0.0, 1.0, clip=True, channel_wise=True)]
    return [NormalizeIntensity(nonzero=True, channel_wise=True) if name == "zscore_nonzero" else zscore]
