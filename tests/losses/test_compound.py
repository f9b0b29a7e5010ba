# SPDX-License-Identifier: Apache-2.0
"""Compound losses: the sum, the terms, the weights, and who gets which target."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch
from monai.losses import DiceLoss
from torch import Tensor

from monai_boundary.losses import BALoss, CompoundLoss, IncreaseSchedule, RebalanceSchedule, SignedDistanceLoss
from monai_boundary.ops import batch_signed_distance


def _case() -> tuple[Tensor, Tensor]:
    label = torch.zeros(2, 1, 8, 9)
    label[..., 2:6, 3:7] = 1
    return torch.randn(2, 1, 8, 9), label


def _parts() -> dict[str, Any]:
    return {"region": DiceLoss(sigmoid=True), "boundary": SignedDistanceLoss(sigmoid=True)}


def squared_error(input: Tensor, target: Tensor) -> Tensor:
    return ((input - target) ** 2).mean()


def test_the_sum_and_its_terms() -> None:
    logits, label = _case()
    parts = _parts()
    loss = CompoundLoss({**parts, "plain": squared_error}, {"region": 0.5, "boundary": 2.0})
    value = loss(logits, label)
    each = {name: part(logits, label) for name, part in {**parts, "plain": squared_error}.items()}
    torch.testing.assert_close(value, 0.5 * each["region"] + 2 * each["boundary"] + each["plain"])
    for name, term in each.items():
        torch.testing.assert_close(loss.terms[name], term)
    assert {n: float(t) for n, t in loss.terms.items() if n.startswith("weight_")} == {
        "weight_region": 0.5,
        "weight_boundary": 2.0,
        "weight_plain": 1.0,
    }
    assert not any(term.requires_grad for term in loss.terms.values())


def test_terms_of_terms() -> None:
    logits, label = _case()
    loss = CompoundLoss({"ba": BALoss(sigmoid=True)})
    loss(logits, label)
    assert {"ba", "weight_ba", "ba.bce", "ba.boundary"} == set(loss.terms)


def test_a_target_goes_to_the_terms_that_name_it() -> None:
    logits, label = _case()
    maps = batch_signed_distance(label) * 3
    loss = CompoundLoss(_parts())
    loss(logits, label, distance_map=maps)
    torch.testing.assert_close(
        loss.terms["boundary"], SignedDistanceLoss(sigmoid=True)(logits, label, distance_map=maps)
    )
    with pytest.raises(ValueError, match="`seeds` needs a term that takes it, got region, boundary"):
        loss(logits, label, seeds=label)


def test_weight_zero_is_not_computed() -> None:
    logits, label = _case()

    def fails(input: Tensor, target: Tensor) -> Tensor:
        raise AssertionError

    loss = CompoundLoss({"region": DiceLoss(sigmoid=True), "never": fails}, {"never": 0})
    loss(logits, label)
    assert set(loss.terms) == {"region", "weight_region"}
    loss.set_weights({"region": 0})
    with pytest.raises(ValueError, match="`weights` needs one above 0"):
        loss(logits, label)


def test_the_schedule_sets_the_weights() -> None:
    loss = CompoundLoss(_parts(), schedule=RebalanceSchedule())
    assert loss.weights == pytest.approx({"region": 1.0, "boundary": 0.01})
    loss.set_step(95)
    assert loss.weights == pytest.approx({"region": 0.1, "boundary": 0.96})
    with pytest.raises(ValueError, match="`schedule` needs to be given"):
        CompoundLoss(_parts()).set_step(1)
    with pytest.raises(ValueError, match="`weights` needs names of terms, region, boundary, got 'sdm'"):
        CompoundLoss(_parts(), schedule=IncreaseSchedule(boundary="sdm"))


def test_weights_are_in_the_state(tmp_path: Any) -> None:
    loss = CompoundLoss(_parts(), {"boundary": 0.25})
    torch.save(loss.state_dict(), tmp_path / "loss.pt")
    other = CompoundLoss(_parts())
    other.load_state_dict(torch.load(tmp_path / "loss.pt", weights_only=True))
    assert other.weights == loss.weights == {"region": 1.0, "boundary": 0.25}
    assert pickle.loads(pickle.dumps(CompoundLoss({"plain": squared_error}))).weights == {"plain": 1.0}


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="`losses` needs at least one term"):
        CompoundLoss({})
    with pytest.raises(TypeError, match=r"`losses\['x'\]` needs a callable, got int"):
        CompoundLoss({"x": 3})
    with pytest.raises(ValueError, match="names that are identifiers, got 'a b'"):
        CompoundLoss({"a b": squared_error})
    with pytest.raises(ValueError, match=r"`weights\['region'\]` needs a finite number >= 0"):
        CompoundLoss(_parts(), {"region": float("nan")})
    with pytest.raises(ValueError, match=r"`losses\['region'\]` needs a scalar"):
        CompoundLoss({"region": DiceLoss(reduction="none")})(*_case())
