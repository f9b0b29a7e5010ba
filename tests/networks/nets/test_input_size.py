# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re

import pytest
import torch

from monai_boundary.networks.nets.input_size import check_input


@pytest.mark.parametrize(
    ("shape", "strides"),
    [((1, 4, 16, 8), [8, 8]), ((3, 4, 8, 16), [8, 8]), ((1, 4, 8, 8, 4), [8, 8, 2]), ((1, 4, 2, 1), [1, 1])],
)
def test_sizes_that_the_strides_divide(shape, strides):
    check_input(torch.zeros(shape), 4, strides)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 4, 16), "`x` needs shape (B, C, spatial) with 2 spatial axes, got 3 axes in all."),
        ((1, 4, 16, 16, 16), "`x` needs shape (B, C, spatial) with 2 spatial axes, got 5 axes in all."),
        ((1, 3, 16, 16), "`x` needs 4 channels (`in_channels`), got 3."),
        (
            (1, 4, 20, 16),
            "multiples of the strides [8, 4], and twice that along one axis: the least size is [8, 8], got",
        ),
        ((1, 4, 4, 16), "the least size is [8, 8], got [4, 16]."),
        ((1, 4, 8, 4), "the least size is [8, 8], got [8, 4]."),
        ((1, 4, 0, 8), "the least size is [8, 8], got [0, 8]."),
    ],
)
def test_what_is_refused(shape, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check_input(torch.zeros(shape), 4, [8, 4])


def test_compiled_it_refuses_the_same():
    compiled = torch.jit.script(check_input)
    compiled(torch.zeros(1, 4, 8, 8), 4, [8, 4])
    with pytest.raises(Exception, match="the least size is"):
        compiled(torch.zeros(1, 4, 8, 4), 4, [8, 4])
