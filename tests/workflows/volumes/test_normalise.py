# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_boundary.workflows.volumes.normalise import NormaliseChannelsd
from monai_boundary.workflows.volumes.task import VolumeTask

VALUES = [0.0, 10.0, 20.0, 30.0, 140.0]
HEAD = np.array(VALUES[1:])
CLIPPED = np.array([10.0, 10, 20, 30, 100])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("zscore", (np.array(VALUES) - 40) / np.std(VALUES)),
        ("zscore_nonzero", [0, *((HEAD - 50) / np.std(HEAD))]),
        ("unit", np.array(VALUES) / 140),
        ("percentile", [0, 0, 0.5, 1, 1]),  # 25 % is 10, 75 % is 30
        ("ct", (CLIPPED - 34) / np.std(CLIPPED)),
    ],
)
def test_channels_are_normalised_each_by_itself(name: str, expected: list[float]) -> None:
    task = VolumeTask(
        {"a": name, "b": "unit"}, {"background": 0, "x": 1}, percentiles=(25, 75), ct_window=(10.0, 100.0)
    )
    image = torch.tensor([VALUES, [5.0, 5, 5, 5, 7]]).reshape(2, 5, 1, 1)
    before = image.clone()
    out = NormaliseChannelsd(task)({"image": image})["image"].flatten(1)
    np.testing.assert_allclose(out[0], expected, rtol=1e-5, atol=1e-6)
    assert out[1].tolist() == [0, 0, 0, 0, 1]
    assert torch.equal(image, before), "the input is not written to"


def test_a_channel_that_is_missing_stays_0() -> None:
    task = VolumeTask(dict.fromkeys("abcd", "zscore") | {"c": "unit", "d": "percentile"}, {"background": 0, "x": 1})
    image = torch.zeros(4, 2, 1, 1)
    image[0, 0] = 1
    out = NormaliseChannelsd(task)({"image": image})["image"]
    assert not out[1:].any()
    assert torch.isfinite(out).all()
