# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_boundary.kernels.label_table import label_measures, look_up


@pytest.mark.parametrize("take", [look_up, look_up.py_func], ids=["compiled", "python"])
def test_drawn(take) -> None:
    labels = np.array([0, 2, 1, 2], np.int32)
    found = np.zeros(4, np.uint64)
    take(labels, np.array([0, 7, 2**40], np.uint64), found)
    assert found.tolist() == [0, 2**40, 7, 2**40]
    take(labels, np.array([0, 5, 6], np.uint32), labels.view(np.uint32))
    assert labels.tolist() == [0, 6, 5, 6], "in place"


@pytest.mark.parametrize("measure", [label_measures, label_measures.py_func], ids=["compiled", "python"])
def test_voxels_and_first_places(measure) -> None:
    sizes, firsts = measure(np.array([3, 0, 1, 1, 3], np.int32), 4)
    assert sizes.tolist() == [1, 2, 0, 2, 0]
    assert firsts.tolist() == [1, 2, 0, 0, 0]
