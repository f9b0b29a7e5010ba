# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from monai_boundary.volumes.block_markers import deep_voxels, grey_steps


def test_deep_voxels(rng: np.random.Generator) -> None:
    cells = ndimage.gaussian_filter(rng.random((6, 20, 20)), 1) < 0.52
    spacing = (3.0, 1.0, 2.0)
    far = ndimage.distance_transform_edt(cells, sampling=spacing)
    np.testing.assert_array_equal(deep_voxels(cells, 2.5, spacing, False), far >= 2.5)
    section = ndimage.distance_transform_edt(cells[3], sampling=spacing[1:])
    np.testing.assert_array_equal(deep_voxels(cells, 2.5, spacing, True)[3], section >= 2.5)


@pytest.mark.parametrize("value", [True, False])
def test_of_one_phase_all_is_deep_or_nothing(value: bool) -> None:
    assert (deep_voxels(np.full((2, 3, 4), value), 9.0, (1.0, 1.0, 1.0), False) == value).all()


def test_grey_steps() -> None:
    assert grey_steps(np.array([0, 1, 254, 255], np.uint8)).tolist()[::3] == [0, 255]
    assert grey_steps(np.array([0, 2**15, 2**16 - 1], np.uint16)).tolist() == [0, 127, 255]
    assert grey_steps(np.array([0, 2**31, 2**32 - 1], np.uint32)).tolist() == [0, 127, 255]
    assert grey_steps(np.array([0, 0.25, 1], np.float16)).tolist() == [0, 63, 255]
    below = np.nextafter(np.float32(1), np.float32(0))
    assert grey_steps(np.array([below], np.float32)).tolist() == [254], "what is below the threshold is no 255"
    assert grey_steps(np.array([2**32 - 2], np.uint32)).tolist() == [254]
