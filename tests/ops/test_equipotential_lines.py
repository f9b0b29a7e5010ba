# SPDX-License-Identifier: Apache-2.0
"""Line regions drawn by hand, and the line loss against its formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_boundary.ops import line_region, line_values
from monai_boundary.ops.equipotential_lines import lines_passed
from tests.oracles.equipotential import line_loss


def test_the_region_takes_the_ranks_of_the_true_lines() -> None:
    truth = torch.tensor([[0, 0, 1, 2, 3, 3], [3, 2, 1, 0, 0, 0]])  # ranks 2, 3 and 3, 4
    energy = torch.tensor([[0.9, 0.1, 2.5, 0.2, 0.8, 3.0], [0.5, 0.4, 0.3, 0.2, 0.1, 0.0]])
    assert line_region(energy, truth, 2).int().tolist() == [[1, 0, 0, 0, 1, 0], [0, 1, 1, 0, 0, 0]]


def test_equal_energies_are_ranked_in_the_order_of_the_array() -> None:
    truth = torch.tensor([[0, 1, 2, 3, 3, 3]])  # ranks 1 and 2
    assert line_region(torch.full((1, 6), 0.5), truth, 2).int().tolist() == [[0, 1, 1, 0, 0, 0]]
    some = torch.tensor([[1.0, 0.0, 1.0, 2.0, 1.0, 0.0]])  # sorted: 0 0 1 1 1 2
    assert line_region(some, truth, 2).int().tolist() == [[1, 0, 0, 0, 0, 1]]


def test_the_region_has_the_ranks_of_a_stable_sort() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        truth = torch.randint(0, 5, (3, 40), generator=generator)
        energy = torch.randint(0, 7, (3, 40), generator=generator) / 2
        region = line_region(energy, truth, 3)
        for row in range(3):
            first, last = int((truth[row] < 1).sum()), int((truth[row] <= 3).sum())
            order = np.argsort(energy[row].numpy(), kind="stable")
            assert sorted(order[first:last]) == region[row].nonzero().flatten().tolist()


def test_a_row_without_lines_has_no_region() -> None:
    truth = torch.tensor([[0, 0, 0], [4, 4, 4], [0, 4, 0]])
    energy = torch.rand(3, 3)
    assert not line_region(energy, truth, 3).any()
    lines = line_values(energy, truth, 3, 10)
    assert lines.value.tolist() == [0, 0, 0]
    assert len(lines.voxels) == 0


def test_a_row_of_one_class_counts_the_lines_that_are_passed() -> None:
    """Absent, full, both sides, absent among the known, nothing known; 3 lines, energies up to 4."""
    truth = torch.tensor([[0, 0, 0, 0], [4, 4, 4, 4], [0, 0, 4, 4], [0, 2, 0, 0], [0, 0, 0, 0]])
    known = torch.ones(5, 4, dtype=torch.bool)
    known[3, 1] = known[3, 2] = False
    known[4] = False
    energy = torch.tensor([[4.0, 4, 4, 4], [4, 4, 4, 2], [1, 2, 3, 0], [1, 9, 9, 1], [5, 5, 5, 5]])
    value, slope = lines_passed(energy, truth, 3, known)
    assert value.tolist() == [3, 0.375, 0, 0.75, 0]  # mean of 4, mean of (0, 0, 0, 2), -, mean of (1, 1); times 3 / 4
    assert slope.tolist() == [0.75 / 4, -0.75 / 4, 0, 0.75 / 2, 0]
    torch.testing.assert_close(lines_passed(energy[:3], truth[:3], 3)[0], value[:3])


def test_unknown_voxels_have_no_rank() -> None:
    truth = torch.tensor([[1, 0, 0, 1, 2, 3]])
    energy = torch.tensor([[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]])
    known = torch.tensor([[False, True, True, True, True, True]])
    assert line_region(energy, truth, 2, known).int().tolist() == [[0, 0, 0, 1, 1, 0]]
    kept = line_values(energy[:, 1:], truth[:, 1:], 2, 2)
    torch.testing.assert_close(line_values(energy, truth, 2, 2, known=known).value, kept.value)


@pytest.mark.parametrize("mu", [2, 10, 40])
def test_by_its_formula(mu: int) -> None:
    h, n = 4, 60
    truth = torch.randint(0, h + 2, (5, n))
    truth[1] = truth[1].clamp(max=2)  # lines 3 and 4 are empty
    energy = (truth + 0.4 * torch.randn(5, n, dtype=torch.float64)).clamp(0, h + 1).requires_grad_()
    lines = line_values(energy, truth, h, mu)
    wanted = [line_loss(e, g, h, mu) for e, g in zip(energy.detach().numpy(), truth.numpy(), strict=True)]
    np.testing.assert_allclose(lines.value.detach(), wanted, rtol=1e-10)
    slope = torch.zeros(5 * n, dtype=torch.float64)
    slope[lines.voxels] = lines.slope.detach()
    step = 1e-7
    for voxel in range(0, 5 * n, 7):
        up, down = energy.detach().clone(), energy.detach().clone()
        up.view(-1)[voxel] += step
        down.view(-1)[voxel] -= step
        change = line_values(up, truth, h, mu).value.sum() - line_values(down, truth, h, mu).value.sum()
        assert float(change / (2 * step)) == pytest.approx(float(slope[voxel]), abs=1e-5)


def test_the_perfect_prediction_scores_0_and_none_scores_less() -> None:
    generator = torch.Generator().manual_seed(1)
    for mu in (2, 4, 10):
        for _ in range(15):
            truth = torch.randint(0, 5, (1, 30), generator=generator)
            assert float(line_values(truth.double(), truth, 3, mu).value) == 0
            for spread in (0.05, 0.3, 1.0):
                energy = truth + spread * torch.randn(1, 30, generator=generator, dtype=torch.float64)
                assert float(line_values(energy, truth, 3, mu).value) >= 0


def test_wide_kernels_do_not_overflow() -> None:
    truth = torch.randint(0, 31, (2, 200))
    lines = line_values(30 * torch.rand(2, 200), truth, 29, 60)
    assert torch.isfinite(lines.value).all()
    assert torch.isfinite(lines.slope).all()


def test_nan_shows() -> None:
    truth = torch.tensor([[0, 1, 2, 3], [0, 1, 2, 3]])
    energy = truth.float()
    energy[1, 0] = torch.nan
    assert line_values(energy, truth, 2, 2).value.isnan().tolist() == [False, True]
