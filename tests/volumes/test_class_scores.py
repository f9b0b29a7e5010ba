# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_boundary.volumes.block_grid import BlockGrid
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.class_scores import class_scores


def test_drawn(tmp_path: Path) -> None:
    """Two blocks: area 10 at 0, 5 at 4 nm and 5 beyond the radius; the truth's is 20 at 0."""
    records, grid = BlockRecords(tmp_path), BlockGrid((1, 1, 4), (1, 1, 2), (0, 0, 0))
    records.write(0, voxels0=[3, 2, 1], pred0=[[0.0, np.inf], [4.0, 5.0]], true0=[[0.0], [12.0]])
    records.write(1, voxels0=[1, 2, 1], pred0=[[0.0, 4.0], [6.0, 5.0]], true0=[[0.0], [8.0]])
    scores = class_scores(records, grid, 0, 4.0, (1.0, 1.0, 1.0))
    assert scores["dice"] == 2 * 2 / (4 + 4)
    assert scores["iou"] == 2 / 6
    assert scores["nsd"] == pytest.approx(35 / 40)
    assert scores["boundary_f"] == pytest.approx(2 * 0.75 / 1.75)
    assert scores["beyond"] == pytest.approx(5 / 40)
    assert np.isnan([scores["hd95"], scores["hd"], scores["assd"]]).all()
    assert (scores["volume_truth"], scores["volume_prediction"], scores["missed"]) == (4, 4, 0)
