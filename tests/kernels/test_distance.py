# SPDX-License-Identifier: Apache-2.0
"""Squared distances along rows and columns, compiled and as Python."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from monai_boundary.kernels import distance as kernels


@pytest.fixture(params=["compiled", "python"])
def run(request):
    """Call a kernel compiled or as plain Python."""
    if request.param == "compiled":
        return lambda function, *args: function(*args)
    return lambda function, *args: function.py_func(*args)


def test_rows(run):
    voxels = np.array([[0, 1, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]], dtype=bool)
    squared = np.full(voxels.shape, -1, dtype=np.float32)
    run(kernels.distance_along_rows, voxels, 0.5, squared, 0, 2)
    assert squared[0].tolist() == [0.25, 0, 0.25, 1, 0.25, 0]
    assert np.isinf(squared[1]).all()
    assert (squared[2] == -1).all()  # not asked for


def test_lower_envelope_equals_the_minimum(run, rng):
    for _ in range(30):
        heights = rng.choice([np.inf, 0.0, 1.0, 4.0, 30.0], 9) * rng.random(9)
        heights[np.isnan(heights)] = np.inf
        result = np.empty(9)
        run(kernels.lower_envelope, heights, 0.49, result, np.empty(9, np.int64), np.empty(9))
        steps = np.subtract.outer(np.arange(9), np.arange(9)) ** 2
        np.testing.assert_allclose(result, (heights + 0.49 * steps).min(1), rtol=1e-12)


@pytest.mark.parametrize("inner", [1, 5, 16, 33])
def test_columns_equal_scipy(run, rng, inner):
    voxels = rng.random((3, 7, inner)) < 0.2
    voxels[:, 0, 0] = True
    squared = np.empty(voxels.shape, dtype=np.float32)
    rows = voxels.reshape(-1, inner)
    run(kernels.distance_along_rows, rows, 2.0, squared.reshape(rows.shape), 0, len(rows))
    blocks = kernels.column_blocks(3, inner)
    for start in range(blocks):  # one by one, as threads would
        run(kernels.distance_along_columns, squared, 0.5, start, start + 1)
    wanted = [ndimage.distance_transform_edt(~image, sampling=(0.5, 2.0)) for image in voxels]
    np.testing.assert_allclose(np.sqrt(squared), wanted, rtol=1e-6)
