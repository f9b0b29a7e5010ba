# SPDX-License-Identifier: Apache-2.0
"""What every public loss promises, whatever it computes."""

from __future__ import annotations

import inspect
import pickle

import pytest
import torch
from monai.data import MetaTensor
from torch import Tensor, nn

from monai_boundary import losses
from tests.contracts.loss_cases import CASES, SHAPES, LossCase, logits_of, mask_of, value_and_gradient

MASKS = ("walls", "empty", "full", "one voxel")

every_case = pytest.mark.parametrize("case", CASES, ids=str)
every_reducing_case = pytest.mark.parametrize("case", [case for case in CASES if case.reduces], ids=str)
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
every_mask = pytest.mark.parametrize("kind", MASKS)


def test_every_public_loss_has_a_case() -> None:
    modules = {
        value
        for value in (getattr(losses, name) for name in losses.__all__)
        if inspect.isclass(value) and issubclass(value, nn.Module)
    }
    assert modules == {case.loss for case in CASES}


@every_case
@every_shape
@every_mask
def test_the_perfect_prediction_is_the_minimum(case: LossCase, shape: tuple[int, ...], kind: str) -> None:
    loss = case.make()
    target = case.target(mask_of(kind, shape))
    perfect = case.perfect(target)
    best, gradient = value_and_gradient(loss, perfect, target)
    assert float(best) == pytest.approx(case.best(target), abs=1e-6)
    assert float(gradient.abs().max()) < 1e-6
    if kind in case.indifferent:
        assert [float(loss(x, target)) for x in (logits_of(target), -perfect)] == [float(best)] * 2
        return
    for seed in range(3):
        assert float(loss(logits_of(target, seed), target)) > float(best)
    wrong_here = torch.zeros_like(perfect, dtype=torch.bool).flatten()
    wrong_here[:: max(1, wrong_here.numel() // 5)] = True
    assert float(loss(torch.where(wrong_here.reshape(perfect.shape), -perfect, perfect), target)) > float(best)


@every_case
@every_shape
@every_mask
def test_value_and_gradient_are_finite(case: LossCase, shape: tuple[int, ...], kind: str) -> None:
    loss = case.make()
    target = case.target(mask_of(kind, shape))
    perfect = case.perfect(target)
    for logits in (logits_of(target), perfect, -perfect, torch.zeros_like(perfect)):
        value, gradient = value_and_gradient(loss, logits, target)
        assert torch.isfinite(value).all()
        assert torch.isfinite(gradient).all()


@every_case
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_dtype_and_device_are_kept(case: LossCase, dtype: torch.dtype) -> None:
    target = case.target(mask_of("walls", SHAPES["2-D"]))
    logits = logits_of(target, dtype=dtype)
    value, gradient = value_and_gradient(case.make(), logits, target)
    assert (value.dtype, value.device) == (dtype, logits.device)
    assert (gradient.dtype, gradient.device) == (dtype, logits.device)


@every_case
def test_cuda_gives_the_value_of_the_cpu(case: LossCase) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    target = case.target(mask_of("walls", SHAPES["2-D"]))
    value, gradient = value_and_gradient(case.make(), logits_of(target), target)
    on_device, gradient_on_device = value_and_gradient(case.make(), logits_of(target).cuda(), target.cuda())
    assert on_device.is_cuda
    torch.testing.assert_close(on_device.cpu(), value)
    torch.testing.assert_close(gradient_on_device.cpu(), gradient)


@every_case
@every_shape
def test_inputs_are_not_changed(case: LossCase, shape: tuple[int, ...]) -> None:
    target = case.target(mask_of("walls", shape))
    logits = logits_of(target)
    before = logits.clone(), target.clone()
    value_and_gradient(case.make(), logits, target)
    assert torch.equal(logits, before[0])
    assert torch.equal(target, before[1])


@every_case
def test_the_target_gets_no_gradient_and_needs_none(case: LossCase) -> None:
    target = case.target(mask_of("walls", SHAPES["2-D"]))
    with torch.no_grad():
        value = case.make()(logits_of(target), target)
    assert not value.requires_grad
    assert case.make()(logits_of(target).requires_grad_(), target).requires_grad


@every_case
def test_pickles(case: LossCase) -> None:
    target = case.target(mask_of("walls", SHAPES["2-D"]))
    loss = case.make()
    value = loss(logits_of(target), target)
    again = pickle.loads(pickle.dumps(loss))  # after a call: what the call left on the module must pickle too
    assert torch.equal(again(logits_of(target), target), value)


@every_reducing_case
@every_shape
def test_reductions_agree(case: LossCase, shape: tuple[int, ...]) -> None:
    """``none`` gives a value per item, as for the item alone; its mean is ``mean``, its sum is ``sum``."""
    target = case.target(mask_of("walls", shape, batch=3))
    logits = logits_of(target)
    each = case.make(reduction="none")(logits, target)
    assert each.shape[0] == 3
    torch.testing.assert_close(case.make(reduction="mean")(logits, target), each.mean())
    torch.testing.assert_close(case.make(reduction="sum")(logits, target), each.sum())
    alone = [case.make(reduction="sum")(logits[i : i + 1], target[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(each.reshape(3, -1).sum(1), torch.stack(alone))


@every_reducing_case
def test_an_unknown_reduction_is_refused(case: LossCase) -> None:
    with pytest.raises(ValueError, match="reduction"):
        case.make(reduction="median")


@every_case
def test_autocast_computes_in_float32(case: LossCase) -> None:
    target = case.target(mask_of("walls", SHAPES["2-D"]))
    logits = logits_of(target).bfloat16()
    wanted = case.make()(logits.float(), target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value, gradient = value_and_gradient(case.make(), logits, target)
    assert value.dtype == torch.float32
    assert gradient.dtype == torch.bfloat16
    torch.testing.assert_close(value, wanted)


@every_case
def test_a_meta_tensor_goes_in_and_a_tensor_comes_out(case: LossCase) -> None:
    target = case.target(mask_of("walls", SHAPES["2-D"]))
    logits = logits_of(target)
    value = case.make()(MetaTensor(logits), MetaTensor(target))
    assert type(value) is Tensor
    torch.testing.assert_close(value, case.make()(logits, target))


@every_case
def test_the_same_call_gives_the_same_value(case: LossCase) -> None:
    target = case.target(mask_of("walls", SHAPES["3-D"]))
    loss = case.make()
    first = loss(logits_of(target), target)
    loss(logits_of(target, seed=1), target)
    assert torch.equal(loss(logits_of(target), target), first)
