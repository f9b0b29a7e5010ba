# SPDX-License-Identifier: Apache-2.0
"""Numbers of given ranks, against a sort."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_boundary.ops.ranked_values import values_of_ranks

NUMBERS = {
    "spread": np.random.default_rng(0).normal(0, 1e3, 5000),
    "many equal": np.random.default_rng(1).integers(0, 4, 3000) / 3,
    "tiny and large": np.exp(np.random.default_rng(2).uniform(-80, 80, 2000)),
    "both signs": np.array([-0.0, -1e-30, 1e-30, -3.5, 3.5, np.inf, -np.inf, 1.0]),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", NUMBERS)
def test_like_a_sort(kind: str, dtype: type[np.floating]) -> None:
    numbers = NUMBERS[kind].astype(dtype)
    ranks = sorted({0, 1, len(numbers) // 2, len(numbers) - 1})
    found = values_of_ranks(lambda: torch.from_numpy(numbers).split(700), ranks)
    for rank, one in zip(ranks, found, strict=True):
        value = np.sort(numbers)[rank]
        assert one == (float(value), int((numbers < value).sum()), int((numbers == value).sum()))


def test_nan_is_larger_than_all() -> None:
    numbers = torch.tensor([np.nan, np.inf, 0.0])
    (one,) = values_of_ranks(lambda: [numbers], [2])
    assert np.isnan(one.value)
    assert one[1:] == (2, 1)
