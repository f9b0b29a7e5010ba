# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monai_boundary.inspection.patch_advice import plan_patch


@given(
    shape=st.lists(st.integers(1, 600), min_size=2, max_size=3),
    spacing=st.tuples(*[st.floats(0.3, 10)] * 3),
)
def test_a_patch_can_be_halved_as_the_network_does(shape: list[int], spacing: tuple[float, ...]) -> None:
    plan = plan_patch(shape, spacing[: len(shape)], 50_000)
    divisor = np.prod(np.array(plan.strides or [(1,) * len(shape)]), axis=0)
    assert (np.array(plan.patch_size) % divisor == 0).all()
    assert np.prod(plan.patch_size) <= 50_000 or (np.array(plan.patch_size) == divisor).all()
    assert len(plan.channels) == len(plan.strides) + 1 <= 5
    assert plan.covers == all(p >= n for p, n in zip(plan.patch_size, shape, strict=True))
    if plan.strides:
        assert (np.array(plan.patch_size) // divisor >= 1).all()


@pytest.mark.parametrize(
    ("shape", "spacing", "patch"),
    [
        ((35, 50, 36), (1, 1, 1), (40, 56, 40)),
        ((160, 160, 16), (1, 1, 6), (160, 160, 16)),
        ((200, 200, 200), (1, 1, 1), (96, 96, 96)),
    ],
)
def test_patches(shape: tuple[int, ...], spacing: tuple[float, ...], patch: tuple[int, ...]) -> None:
    assert plan_patch(shape, spacing, 96**3).patch_size == patch


def test_thick_slices_are_pooled_later() -> None:
    strides = plan_patch((160, 160, 40), (1.0, 1.0, 6.0), 2 * 96**3).strides
    assert strides == ((2, 2, 1), (2, 2, 1), (2, 2, 2), (2, 2, 2))


def test_an_image_too_small_to_halve() -> None:
    plan = plan_patch((6, 5, 7), (1, 1, 1), 1000)
    assert (plan.patch_size, plan.strides, plan.channels, plan.covers) == ((6, 5, 7), (), (16,), True)
