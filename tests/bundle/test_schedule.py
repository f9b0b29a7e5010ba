# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_boundary.bundle.schedule import loss_schedule


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
