# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch

from monai_boundary.workflows.losses.voxel_mean import VoxelMean, binary_cross_entropy, cross_entropy


def test_mean_over_the_voxels_that_count() -> None:
    values: Any = VoxelMean(lambda scores, truth: (scores - truth) ** 2)
    scores, truth = torch.tensor([[[[1.0, 2.0, 5.0]]]]), torch.zeros(1, 1, 1, 3)
    assert float(values(scores, truth)) == 10
    assert float(values(scores, truth, mask=torch.tensor([[[[1, 1, 0]]]]))) == 2.5
    assert float(values(scores, truth, mask=torch.zeros(1, 1, 1, 3))) == 0
    with pytest.raises(ValueError, match="`mask`"):
        values(scores, truth, mask=torch.ones(1, 1, 2, 3))


def test_what_does_not_count_may_be_no_class() -> None:
    scores, truth = torch.zeros(1, 2, 1, 3), torch.tensor([[[[0, 1, 255]]]])
    known = torch.tensor([[[[1, 1, 0]]]])
    assert float(VoxelMean(cross_entropy)(scores, truth, mask=known)) == pytest.approx(0.693147)
    assert float(VoxelMean(binary_cross_entropy)(scores[:, :1], truth, mask=known)) == pytest.approx(0.693147)
