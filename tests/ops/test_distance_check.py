# SPDX-License-Identifier: Apache-2.0
"""What can and what cannot be the signed distance of a label."""

from __future__ import annotations

import pytest
import torch

from monai_boundary.ops.distance_check import check_distance_map
from monai_boundary.ops.signed_distance import batch_signed_distance

SPACING = (0.5, 2.0)


def _case() -> tuple[torch.Tensor, torch.Tensor]:
    mask = torch.zeros(1, 1, 40, 20)
    mask[:, :, 10:24, 5:12] = 1
    return batch_signed_distance(mask, SPACING)[0], mask[0]


@pytest.mark.parametrize("convention", ["border", "released"])
def test_true_maps_pass(convention: str) -> None:
    _, mask = _case()
    phi = batch_signed_distance(mask[None], SPACING, convention=convention, dtype=torch.float16)[0]
    check_distance_map(phi, mask, SPACING)
    check_distance_map(phi[:, 30:], mask[:, 30:], SPACING)
    check_distance_map(torch.zeros_like(phi), torch.zeros_like(mask), SPACING)


def test_slices_may_jump_across_the_section_axis() -> None:
    mask = torch.zeros(1, 1, 3, 20, 20)
    mask[:, :, 1, 9:11, 9:11] = 1
    phi = batch_signed_distance(mask, section_axis=0)[0]
    check_distance_map(phi, mask[0], section_axis=0)
    with pytest.raises(ValueError, match="jumps by"):
        check_distance_map(phi, mask[0])


def test_what_is_wrong_is_named() -> None:
    phi, mask = _case()
    with pytest.raises(ValueError, match="wrong sign, by more than a voxel"):
        check_distance_map(-phi, mask, SPACING)
    padded = phi.clone()
    padded[:, -4:] = 0
    with pytest.raises(ValueError, match=r"jumps by 1\d.* mm between neighbours 0.5 mm apart, at \d+ places"):
        check_distance_map(padded, mask, SPACING)
    with pytest.raises(ValueError, match=r"`distance_map` needs the shape of `label \(one channel per class\)`"):
        check_distance_map(phi[:, 1:], mask, SPACING)
    phi[0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="finite values"):
        check_distance_map(phi, mask, SPACING)
