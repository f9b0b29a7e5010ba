# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from monai_boundary.kernels import region_depth as module


@pytest.fixture(params=["compiled", "python"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    names = ("squared_region_depth", "deepest_voxels")
    if request.param == "compiled":
        return SimpleNamespace(**{name: getattr(module, name) for name in names})
    for name in ("_along", "_lower_envelope"):
        monkeypatch.setattr(module, name, getattr(module, name).py_func)
    return SimpleNamespace(**{name: getattr(module, name).py_func for name in names})


def test_drawn(kernels) -> None:
    labels = np.array([[[1, 1, 1, 2, 2, 0]]], np.int32)
    assert kernels.squared_region_depth(labels, np.array([1.0, 1.0, 2.0])).tolist() == [[[36, 16, 4, 4, 4, 0]]]
    column = np.array([[[3], [3], [0], [3]]], np.int32)
    assert kernels.squared_region_depth(column, np.array([1.0, 2.0, 1.0])).ravel().tolist() == [16, 4, 0, 4]


def test_nothing_bounds_the_only_label(kernels) -> None:
    assert np.isinf(kernels.squared_region_depth(np.ones((2, 3, 4), np.int32), np.ones(3))).all()


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 1.0, 0.5), (np.inf, 1.0, 2.0)])
@pytest.mark.parametrize("block", [(2, 3, 4), (1, 1, 1), (1, 9, 7)])
def test_as_scipy_of_each_region(kernels, spacing, block, rng: np.random.Generator) -> None:
    # 3 to 27 columns: less and more than what is taken together
    labels = np.kron(rng.integers(0, 3, (2, 3, 3)), np.ones(block, int)).astype(np.int32)
    expected = np.zeros(labels.shape)
    for section in range(len(labels)) if np.isinf(spacing[0]) else [slice(None)]:
        for label in (1, 2):
            inside = labels[section] == label
            far = ndimage.distance_transform_edt(inside, sampling=[s for s in spacing if np.isfinite(s)])
            expected[section][inside] = far[inside]
    np.testing.assert_allclose(np.sqrt(kernels.squared_region_depth(labels, np.array(spacing))), expected)


def test_the_first_of_the_deepest(kernels) -> None:
    labels = np.array([0, 1, 1, 4, 4, 1], np.int32)
    squared = np.array([9.0, 4.0, 5.0, 2.0, 2.0 * (1 + 1e-12), 5.0])
    assert kernels.deepest_voxels(labels, squared, 4).tolist() == [-1, 2, -1, -1, 3]
