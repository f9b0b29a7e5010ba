# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from monai_boundary.kernels import region_depth as module
from monai_boundary.kernels.region_depth import squared_region_depth


@pytest.fixture(params=["compiled", "python"])
def depth(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    if request.param == "compiled":
        return squared_region_depth
    monkeypatch.setattr(module, "_along", module._along.py_func)
    return squared_region_depth.py_func


def test_drawn(depth) -> None:
    labels = np.array([[[1, 1, 1, 2, 2, 0]]], np.int32)
    assert depth(labels, np.array([1.0, 1.0, 2.0]), 100.0).tolist() == [[[36, 16, 4, 4, 4, 0]]]


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 1.0, 0.5), (np.inf, 1.0, 2.0)])
def test_as_scipy_of_each_region(depth, spacing: tuple[float, ...], rng: np.random.Generator) -> None:
    labels = np.kron(rng.integers(0, 3, (2, 3, 3)), np.ones((2, 3, 4), int)).astype(np.int32)
    expected = np.zeros(labels.shape)
    for section in range(len(labels)) if np.isinf(spacing[0]) else [slice(None)]:
        for label in (1, 2):
            inside = labels[section] == label
            far = ndimage.distance_transform_edt(inside, sampling=[s for s in spacing if np.isfinite(s)])
            expected[section][inside] = far[inside]
    for limit in (2.0, 50.0):
        found = np.sqrt(depth(labels, np.array(spacing), limit))
        np.testing.assert_allclose(np.minimum(found, limit), np.minimum(expected, limit))
