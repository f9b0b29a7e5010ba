# SPDX-License-Identifier: Apache-2.0
"""What a class without border is told: the same on every device, and a CUDA device is not waited for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_boundary.losses._empty_classes import give_opinion, give_opinion_by_section


def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Maps and labels of two items and three classes that are absent, full, both; crops that know the way."""
    label = torch.zeros(2, 3, 2, 4)
    label[0, 1] = 1
    label[:, 2, :, 2:] = 1
    maps = torch.zeros(2, 3, 2, 4)
    maps[:, 2] = torch.tensor([1.5, 0.5, -0.5, -1.5])
    maps[1, 1, 0, 3] = 9.0  # a crop of a larger image: it has an opinion
    wanted = maps.clone()
    wanted[:, 0] = 2.0
    wanted[0, 1] = -2.0
    return maps, label, wanted


def test_by_hand() -> None:
    maps, label, wanted = batch()
    before = maps.clone()
    assert torch.equal(give_opinion(maps, lambda: label, 2.0), wanted)
    assert torch.equal(maps, before)
    assert give_opinion(maps, lambda: label, 0.0) is maps


def test_what_a_device_does_has_the_same_values() -> None:
    """The path that depends on no value, by the compiler that takes it on the host."""
    maps, label, wanted = batch()
    compiled = torch.compile(lambda phi, truth: give_opinion(phi, lambda: truth, 2.0), backend="eager", fullgraph=True)
    assert torch.equal(compiled(maps, label), wanted)


@pytest.mark.parametrize("axis", [None, 0])
def test_nothing_waits_for_a_device(axis: int | None) -> None:
    """A tensor without values stands for a device: whoever looks at one stops."""
    maps, label = (torch.zeros(2, 1, 4, 4, 4, device="meta") for _ in range(2))
    with pytest.raises(RuntimeError):
        bool(maps.any())
    found = give_opinion_by_section(maps, lambda: label, 1.0, axis, counted=label[:, :1] > 0)
    assert found.shape == maps.shape
