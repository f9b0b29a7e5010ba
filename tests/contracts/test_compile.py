# SPDX-License-Identifier: Apache-2.0
"""Every public loss inside `torch.compile`: as one graph, but for those that run a part on the host."""

from __future__ import annotations

import types
import warnings
from typing import Any

import pytest
import torch
from torch import nn

from monai_boundary import losses
from monai_boundary.losses import _uncompiled
from monai_boundary.ops import equipotential
from tests.contracts.loss_cases import (
    CASES,
    SHAPES,
    LossCase,
    documented_behaviour,
    logits_of,
    mask_of,
    value_and_gradient,
)

pytestmark = pytest.mark.slow
every_case = pytest.mark.parametrize("case", CASES, ids=str)


def _compiled(loss: nn.Module, fullgraph: bool) -> Any:
    torch.compiler.reset()
    return torch.compile(loss, backend="aot_eager", fullgraph=fullgraph)


@pytest.fixture(autouse=True)
def _without_what_only_takes_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each direction of rays is traced anew, by the same code: two of a splitter; and no guard's time is measured."""
    directions = equipotential.ray_directions
    monkeypatch.setattr(equipotential, "ray_directions", lambda splitter, ndim: directions(splitter, ndim)[:2])
    monkeypatch.setattr("torch._dynamo.guards.profile_guard_manager", lambda *_: 0.0, raising=False)


@every_case
def test_compiles(case: LossCase) -> None:
    """The compiled loss has the value and the gradient of the plain one."""
    # Rays are traced one by one: in 3-D with the points of the default splitter alone.
    shape = SHAPES["2-D" if {"splitter", "mu"} & case.options.keys() else "3-D"]
    target = case.target(mask_of("walls", shape))
    value, gradient = value_and_gradient(case.make(), logits_of(target), target)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="torch")  # Dynamo's own deprecations
        compiled = _compiled(case.make(), case.whole_graph)
        compiled_value, compiled_gradient = value_and_gradient(compiled, logits_of(target), target)
    torch.testing.assert_close(compiled_value, value)
    torch.testing.assert_close(compiled_gradient, gradient)


MAPS = [
    (losses.SignedDistanceLoss(sigmoid=True), "distance_map"),
    (losses.SignedDistanceLoss(softmax=True, include_background=True), "distance_map"),
    (losses.DistanceWeightedCELoss(), "distance_map"),
    (losses.DistanceWeightedCELoss(), "weight_map"),
    (losses.DeepSupervisedLoss(losses.SignedDistanceLoss(sigmoid=True)), "distance_map"),
]


@pytest.mark.parametrize(("loss", "name"), MAPS, ids=str)
def test_with_a_ready_map_it_is_one_graph(loss: nn.Module, name: str) -> None:
    target = mask_of("walls", SHAPES["2-D"])[:, None].float()
    target = torch.cat([1 - target, target], 1) if getattr(loss, "softmax", False) else target
    maps = {name: torch.rand(target.shape) + 0.5}
    wanted = loss(logits_of(target), target, **maps)
    torch.testing.assert_close(_compiled(loss, True)(logits_of(target), target, **maps), wanted)


def test_the_tracer_looks_at_no_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would wrap each of thousands; what runs on the host is left to the host, whatever is imported."""
    monkeypatch.setattr(_uncompiled, "sys", types.SimpleNamespace(modules={}))
    on_the_host = _uncompiled.uncompiled(lambda values: values + torch.compiler.is_compiling())
    torch.compiler.reset()
    assert torch.compile(lambda values: on_the_host(values), backend="eager")(torch.zeros(1)) == 0


def test_the_documentation_says_which() -> None:
    """The column "one graph" of the table of the documentation: yes, no, or on what it depends."""
    rows = documented_behaviour()
    for name, (_, said) in rows.items():
        whole = [case.whole_graph for case in CASES if case.loss.__name__ == name]
        assert not said.startswith("yes") or all(whole), name
        assert not all(whole) or said.startswith("yes"), name
        host = name in {loss.__name__ for loss in (losses.BALoss, losses.PersistentHomologyLoss)}
        assert said.startswith("no") == host, name
