# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_boundary.workflows.inference.sectionwise import SectionwiseInferer


def test_a_network_goes_through_a_stack_section_by_section() -> None:
    network = torch.nn.Conv2d(1, 1, 3, padding=1)
    stack = torch.rand(1, 1, 3, 8, 8)
    infer = SectionwiseInferer((8, 8), overlap=0.5)
    with torch.no_grad():
        out = infer(stack, network)
        for z in range(3):
            torch.testing.assert_close(out[:, :, z], network(stack[:, :, z]))
            torch.testing.assert_close(infer(stack[:, :, z], network), network(stack[:, :, z]))


def test_axial_slices_are_the_last_axis() -> None:
    network = torch.nn.Conv2d(2, 1, 3, padding=1)
    volume = torch.rand(1, 2, 8, 6, 3)
    with torch.no_grad():
        out = SectionwiseInferer((8, 6), section_axis=2)(volume, network)
        for z in range(3):
            torch.testing.assert_close(out[..., z], network(volume[..., z]))


def test_volumes_take_windows_in_three_dimensions() -> None:
    network = torch.nn.Conv3d(1, 1, 1)
    volume = torch.rand(1, 1, 4, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(SectionwiseInferer((4, 4, 4))(volume, network), network(volume))


def test_a_section_is_no_volume() -> None:
    with pytest.raises(ValueError, match="`inputs` needs 3 spatial axes, got shape"):
        SectionwiseInferer((4, 4, 4))(torch.rand(1, 1, 8, 8), torch.nn.Conv3d(1, 1, 1))
