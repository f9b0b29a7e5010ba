# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from monai_boundary.ops import (
    label_regions,
    region_cells,
    relabel_regions,
    remove_small_regions,
)

LABELS = arrays(np.int64, array_shapes(min_dims=2, max_dims=3, max_side=6), elements=st.sampled_from([0, 1, 3, 900]))


@given(LABELS, st.sampled_from([0, 1, 2, 4]), st.booleans())
def test_small_regions_by_counting(labels: np.ndarray, min_size: int, fill: bool) -> None:
    sizes = Counter(labels.flat)
    expected = np.array([v if v and sizes[v] >= min_size else 0 for v in labels.flat]).reshape(labels.shape)
    if fill:
        removed = (labels > 0) & (expected == 0)
        expected = np.where(removed, region_cells(expected), expected)
    np.testing.assert_array_equal(remove_small_regions(labels, min_size, fill=fill), expected)


def test_filling_what_was_removed_follows_the_spacing() -> None:
    labels = np.array([[1, 1, 1], [2, 3, 1], [4, 4, 4], [4, 4, 4]])
    removed = np.array([[1, 1, 1], [0, 0, 1], [4, 4, 4], [4, 4, 4]])
    np.testing.assert_array_equal(remove_small_regions(labels, 2), removed)
    filled = remove_small_regions(labels, 2, fill=True, spacing=(9, 1))
    np.testing.assert_array_equal(filled[1], [1, 1, 1])


@given(LABELS, st.integers(0, 2))
def test_relabelling(labels: np.ndarray, axis: int) -> None:
    new = relabel_regions(labels)
    seen = [v for v in dict.fromkeys(labels.flat) if v]
    numbers = {0: 0, **{v: i for i, v in enumerate(seen, 1)}}
    np.testing.assert_array_equal(new, np.vectorize(numbers.__getitem__, otypes=[int])(labels))
    assert new.dtype == np.int32
    np.testing.assert_array_equal(relabel_regions(new), new)
    np.testing.assert_array_equal(relabel_regions(labels, split=True), label_regions(labels))


def test_relabelling_large_ids() -> None:
    np.testing.assert_array_equal(relabel_regions(np.array([[2**60, 5, 2**60]])), [[1, 2, 1]])


def test_bad_labels() -> None:
    for function in (relabel_regions, lambda labels: remove_small_regions(labels, 2)):
        with pytest.raises(ValueError, match=r"`labels` needs whole numbers, got 0\.5"):
            function(np.array([[0.5]]))
        with pytest.raises(ValueError, match="`labels` needs ids >= 0, got -1"):
            function(np.array([[-1]]))
