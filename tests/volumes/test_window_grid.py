# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from monai.data.utils import compute_importance_map, dense_patch_slices

from monai_boundary.volumes.block_grid import BlockGrid
from monai_boundary.volumes.window_grid import WindowGrid, hull, inside, window_block


def test_windows_that_touch_a_block() -> None:
    grid = WindowGrid((1, 1, 12), (1, 1, 4), 0.5, "constant")
    assert grid.starts(2) == (0, 2, 4, 6, 8)
    blocks = BlockGrid((1, 1, 12), (1, 1, 6), (0, 0, 0))
    assert [w[2].start for w in grid.touching(blocks[0])] == [0, 2, 4]
    assert [w[2].start for w in grid.touching(blocks[1])] == [4, 6, 8]
    assert hull(grid.touching(blocks[1]), (1, 1, 12)) == (slice(0, 1), slice(0, 1), slice(4, 12))


def test_the_last_window_ends_with_the_volume_and_a_long_one_stands_in_its_middle() -> None:
    grid = WindowGrid((5, 4, 11), (8, 4, 4), 0.0, "constant")
    assert (grid.starts(0), grid.starts(1), grid.starts(2)) == ((-1,), (0,), (0, 4, 7))
    assert inside((slice(-1, 7),), (slice(0, 5),)) == ((slice(1, 6),), (slice(0, 5),))


def test_the_middle_of_a_window_weighs_most() -> None:
    weights = WindowGrid((1, 9, 9), (1, 5, 5), 0.5, "gaussian").weights().numpy()
    assert np.unravel_index(weights.argmax(), weights.shape) == (0, 2, 2)
    assert weights.min() > 0
    assert (WindowGrid((1, 9, 9), (1, 5, 5), 0.5, "constant").weights() == 1).all()


@pytest.mark.parametrize("seed", range(20))
def test_windows_and_weights_are_those_of_monai(seed: int) -> None:
    rng = np.random.default_rng(seed)
    window = tuple(rng.integers(1, 30, 3).tolist())
    shape = tuple((np.array(window) + rng.integers(0, 80, 3)).tolist())
    overlap, blend = (0.5, 0.25, 0.0, 0.6)[seed % 4], ("gaussian", "constant")[seed % 2]
    grid = WindowGrid(shape, window, overlap, blend)
    for axis in range(3):
        theirs = dense_patch_slices((shape[axis],), (window[axis],), (grid.steps[axis],))
        assert grid.starts(axis) == tuple(part.start for (part,) in theirs)
    np.testing.assert_allclose(grid.weights(), compute_importance_map(window, mode=blend), rtol=1e-6)


def test_a_block_computes_little_beyond_it() -> None:
    flat = WindowGrid((4000, 9000, 9000), (1, 192, 192), 0.5, "gaussian")
    assert window_block(flat) == (4, 3072, 3072)
    deep = window_block(WindowGrid((4000, 9000, 9000), (16, 96, 96), 0.5, "gaussian"))
    assert np.prod(deep) <= 2**26
    assert np.prod([1 + 8 / deep[0], 1 + 48 / deep[1], 1 + 48 / deep[2]]) < 1.3
    assert window_block(WindowGrid((3, 50, 60), (1, 128, 128), 0.5, "gaussian")) == (3, 50, 60)


def test_bad_windows() -> None:
    with pytest.raises(ValueError, match="`window` needs 3 entries >= 1"):
        WindowGrid((4, 4, 4), (4, 0, 4), 0.5, "gaussian")
