# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_boundary.volumes.block_grid import BlockGrid
from monai_boundary.volumes.block_seeds import save_seeds, seeds_in_box


def test_drawn(tmp_path: Path) -> None:
    """Region 1 is deepest in the second block; region 2 as deep in both, and has the first place."""
    grid = BlockGrid((2, 2, 4), (2, 2, 2), (0, 0, 0))
    found = [
        {"ids": np.array([1, 2]), "depths": np.array([1.0, 2.0]), "places": np.array([0, 9])},
        {"ids": np.array([1, 2]), "depths": np.array([3.0, 2.0]), "places": np.array([14, 6])},
    ]
    file = save_seeds(tmp_path / "seeds.npy", found, grid, np.array([5, 5]), False)
    assert np.load(file).tolist() == [14, 6]
    box = (slice(0, 2), slice(1, 2), slice(2, 4))
    assert seeds_in_box(file, box, grid.shape, np.array([1, 2])).tolist() == [2, 0]
    assert seeds_in_box(file, (slice(0, 1), *box[1:]), grid.shape, np.array([1, 2])).tolist() == [-1, 0]
