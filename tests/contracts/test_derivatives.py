# SPDX-License-Identifier: Apache-2.0
"""First and second derivatives of every public loss, against differences."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.contracts.loss_cases import CASES, LossCase, logits_of, mask_of

SHAPES = {"2-D": (6, 7), "3-D": (3, 4, 5)}  # the value is computed twice for each of their voxels
every_case = pytest.mark.parametrize("case", CASES, ids=str)
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())


@every_case
@every_shape
def test_gradient_is_that_of_the_value(case: LossCase, shape: tuple[int, ...]) -> None:
    target = case.target(mask_of("walls", shape)).double()
    logits = logits_of(target, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(case.make(), (logits, target), eps=1e-6, atol=1e-6, rtol=1e-4, fast_mode=case.quick)


def _gradient(loss: nn.Module, logits: Tensor, target: Tensor, create_graph: bool = False) -> Tensor:
    """The gradient of a function of the loss that is not linear, so that the curvature has both its parts."""
    value = loss(logits, target)
    (gradient,) = torch.autograd.grad((value + value.square()).sum(), logits, create_graph=create_graph)
    return gradient


@every_case
@every_shape
def test_curvature_is_that_of_the_gradient(case: LossCase, shape: tuple[int, ...]) -> None:
    """What gradient penalties, MAML and second-order optimisers ask for: right, and never silently without a part."""
    loss, target = case.make(), case.target(mask_of("walls", shape)).double()
    logits = logits_of(target, dtype=torch.float64).requires_grad_()
    along = torch.randn(logits.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (found,) = torch.autograd.grad((_gradient(loss, logits, target, create_graph=True) * along).sum(), logits)
    step = 1e-6 * along
    ahead, back = (_gradient(loss, (logits + s).detach().requires_grad_(), target) for s in (step, -step))
    wanted = (ahead - back) / 2e-6
    assert float(wanted.abs().max()) > 0
    assert float((found - wanted).norm() / wanted.norm()) < 1e-5
