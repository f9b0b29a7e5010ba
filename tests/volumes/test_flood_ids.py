# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_boundary.volumes.block_grid import BlockGrid
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.flood_ids import number_floods

GRID = BlockGrid((1, 1, 9), (1, 1, 3), (0, 0, 0))


def test_drawn(tmp_path: Path) -> None:
    """Markers 7 and 3; an orphan beside both, and one beside that orphan alone."""
    floods, pairs = BlockRecords(tmp_path / "floods"), BlockRecords(tmp_path / "pairs")
    floods.write(0, markers=[7, 3], sizes=[5, 5], firsts=[0, 1])
    floods.write(1, markers=[0], sizes=[4], firsts=[3])
    floods.write(2, markers=[0, 7], sizes=[2, 1], firsts=[6, 8])
    pairs.write(0, pairs2=np.array([[1, 1, 1], [2, 1, 3]]))  # the orphan shares three faces with marker 3
    pairs.write(1, pairs2=np.array([[1, 1, 5]]))
    pairs.write(2)
    numbers = number_floods(floods, pairs, GRID)
    assert numbers.ids.tolist() == [1, 2, 2, 2, 1]
    assert numbers.starts.tolist() == [0, 2, 3, 5]
    assert (numbers.sizes.tolist(), numbers.removed) == ([6, 11], 0)
    numbers = number_floods(floods, pairs, GRID, min_size=7)
    assert (numbers.ids.tolist(), numbers.sizes.tolist(), numbers.removed) == ([0, 1, 1, 1, 0], [11], 1)


def test_a_tie_goes_to_the_smaller_id(tmp_path: Path) -> None:
    floods, pairs = BlockRecords(tmp_path / "floods"), BlockRecords(tmp_path / "pairs")
    floods.write(0, markers=[7, 3], sizes=[1, 1], firsts=[0, 1])
    floods.write(1, markers=[0], sizes=[1], firsts=[3])
    pairs.write(0, pairs2=np.array([[1, 1, 2], [2, 1, 2]]))
    pairs.write(1)
    numbers = number_floods(floods, pairs, BlockGrid((1, 1, 6), (1, 1, 3), (0, 0, 0)))
    assert numbers.ids.tolist() == [1, 2, 2]
