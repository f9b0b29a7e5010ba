# SPDX-License-Identifier: Apache-2.0
"""Values and gradient of the terms, whatever way the work is cut into pieces."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_boundary.ops import PotentialTerm, Rays, anisotropic_kernels, anisotropic_potential, equipotential_values
from monai_boundary.ops import equipotential as module
from tests.oracles.equipotential import fields, line_loss

POINT, ABSOLUTE = PotentialTerm("point", Rays(5)), PotentialTerm("point", Rays(3, "B", "zero"), norm=1)
LINE = PotentialTerm("line", Rays(5, "A", "replicate"), weight=0.5)
POOLED = PotentialTerm("line", Rays(5), pooled=True)


def _case(shape: tuple[int, ...] = (9, 8)) -> tuple[torch.Tensor, torch.Tensor]:
    masks = torch.rand(2, 3, *shape) > 0.6
    masks[0, 0], masks[1, 1] = False, True
    return torch.rand(2, 3, *shape, dtype=torch.float64, requires_grad=True), masks


@pytest.mark.parametrize("shape", [(9, 8), (6, 5, 7)], ids=["2-D", "3-D"])
@pytest.mark.parametrize("splitter", "ABC")
@pytest.mark.parametrize("padding", ["replicate", "zero"])
def test_by_the_formulas(shape: tuple[int, ...], splitter: str, padding: str) -> None:
    probability, masks = _case(shape)
    rays = Rays(5, splitter, padding)
    terms = [PotentialTerm("point", rays), PotentialTerm("point", rays, norm=1), PotentialTerm("line", rays, mu=4)]
    _, each = equipotential_values(probability, masks, terms)
    kernels = anisotropic_kernels(5, splitter, len(shape))
    for b, c in np.ndindex(2, 3):
        e = fields(probability[b, c].detach().numpy(), kernels, padding)
        g = fields(masks[b, c].numpy(), kernels, padding)
        lines = np.mean([line_loss(x, y, 2, 4) for x, y in zip(e, g, strict=True)])
        np.testing.assert_allclose(each[:, b, c], [np.square(e - g).mean(), np.abs(e - g).mean(), lines], rtol=1e-9)


@pytest.mark.parametrize("terms", [(POINT,), (ABSOLUTE,), (LINE,), (POINT, LINE, ABSOLUTE), (POOLED, POINT)], ids=str)
@pytest.mark.parametrize("ignored", [False, True])
def test_gradient_is_that_of_the_value(terms: tuple[PotentialTerm, ...], ignored: bool) -> None:
    probability, masks = (t[:, 1:, :6, :7].detach() for t in _case())
    probability.requires_grad_()
    counted = torch.rand(2, 1, 6, 7) > 0.2 if ignored else None
    assert torch.autograd.gradcheck(
        lambda p: equipotential_values(p, masks, terms, counted=counted)[0].mean(), probability, fast_mode=True
    )


@pytest.mark.parametrize("terms", [(POINT,), (LINE,), (POINT, LINE, ABSOLUTE)], ids=str)
@pytest.mark.parametrize("room", [1, 150, 10**6])
def test_the_pieces_of_the_work_do_not_show(
    terms: tuple[PotentialTerm, ...], room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    probability, masks = _case()
    wanted = equipotential_values(probability, masks, terms)[0]
    (gradient,) = torch.autograd.grad(wanted.square().sum(), probability)
    monkeypatch.setitem(module._CHUNK, "cpu", room)
    monkeypatch.setattr(module, "_LARGE", room)
    potential = anisotropic_potential(masks, 5)
    total = equipotential_values(probability, masks, terms, potential=potential if terms[0].rays.w == 5 else None)[0]
    (again,) = torch.autograd.grad(total.square().sum(), probability)
    torch.testing.assert_close(total, wanted)
    torch.testing.assert_close(again, gradient)
    assert equipotential_values(probability.detach(), masks, terms)[0].tolist() == total.tolist()


def test_weights_scale_the_total_alone() -> None:
    probability, masks = _case()
    total, each = equipotential_values(probability, masks, [POINT, LINE])
    torch.testing.assert_close(total, each[0] + 0.5 * each[1])
    assert not each.requires_grad
    silent = equipotential_values(probability, masks, [PotentialTerm("point", Rays(5), weight=0.0)])[0]
    assert silent.tolist() == [[0] * 3] * 2
    assert torch.autograd.grad(silent.sum(), probability)[0].abs().sum() == 0


def test_voxels_that_do_not_count_change_nothing() -> None:
    probability, masks = _case()
    counted = torch.rand(2, 1, 9, 8) > 0.3
    terms = [POINT, LINE, ABSOLUTE]
    other = torch.where(counted, probability.detach(), torch.rand(2, 3, 9, 8).double())
    wanted = equipotential_values(probability.detach(), masks, terms, counted=counted)[1]
    torch.testing.assert_close(equipotential_values(other, masks, terms, counted=counted)[1], wanted)
    none = equipotential_values(probability, masks, terms, counted=torch.zeros_like(counted))[0]
    assert none.tolist() == [[0] * 3] * 2
