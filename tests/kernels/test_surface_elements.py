# SPDX-License-Identifier: Apache-2.0
"""Cubes of a surface and the box of two masks, compiled and as Python, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from monai_boundary.kernels.surface_elements import surface_cubes, union_box


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5])
def test_box_is_that_of_numpy(rng: np.random.Generator, compiled: bool, share: float) -> None:
    box = union_box if compiled else union_box.py_func
    first, second = rng.random((2, 5, 6, 7)) < share
    found = np.argwhere(first | second)
    expected = np.stack([found.min(axis=0), found.max(axis=0) + 1], axis=1) if len(found) else np.zeros((3, 2))
    np.testing.assert_array_equal(box(first, second), expected)


@pytest.mark.parametrize("compiled", [True, False])
def test_drawn_voxel_has_eight_cubes(compiled: bool) -> None:
    cubes = surface_cubes if compiled else _python_cubes
    mask = np.zeros((3, 3, 3), dtype=bool)
    mask[1, 1, 1] = True
    index, codes = cubes(mask, np.zeros_like(mask))
    assert [tuple(row) for row in index.tolist()] == list(np.ndindex(2, 2, 2))
    assert codes[:, 0].tolist() == [1, 2, 4, 8, 16, 32, 64, 128]
    assert not codes[:, 1].any()


@pytest.mark.parametrize("compiled", [True, False])
def test_codes_are_the_corners(rng: np.random.Generator, compiled: bool) -> None:
    cubes = surface_cubes if compiled else _python_cubes
    masks = rng.random((2, 4, 5, 3)) < 0.5
    masks[:, :2, :2] = False  # cubes off both surfaces
    index, codes = cubes(*masks)
    found = {tuple(i): tuple(c) for i, c in zip(index.tolist(), codes.tolist(), strict=True)}
    for place in np.ndindex(3, 4, 2):
        corners = tuple(slice(n, n + 2) for n in place)
        both = tuple(int(np.packbits(mask[corners].ravel())[0]) for mask in masks)
        expected = None if all(code in (0, 255) for code in both) else both
        assert found.get(place) == expected, place


def _python_cubes(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from monai_boundary.kernels import surface_elements

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(surface_elements, "_row_codes", surface_elements._row_codes.py_func)
        with np.errstate(over="ignore"):
            return surface_cubes.py_func(first, second)
