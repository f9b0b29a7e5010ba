# SPDX-License-Identifier: Apache-2.0
"""The hint: in the compiled code it is there, and it neither changes nor reads anything."""

from __future__ import annotations

import numpy as np
from numba import njit

from monai_boundary.kernels.prefetch import prefetch


@njit
def _total(array, ahead):
    total = 0
    for i in range(array.size):
        prefetch(array, i + ahead)
        total += array[i]
    return total


def test_a_hint_changes_nothing_even_outside_of_the_array():
    array = np.arange(1000, dtype=np.uint32)
    for ahead in (0, 4, -1000, 1 << 31):
        assert _total(array, ahead) == 499500
        assert _total.py_func(array, ahead) == 499500
    np.testing.assert_array_equal(array, np.arange(1000))


def test_the_compiled_code_holds_the_instruction():
    _total(np.arange(10, dtype=np.uint32), 4)
    (llvm,) = _total.inspect_llvm().values()
    assert "call void @llvm.prefetch" in llvm
