# SPDX-License-Identifier: Apache-2.0
"""Every public loss inside `torch.compile`: as one graph, but for those that run a part on the host."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from monai_boundary import losses
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


@every_case
def test_compiles(case: LossCase) -> None:
    """The compiled loss has the value and the gradient of the plain one."""
    if case.loss is losses.EquipotentialLoss:  # of C only the number of rays is another, and each is traced
        case = replace(case, options={**case.options, "splitter": "A"})
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


def test_the_documentation_says_which() -> None:
    """The column "one graph" of the table of the documentation: yes, no, or on what it depends."""
    rows = documented_behaviour()
    for name, (_, said) in rows.items():
        whole = [case.whole_graph for case in CASES if case.loss.__name__ == name]
        assert not said.startswith("yes") or all(whole), name
        assert not all(whole) or said.startswith("yes"), name
        host = name in {loss.__name__ for loss in (losses.BALoss, losses.PersistentHomologyLoss)}
        assert said.startswith("no") == host, name
