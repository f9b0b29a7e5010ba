# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch

from monai_boundary.workflows.losses.schedule import PolynomialRate, loss_schedule


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rebalance", [(1.0, 0.02), (0.6, 0.42), (0.1, 1.02)]),
        ("increase", [(1.0, 0.02), (1.0, 0.42), (1.0, 1.02)]),
        ("constant", [(1.0, 0.02)] * 3),
        ("cosine", [(1.0, 0.02), (1.0, 0.35865), (1.0, 0.90642)]),
    ],
)
def test_weights_over_the_epochs(name: str, expected: list[tuple[float, float]]) -> None:
    schedule = loss_schedule(name, alpha=0.02, step=0.1, epochs=10)
    for epoch, (region, boundary) in zip((0, 4, 10 if name != "cosine" else 8), expected, strict=True):
        weights = schedule(epoch)
        assert weights["region"] == pytest.approx(region)
        assert weights["boundary"] == pytest.approx(boundary, abs=1e-4)


def test_the_name_is_known() -> None:
    with pytest.raises(ValueError, match="`schedule` needs one of 'rebalance', 'increase', 'constant', 'cosine', got"):
        loss_schedule("linear")


def test_a_rate_of_a_training_that_grows_longer() -> None:
    def steps(total: int, epochs: int, state: dict[str, Any] | None = None) -> tuple[list[float], dict[str, Any], Any]:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        rate = PolynomialRate(optimizer, total_iters=total, power=0.9)
        if state is not None:
            rate.load_state_dict(state)
        used = []
        for _ in range(epochs):
            used.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            rate.step()
        return used, rate.state_dict(), optimizer

    def expected(total: int, epochs: range) -> list[float]:
        return [0.1 * (1 - epoch / total) ** 0.9 for epoch in epochs]

    first, state, optimizer = steps(4, 4)
    assert first == pytest.approx(expected(4, range(4)))
    assert optimizer.param_groups[0]["lr"] == 0
    longer, _, optimizer = steps(6, 2, state)
    assert longer == pytest.approx(expected(6, range(4, 6))), "from the new end, not from the old one's 0"
    _, half, _ = steps(4, 2)
    assert steps(4, 2, half)[0] == pytest.approx(expected(4, range(2, 4)))
