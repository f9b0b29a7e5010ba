# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monai_boundary.ops.patch_size import patch_within


@pytest.mark.parametrize(
    ("shape", "spacing", "steps", "most", "expected"),
    [
        ((8, 12, 6), (1, 1, 1), (4, 4, 2), 1000, (8, 12, 6)),
        ((7.2, 11, 5), (1, 1, 1), (4, 4, 2), 1000, (8, 12, 6)),
        ((0.3, 9), (1, 1), (4, 3), 1000, (4, 9)),
        ((8, 8, 8), (1, 1, 1), (4, 4, 4), 511, (4, 8, 8)),  # of equal sides the first
        ((8, 8, 8), (1, 1, 3), (4, 4, 4), 511, (8, 8, 4)),  # 24 mm against 8 mm
        ((8, 8, 8), (1, 1, 3), (4, 4, 4), 255, (4, 8, 4)),  # then 12 mm, but one step is left there
        ((8, 8), (1, 1), (8, 8), 3, (8, 8)),  # one step along each axis stays
    ],
)
def test_drawn(shape: tuple, spacing: tuple, steps: tuple, most: int, expected: tuple) -> None:
    assert patch_within(shape, spacing, steps, most) == expected


@given(
    shape=st.lists(st.integers(1, 300), min_size=2, max_size=3),
    steps=st.tuples(*[st.sampled_from([1, 2, 4, 16])] * 3),
    most=st.integers(1, 100_000),
)
def test_multiples_within_the_budget(shape: list[int], steps: tuple[int, ...], most: int) -> None:
    steps = steps[: len(shape)]
    patch = patch_within(shape, [1.0] * len(shape), steps, most)
    assert all(side % step == 0 < side for side, step in zip(patch, steps, strict=True))
    assert math.prod(patch) <= most or patch == steps
    assert all(side < n + step for side, n, step in zip(patch, shape, steps, strict=True))
