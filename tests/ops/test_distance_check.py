# SPDX-License-Identifier: Apache-2.0
"""What can and what cannot be the signed distance of a label."""

from __future__ import annotations

import pytest
import torch

from monai_boundary.ops.distance_check import check_distance_map, restore_distance_sign
from monai_boundary.ops.signed_distance import batch_signed_distance

SPACING = (0.5, 2.0)


def _case() -> tuple[torch.Tensor, torch.Tensor]:
    mask = torch.zeros(1, 1, 40, 20)
    mask[:, :, 10:24, 5:12] = 1
    return batch_signed_distance(mask, SPACING)[0], mask[0]


@pytest.mark.parametrize("convention", ["faces", "border", "released"])
def test_true_maps_pass(convention: str) -> None:
    _, mask = _case()
    phi = batch_signed_distance(mask[None], SPACING, convention=convention, dtype=torch.float16)[0]
    check_distance_map(phi, mask, SPACING, convention=convention)
    check_distance_map(phi[:, 30:], mask[:, 30:], SPACING, convention=convention)
    check_distance_map(torch.zeros_like(phi), torch.zeros_like(mask), SPACING, convention=convention)


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
        check_distance_map(-phi, mask, SPACING, convention="border")
    with pytest.raises(ValueError, match=r"got the wrong sign \(or 0\) in 800 of 800 voxels"):
        check_distance_map(-phi, mask, SPACING)
    with pytest.raises(ValueError, match=r"got the wrong sign \(or 0\) in 1 of 800 voxels"):
        check_distance_map(phi.masked_fill(torch.arange(800).view_as(phi) == 10 * 20 + 5, 0.0), mask, SPACING)
    with pytest.raises(ValueError, match=r"got the wrong sign \(or 0\) in 800 of 800 voxels"):
        check_distance_map(torch.zeros_like(phi), mask, SPACING)  # a map of 0 of a label that has both sides
    with pytest.raises(ValueError, match=r"`known` needs the shape of `distance_map, with one channel`"):
        check_distance_map(phi, mask, SPACING, known=mask[..., 1:])
    padded = phi.clone()
    padded[:, -4:] = 0
    with pytest.raises(ValueError, match=r"jumps by 1\d.* mm between neighbours 0.5 mm apart, at \d+ places"):
        check_distance_map(padded, mask, SPACING)
    with pytest.raises(ValueError, match=r"`distance_map` needs the shape of `label \(one channel per class\)`"):
        check_distance_map(phi[:, 1:], mask, SPACING)
    phi[0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="finite values"):
        check_distance_map(phi, mask, SPACING)


def test_unknown_voxels_are_not_looked_at() -> None:
    phi, mask = _case()
    known = torch.ones_like(mask)
    known[:, 12:16, 5:9] = 0
    hidden = phi.masked_fill(known == 0, 0.0)
    check_distance_map(hidden, mask, SPACING, known=known)
    with pytest.raises(ValueError, match=r"`distance_map` (jumps|needs)"):
        check_distance_map(hidden, mask, SPACING)


def test_restored_sign_by_hand() -> None:
    """At 2 x 1 mm: half a millimetre at least with the label's sign, and the distance where it is right."""
    phi = torch.tensor([[[1.5, 0.2, 0.1, -0.7, 0.0, 3.0], [0.3, -0.6, -0.2, 0.4, 0.9, 2.0]]])
    mask = torch.tensor([[[0, 0, 1, 1, 1, 0], [0, 0, 1, 1, 0, 0]]])
    restored = restore_distance_sign(phi, mask, (2.0, 1.0))
    wanted = torch.tensor([[[1.5, 0.5, -0.5, -0.7, -0.5, 3.0], [0.5, 0.5, -0.5, -0.5, 0.9, 2.0]]])
    torch.testing.assert_close(restored, wanted)
    known = torch.tensor([[[1, 1, 1, 0, 1, 1], [1, 1, 1, 1, 1, 0]]])
    wanted[0, 0, 3] = wanted[0, 1, 5] = 0
    torch.testing.assert_close(restore_distance_sign(phi, mask, (2.0, 1.0), known=known), wanted)
    small = restore_distance_sign(phi / 100, mask, least=0.001)
    assert small.abs().min() == pytest.approx(0.001)
    assert torch.equal(small < 0, mask > 0)
    clipped = restore_distance_sign(phi.clamp(-0.3, 0.3).half(), mask, 5.0)
    assert clipped.dtype == torch.float16
    assert torch.equal(clipped, torch.where(mask > 0, -0.3, 0.3).half())


def test_a_map_of_zero_stays_so_by_slice_and_channel() -> None:
    phi = torch.zeros(2, 3, 4, 4)
    phi[0, 1] = 1.0
    mask = torch.zeros(2, 3, 4, 4)
    mask[0, 1, 1, 1] = 1
    restored = restore_distance_sign(phi, mask, 4.0, section_axis=0)
    assert not restored[1].any()
    assert not restored[0, [0, 2]].any()
    assert restored[0, 1, 1, 1] == -1
    with pytest.raises(ValueError, match="`least` needs a finite number > 0"):
        restore_distance_sign(phi, mask, least=0)
