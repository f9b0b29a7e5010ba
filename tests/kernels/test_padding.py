# SPDX-License-Identifier: Apache-2.0
"""A padded volume, drawn: every voxel has all its face neighbours inside the array."""

from __future__ import annotations

import numpy as np
import pytest

from monai_boundary.kernels import padding


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("shape", [(1, 2, 3), (1, 1, 1), (2, 3, 4)])
def test_indices_and_offsets_are_those_of_numpy_s_padding(shape, compiled):
    strides, offsets_of, index_of = (
        function if compiled else function.py_func
        for function in (padding.padded_strides, padding.face_offsets, padding.padded_index)
    )
    pad = [(0, 0) if shape[0] == 1 else (1, 1), (1, 1), (1, 1)]
    padded = np.pad(np.arange(1, np.prod(shape) + 1).reshape(shape), pad)
    first, z_stride, y_stride, size = strides(*shape)
    assert size == padded.size
    assert padded.flat[first] == 1
    offsets = offsets_of(shape[0], z_stride, y_stride)
    assert len(offsets) == (4 if shape[0] == 1 else 6)
    for flat in range(int(np.prod(shape))):
        index = index_of(flat, *shape)
        assert padded.flat[index] == flat + 1
        place = np.array(np.unravel_index(index, padded.shape))
        axes = [1, 2] if shape[0] == 1 else [0, 1, 2]
        expected = [
            np.ravel_multi_index(tuple(place + d * np.eye(3, dtype=int)[a]), padded.shape)
            for a in axes
            for d in (-1, 1)
        ]
        np.testing.assert_array_equal(index + offsets, expected)
