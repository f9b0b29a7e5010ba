# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from monai_boundary.kernels import component_labels as module
from monai_boundary.kernels.component_labels import component_labels


@pytest.fixture(params=["compiled", "python"])
def label(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    if request.param == "compiled":
        return component_labels
    for name in ("_join", "_renumber", "_runs"):
        monkeypatch.setattr(module, name, getattr(module, name).py_func)
    return component_labels.py_func


def test_drawn(label) -> None:
    mask = np.array([[[1, 0, 1, 1], [1, 1, 0, 1], [0, 0, 0, 0]], [[0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]], bool)
    labels = np.full(mask.shape, -5, np.int32)
    sizes, firsts = label(mask, False, labels)
    assert labels.tolist() == [
        [[1, 0, 2, 2], [1, 1, 0, 2], [0, 0, 0, 0]],
        [[0, 0, 0, 0], [0, 0, 0, 0], [0, 3, 0, 0]],
    ]
    assert sizes.tolist() == [0, 3, 3, 1]
    assert firsts.tolist() == [0, 0, 2, 21]


@pytest.mark.parametrize("per_section", [False, True])
@pytest.mark.parametrize("density", [0.3, 0.5, 0.7, 0.95])
def test_as_scipy(label, density: float, per_section: bool, rng: np.random.Generator) -> None:
    shape = (5, 6, 7) if label is not component_labels else (9, 33, 40)
    structure = ndimage.generate_binary_structure(3, 1)
    structure[[0, 2]] &= not per_section
    for _ in range(8):
        mask = rng.random(shape) < density
        labels = np.empty(shape, np.int32)
        sizes, firsts = label(mask, per_section, labels)
        expected, number = ndimage.label(mask, structure)
        assert len(sizes) == number + 1
        # the same pieces, numbered by their first voxels
        ids, first = np.unique(expected, return_index=True)
        order = np.argsort(first[ids > 0])
        rank = np.zeros(number + 1, int)
        rank[ids[ids > 0][order]] = np.arange(1, number + 1)
        np.testing.assert_array_equal(labels, rank[expected])
        assert sizes[1:].tolist() == np.bincount(labels.ravel(), minlength=number + 1)[1:].tolist()
        assert (labels.ravel()[firsts[1:]] == np.arange(1, number + 1)).all()
        assert (np.diff(firsts) > 0).all() or number < 2 or (np.diff(firsts[1:]) > 0).all()


@pytest.mark.parametrize(("value", "number"), [(True, 1), (False, 0)])
def test_all_or_nothing(label, value: bool, number: int) -> None:
    labels = np.empty((3, 1, 4), np.int32)
    sizes, _ = label(np.full((3, 1, 4), value), False, labels)
    assert (labels == number).all()
    assert sizes.tolist() == ([0, 12] if value else [0])


def test_a_spiral_is_one_piece(label) -> None:
    """Arms that meet late: many runs are joined through each other."""
    mask = np.zeros((1, 9, 9), bool)
    mask[0, 0], mask[0, :, 8], mask[0, 8], mask[0, 2:, 0], mask[0, 2, :7], mask[0, 2:7, 6], mask[0, 6, 2:7] = (
        True,
    ) * 7
    labels = np.empty(mask.shape, np.int32)
    sizes, _ = label(mask, False, labels)
    assert sizes.tolist() == [0, int(mask.sum())]


def test_values_that_touch_are_apart(label) -> None:
    values = np.array([[[5, 5, 7], [5, 7, 7]], [[0, 5, 7], [5, 5, 0]]], np.uint64) << np.uint64(40)
    labels = np.empty(values.shape, np.int32)
    sizes, firsts = label(values, False, labels)
    assert labels.tolist() == [[[1, 1, 2], [1, 2, 2]], [[0, 1, 2], [1, 1, 0]]]
    assert (sizes.tolist(), firsts.tolist()) == ([0, 6, 4], [0, 0, 2])
