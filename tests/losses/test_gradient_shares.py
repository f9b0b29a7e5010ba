# SPDX-License-Identifier: Apache-2.0
"""Shares of the gradient: measured norms and cosines by hand, running means, what is no measurement, two processes."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.data import MetaTensor
from torch import Tensor

from monai_boundary.losses import CompoundLoss, ConstantSchedule, DeepSupervisedLoss, DelayedSchedule
from monai_boundary.losses._gradient_shares import GradientShares, network_outputs, single_precision, unmeasured
from monai_boundary.workflows.losses.identity import loss_title
from tests.gloo import in_two_processes


class Slope:
    """A loss with a known gradient: ``sum(slope * input)``. The label chooses how many times it."""

    def __init__(self, *slope: float) -> None:
        self.slope = torch.tensor(slope)

    def __call__(self, input: Tensor, target: Tensor) -> Tensor:
        return (self.slope.to(input.dtype) * input).sum() * target.sum()


ONE = torch.ones(1)


def logits(values: int = 2) -> Tensor:
    return torch.zeros(1, values, requires_grad=True)


def test_weight_share_and_cosine_by_hand() -> None:
    """Gradients (3, 4) and (0, 10): norms 5 and 10, cosine 40 / 50."""
    loss = CompoundLoss({"region": Slope(3, 4), "boundary": Slope(0, 10)}, shares={"boundary": 0.3})
    assert loss.weights == {"region": 1.0, "boundary": 0.3}, "as equally strong, until it is measured"
    outputs = logits()
    value = loss(outputs, ONE)
    assert loss.weights == pytest.approx({"region": 1.0, "boundary": 0.15})
    told = {name: float(term) for name, term in loss.terms.items()}
    names = ["region", "weight_region", "boundary", "weight_boundary", "share_boundary", "cosine_boundary"]
    assert list(told) == names
    assert [told[name] for name in names[3:]] == pytest.approx([0.15, 0.3, 0.8])
    value.backward()
    torch.testing.assert_close(outputs.grad, torch.tensor([[3.0, 4 + 0.15 * 10]]))
    loss(logits(), ONE)
    assert "share_boundary" not in loss.terms, "the next measurement is twenty steps later"


def test_the_share_is_that_of_the_weighted_regional_term_and_follows_the_schedule() -> None:
    schedule = DelayedSchedule(lambda epoch: {"region": 0.5, "boundary": 0.2 * (1 + epoch)}, epochs=1)
    parts = {"region": Slope(0, 4), "boundary": Slope(2, 0)}
    loss = CompoundLoss(parts, schedule=schedule, shares={"boundary": 0.1})
    loss(logits(), ONE)
    assert set(loss.terms) == {"region", "weight_region"}, "the share is 0 in the warm-up: nothing to measure"
    loss.set_step(1)
    loss(logits(), ONE)  # no twentieth step, and measured at once
    assert loss.weights == pytest.approx({"region": 0.5, "boundary": 0.2 * 0.5 * 4 / 2})
    assert float(loss.terms["cosine_boundary"]) == 0
    loss.set_step(2)
    assert loss.weights["boundary"] == pytest.approx(0.4 * 0.5 * 4 / 2)


def test_the_mean_of_the_first_ten_then_a_tenth_for_each_new_one() -> None:
    shares = GradientShares(("region", "boundary"), "region", {"boundary": 1.0}, every=1)
    outputs = logits(1)
    for size in range(1, 11):
        shares.measure({"region": (outputs * 2).sum(), "boundary": (outputs * size).sum()}, [outputs])
    assert shares.norms["boundary"] == (pytest.approx(5.5), 10)
    shares.measure({"region": (outputs * 2).sum(), "boundary": (outputs * 25.5).sum()}, [outputs])
    assert shares.norms["boundary"][0] == pytest.approx(5.5 + (25.5 - 5.5) / 10)
    assert shares.weight("boundary", 1.0) == pytest.approx(2 / 7.5)


def test_shares_of_nothing_are_measured_only() -> None:
    parts = {"boundary": Slope(0, 10), "region": Slope(3, 4)}
    loss = CompoundLoss(parts, {"boundary": 2.0}, shares={}, regional="region")
    loss(logits(), ONE)
    assert loss.weights == {"boundary": 2.0, "region": 1.0}
    assert float(loss.terms["share_boundary"]) == pytest.approx(2 * 10 / 5)


@pytest.mark.parametrize("slope", [0.0, math.nan, math.inf])
def test_no_gradient_and_none_that_is_finite_are_no_measurement(slope: float) -> None:
    loss = CompoundLoss({"region": Slope(3, 4), "boundary": Slope(0, 10)}, shares={"boundary": 0.3}, measure_every=1)
    loss(logits(), ONE)
    loss._plain["boundary"].slope = torch.tensor([slope, 0.0])
    loss(logits(), ONE)
    assert loss.weights["boundary"] == pytest.approx(0.15)
    assert "share_boundary" not in loss.terms
    assert loss._shares is not None
    assert loss._shares.norms == {"region": (5.0, 2), "boundary": (10.0, 1)}


def test_a_regional_term_without_a_gradient() -> None:
    loss = CompoundLoss({"region": Slope(0, 0), "boundary": Slope(0, 10)}, shares={"boundary": 0.3})
    loss(logits(), ONE)
    assert loss.weights["boundary"] == 0.3
    assert "cosine_boundary" not in loss.terms


def test_a_weight_is_bounded() -> None:
    loss = CompoundLoss({"region": Slope(1e6, 0), "boundary": Slope(1e-6, 0)}, shares={"boundary": 1.0})
    loss(logits(), ONE)
    assert loss.weights["boundary"] == 1000


def test_a_batch_and_all_channels_have_one_norm() -> None:
    """Two items, three classes, one of them without an opinion: the norm is over all 6 values."""
    slope = torch.tensor([[0.0, 2.0, 0.0], [1.0, 0.0, 2.0]])
    parts = {"region": lambda input, target: input.sum(), "boundary": lambda input, target: (slope * input).sum()}
    loss = CompoundLoss(parts, shares={"boundary": 1.0})
    loss(torch.zeros(2, 3, requires_grad=True), ONE)
    assert loss.weights["boundary"] == pytest.approx(math.sqrt(6) / 3)
    assert float(loss.terms["cosine_boundary"]) == pytest.approx(5 / (math.sqrt(6) * 3))


def test_a_call_without_a_gradient_is_no_step() -> None:
    loss = CompoundLoss({"region": Slope(3, 4), "boundary": Slope(0, 10)}, shares={"boundary": 0.3})
    with torch.no_grad():
        loss(logits(), ONE)
    loss(torch.zeros(1, 2), ONE)
    assert loss._shares is not None
    assert (loss._shares.steps, loss._shares.norms) == (0, {})


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_gradients_too_small_for_half_precision(dtype: torch.dtype) -> None:
    """1e-9 is 0 in float16; a scaler, by which the loss is multiplied afterwards, changes nothing."""
    loss = CompoundLoss({"region": Slope(3e-9, 4e-9), "boundary": Slope(0, 1e-8)}, shares={"boundary": 0.3})
    outputs = torch.zeros(1, 2, dtype=dtype, requires_grad=True)
    (loss(outputs, ONE) * 2.0**16).backward()
    assert loss.weights["boundary"] == pytest.approx(0.15)


def test_several_heads_are_one_gradient() -> None:
    """A loss over a list of heads: norms over both, sqrt(3^2 + 4^2) and 10."""
    heads = [logits(1), logits(1)]
    region = lambda input, target: 3 * input[0].sum() + 4 * input[1].sum()  # noqa: E731
    boundary = lambda input, target: 10 * input[1].sum()  # noqa: E731
    loss = CompoundLoss({"region": region, "boundary": boundary}, shares={"boundary": 0.3})
    loss(heads, ONE)
    assert loss.weights["boundary"] == pytest.approx(0.15)


def test_deep_supervision_measures_the_first_head() -> None:
    size = lambda input, target: input.sum() / input.numel()  # noqa: E731
    total = lambda input, target: input.sum()  # noqa: E731
    inner = CompoundLoss({"region": size, "boundary": total}, shares={"boundary": 0.5}, measure_every=2)
    loss = DeepSupervisedLoss(inner)
    heads = [torch.zeros(1, 1, n, n, requires_grad=True) for n in (4, 2)]
    label = torch.zeros(1, 1, 4, 4)
    for _ in range(3):
        loss(heads, label)
    assert inner.weights["boundary"] == pytest.approx(0.5 / 16), "norms 1 / 4 and 4 at the first head"
    assert inner._shares is not None
    assert inner._shares.steps == 3
    assert float(loss.terms["share_boundary"]) == pytest.approx(0.5), "of the third step, at the first head"
    with unmeasured(inner):
        assert not inner.measures
    assert inner.measures
    assert "measures" not in vars(inner)


def test_a_resumed_loss_goes_on_as_the_one_that_was_left_alone() -> None:
    def steps(loss: CompoundLoss, numbers: range) -> list[float]:
        weights = []
        for number in numbers:
            loss(logits(), torch.full((1,), 1.0 + number))
            weights.append(loss.weights["boundary"])
        return weights

    def make() -> CompoundLoss:
        squared = lambda input, target: (input - target**2).square().sum()  # noqa: E731
        return CompoundLoss({"region": Slope(3, 4), "boundary": squared}, shares={"boundary": 0.3}, measure_every=3)

    whole, first, second = make(), make(), make()
    expected = steps(whole, range(12))
    assert len(set(expected)) == 4
    found = steps(first, range(5))
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    assert found + steps(second, range(5, 12)) == expected
    with pytest.raises(ValueError, match="`state` needs shares, as the loss has them"):
        make().load_state_dict(CompoundLoss({"region": Slope(1), "boundary": Slope(1)}).state_dict())


def test_a_state_is_of_its_moment_and_of_its_loss() -> None:
    """A state that was taken does not follow the loss, and one of other terms is refused as it is loaded."""

    def make(*names: str, shared: str | None = "boundary") -> CompoundLoss:
        shares = None if shared is None else {shared: 0.5}
        return CompoundLoss({name: Slope(1, 1) for name in names}, shares=shares)

    loss = make("region", "boundary")
    state = loss.state_dict()
    loss.set_weights({"region": 4.0})
    assert loss.weights == {"region": 4.0, "boundary": 2.0}
    loss.load_state_dict(state)
    assert loss.weights == {"region": 1.0, "boundary": 0.5}
    with pytest.raises(ValueError, match="needs the terms of the loss, region, edge, got region, boundary"):
        make("region", "edge", shared="edge").load_state_dict(state)
    with pytest.raises(ValueError, match="needs the shares of the loss, edge, got boundary"):
        make("region", "boundary", "edge", shared="edge").load_state_dict(
            make("region", "boundary", "edge").state_dict()
        )
    with pytest.raises(ValueError, match="needs weights alone, as the loss has no shares"):
        make("region", "boundary", shared=None).load_state_dict(state)


def test_two_processes_have_the_same_weights(tmp_path: Path) -> None:
    """Norms 2 and 6 of the region, 8 and none of the boundary: means 4 and 8, and a cosine of the first alone."""

    def call(rank: int) -> Any:
        parts = {"region": Slope(2, 0), "boundary": Slope(8, 0) if rank == 0 else Slope(0, 0)}
        loss = CompoundLoss(parts, shares={"boundary": 0.5})
        loss(logits(), torch.full((1,), 3.0 if rank else 1.0))
        return loss.weights, {name: float(loss.terms[name]) for name in ("share_boundary", "cosine_boundary")}

    first, second = in_two_processes(call, tmp_path / "processes")
    assert first == second
    assert first[0] == pytest.approx({"region": 1.0, "boundary": 0.25})
    assert first[1] == pytest.approx({"share_boundary": 0.5, "cosine_boundary": 1.0})


def test_what_a_network_gives() -> None:
    meta = MetaTensor(torch.zeros(1, 2)).requires_grad_()
    loss = CompoundLoss({"region": Slope(3, 4), "boundary": Slope(0, 10)}, shares={"boundary": 0.3})
    loss(meta * 2, ONE)
    assert loss.weights["boundary"] == pytest.approx(0.15)
    assert type(loss.terms["share_boundary"]) is Tensor
    assert network_outputs((logits(), ONE, None)) != []
    assert network_outputs(None) == []
    half = [torch.zeros(1, dtype=torch.float16), ONE]
    assert [tensor.dtype for tensor in single_precision(half)] == [torch.float32, torch.float32]


def test_the_title_of_a_training_tells_shares_and_not_what_was_measured() -> None:
    one, other = (CompoundLoss({"a": Slope(1), "b": Slope(1)}, shares={"b": share}) for share in (0.1, 0.2))
    assert loss_title(one) != loss_title(other)
    assert "shares={'b': 0.1}" in repr(one)
    assert "shares=None" in repr(CompoundLoss({"a": Slope(1)}))


def test_bad_arguments() -> None:
    parts = {"region": Slope(1), "boundary": Slope(1)}
    with pytest.raises(ValueError, match="`regional` needs the name of a term, region, boundary, got 'x'"):
        CompoundLoss(parts, shares={}, regional="x")
    with pytest.raises(ValueError, match="`shares` needs names of terms other than the regional one, boundary, got"):
        CompoundLoss(parts, shares={"region": 1.0})
    with pytest.raises(ValueError, match=r"`shares\['boundary'\]` needs a finite number >= 0"):
        CompoundLoss(parts, shares={"boundary": -1.0})
    with pytest.raises(ValueError, match="`shares` needs terms without a weight, got both for boundary"):
        CompoundLoss(parts, {"boundary": 1.0}, shares={"boundary": 1.0})
    with pytest.raises(ValueError, match="`measure_every` needs an integer >= 1"):
        CompoundLoss(parts, shares={}, measure_every=0)
    with pytest.raises(ValueError, match=r"`weights\['boundary'\]` needs a finite number >= 0"):
        CompoundLoss(parts, schedule=ConstantSchedule(1.0), shares={"boundary": 1.0}).set_weights({"boundary": -1})
