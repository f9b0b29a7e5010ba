# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from monai_boundary.volumes.block_grid import BlockGrid
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.flood_ids import number_floods

GRID = BlockGrid((1, 1, 9), (1, 1, 3), (0, 0, 0))


def test_drawn(tmp_path: Path) -> None:
    """Markers 7 and 3, of which 7 comes first; a block without any."""
    floods = BlockRecords(tmp_path / "floods")
    floods.write(0, markers=[3, 7], sizes=[5, 5], firsts=[1, 0])
    floods.write(1, markers=[], sizes=[], firsts=[])
    floods.write(2, markers=[7], sizes=[1], firsts=[8])
    numbers = number_floods(floods, GRID)
    assert numbers.ids.tolist() == [2, 1, 1]
    assert (numbers.sizes.tolist(), numbers.removed) == ([6, 5], 0)
    assert numbers.starts.tolist() == [0, 2, 2, 3]
    numbers = number_floods(floods, GRID, min_size=6)
    assert (numbers.ids.tolist(), numbers.sizes.tolist(), numbers.removed) == ([0, 1, 1], [6], 1)
