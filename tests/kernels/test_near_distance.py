# SPDX-License-Identifier: Apache-2.0
"""Distances up to a limit, compiled and as Python, against SciPy's transform."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from monai_boundary.kernels import near_distance
from monai_boundary.kernels.near_distance import near_squared_distance

SPACING = (3.0, 0.7, 1.0)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("limit", [0.5, 1.0, 3.0, 3.2, 100.0])
def test_equals_scipy_up_to_the_limit(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, compiled: bool, limit: float
) -> None:
    if not compiled:
        monkeypatch.setattr(near_distance, "_widen", near_distance._widen.py_func)
    measure = near_squared_distance if compiled else near_squared_distance.py_func
    source = rng.random((5, 9, 8)) < 0.03
    expected = ndimage.distance_transform_edt(~source, sampling=SPACING)
    found = np.sqrt(measure(source, np.array(SPACING), limit))
    near = expected <= limit
    np.testing.assert_allclose(found[near], expected[near], atol=1e-12)
    assert (found[~near] > limit).all()


def test_an_infinite_step_keeps_slices_apart() -> None:
    source = np.zeros((2, 1, 3), dtype=bool)
    source[0, 0, 0] = True
    found = near_squared_distance(source, np.array([np.inf, 1.0, 1.0]), 10.0)
    np.testing.assert_array_equal(found[0, 0], [0, 1, 4])
    assert np.isinf(found[1]).all()
