# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_boundary.networks import ResidualPath


def test_a_path_is_a_chain_of_sums():
    path = ResidualPath(2, 3, 4, length=3, norm="")
    x = torch.randn(1, 3, 6, 6)
    expected = x
    for step in path.steps:
        expected = (step.straight(expected) + step.bent(expected)).relu()
    torch.testing.assert_close(path(x), expected)
    assert [step.bent[0].in_channels for step in path.steps] == [3, 4, 4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((5, 1, 1, 1), "`spatial_dims` needs 2 or 3"),
        ((2, 0, 1, 1), "`in_channels` needs a finite number > 0"),
        ((2, 1, 0, 1), "`channels` needs a finite number > 0"),
        ((2, 1, 1, 0), "`length` needs a finite number > 0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ResidualPath(*arguments)
