# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_boundary.kernels.component_counts import component_counts


@pytest.mark.parametrize("count", [component_counts, component_counts.py_func], ids=["compiled", "python"])
def test_drawn(count) -> None:
    sizes, firsts = np.zeros(5, np.int64), np.full(5, -7)
    count(np.array([0, 2, 2, 0, 1, 4, 2], np.int32), sizes, firsts)
    assert sizes.tolist() == [2, 1, 3, 0, 1]
    assert firsts.tolist() == [0, 4, 1, -7, 5]


def test_against_unique(rng: np.random.Generator) -> None:
    labels = rng.integers(0, 40, 5000).astype(np.int32)
    sizes, firsts = np.zeros((2, 40), np.int64)
    component_counts(labels, sizes, firsts)
    ids, first, count = np.unique(labels, return_index=True, return_counts=True)
    assert (sizes[ids] == count).all()
    assert (firsts[ids] == first).all()
