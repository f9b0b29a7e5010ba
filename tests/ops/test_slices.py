# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monai_boundary.ops import slices_around


def region(depth: int, first: int, last: int, axis: int = 2) -> np.ndarray:
    shape = [2, 3, 4]
    shape[axis] = depth
    mask = np.zeros(shape, dtype=bool)
    mask[(slice(None),) * axis + (slice(first, last + 1),)] = True
    return mask


@pytest.mark.parametrize(
    ("extent", "count", "step", "expected"),
    [
        ((10, 19), 5, None, [11, 13, 15, 17, 19]),
        ((10, 19), 1, None, [15]),
        ((10, 19), 10, None, list(range(10, 20))),
        ((14, 15), 4, None, [13, 14, 15, 16]),  # fewer than asked for: the neighbours
        ((0, 1), 4, None, [0, 1, 2, 3]),  # moved into the image
        ((29, 29), 3, None, [27, 28, 29]),
        ((10, 20), 3, 1, [14, 15, 16]),
        ((10, 20), 3, 5, [10, 15, 20]),
        ((28, 29), 3, 4, [21, 25, 29]),
    ],
)
def test_drawn(extent: tuple[int, int], count: int, step: int | None, expected: list[int]) -> None:
    assert slices_around(region(30, *extent), count, step=step) == expected


def test_the_centre_is_that_of_mass() -> None:
    mask = np.zeros((4, 4, 20), dtype=np.float32)
    mask[0, 0, 2:12] = 1
    mask[:, :, 12:14] = 4
    assert slices_around(mask, 1, step=1) == [11]
    assert slices_around(mask, 2) == [5, 11]


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_axes(axis: int) -> None:
    assert slices_around(region(12, 4, 6, axis % 3), 3, axis) == [4, 5, 6]


def test_no_region_is_the_middle_or_all() -> None:
    nothing = np.zeros((3, 3, 11))
    assert slices_around(nothing, 3, step=1) == [4, 5, 6]
    assert slices_around(nothing, 3) == [1, 5, 9]


@given(st.integers(1, 12), st.integers(0, 11), st.integers(0, 11), st.integers(1, 12), st.sampled_from([None, 1, 2, 3]))
def test_laws(depth: int, first: int, length: int, count: int, step: int | None) -> None:
    mask = region(depth, first, first + length)
    if count * (step or 1) - (step or 1) >= depth:
        with pytest.raises(ValueError, match=f"`count` needs at most the image's slices, {depth}, got {count}"):
            slices_around(mask, count, step=step)
        return
    found = slices_around(mask, count, step=step)
    assert len(found) == count
    assert found[0] >= 0
    assert found[-1] < depth
    gaps = np.diff(found)
    assert (gaps == step).all() if step else (gaps > 0).all()
    held = mask.any(axis=(0, 1))
    if step is None and held.sum() >= count:
        assert held[found].all()
    elif step is None and held.any():
        assert held[found].sum() == held.sum(), "all of the region's slices"


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="`mask` needs 3 spatial dimensions, got 2"):
        slices_around(np.zeros((3, 3)), 1)
    with pytest.raises(ValueError, match="`axis` needs one of"):
        slices_around(np.zeros((3, 3, 3)), 1, axis=3)
    with pytest.raises(ValueError, match="`count` needs an integer >= 1, got 0"):
        slices_around(np.zeros((3, 3, 3)), 0)
    with pytest.raises(ValueError, match=r"`step` needs an integer >= 1, got 0.5"):
        slices_around(np.zeros((3, 3, 3)), 1, step=0.5)  # type: ignore[arg-type]
